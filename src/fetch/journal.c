#include "fetch/journal.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define FORMAT_NAME "vanta-partial"

static enum vanta_status take_text(const struct vanta_json_doc *doc, const json_t *json,
                                   const char *key, char *out, size_t size,
                                   struct vanta_error *err)
{
    const char *text = NULL, *c;
    enum vanta_status status = vanta_json_string(doc, json, "", key, true, &text, err);

    if (status != VANTA_OK)
        return status;
    /* A validator goes into a request's header. */
    for (c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return vanta_json_fail(doc, "", key, err, "has a control character in it");
    if (!vanta_format(out, size, "%s", text))
        return vanta_json_fail(doc, "", key, err, "is too long");
    return VANTA_OK;
}

static enum vanta_status read_journal(const struct vanta_json_doc *doc,
                                      const json_t *json, struct vanta_journal *out,
                                      struct vanta_error *err)
{
    const char *format = NULL;
    enum vanta_status status;
    int64_t version = 0;

    if (!json_is_object(json))
        return vanta_json_fail(doc, "", NULL, err, "must be an object");
    status = vanta_json_string(doc, json, "", "format", true, &format, err);
    if (status == VANTA_OK && strcmp(format, FORMAT_NAME) != 0)
        status = vanta_json_fail(doc, "", "format", err, "is not \"%s\"", FORMAT_NAME);
    if (status == VANTA_OK)
        status = vanta_json_integer(doc, json, "", "version", true, 1, 1, &version, err);
    if (status == VANTA_OK)
        status = take_text(doc, json, "source", out->source, sizeof out->source, err);
    if (status == VANTA_OK)
        status =
            take_text(doc, json, "validator", out->validator, sizeof out->validator, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(doc, json, "", "size_bytes", true, -1, INT64_MAX,
                                    &out->size_bytes, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(doc, json, "", "synced_bytes", true, 0, INT64_MAX,
                                    &out->synced_bytes, err);
    return status;
}

enum vanta_status vanta_journal_parse(const void *data, size_t len, const char *name,
                                      struct vanta_journal *out, struct vanta_error *err)
{
    struct vanta_json_doc doc = {name};
    enum vanta_status status;
    json_t *json = NULL;

    memset(out, 0, sizeof *out);
    if (len > VANTA_JOURNAL_BYTES_MAX)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: larger than a journal is", name);
    status = vanta_json_load(data, len, name, &json, err);
    if (status == VANTA_OK)
        status = read_journal(&doc, json, out, err);
    json_decref(json);
    if (status != VANTA_OK)
        memset(out, 0, sizeof *out);
    return status;
}

enum vanta_status vanta_journal_load(const char *path, struct vanta_journal *out,
                                     struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_JOURNAL_BYTES_MAX);
    enum vanta_status status = vanta_file_read(path, &text, err);

    memset(out, 0, sizeof *out);
    if (status == VANTA_OK)
        status = vanta_journal_parse(text.data ? text.data : "", text.len, path, out, err);
    vanta_buf_free(&text);
    return status;
}

enum vanta_status vanta_journal_save(const char *path, const struct vanta_journal *journal,
                                     struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_JOURNAL_BYTES_MAX);
    enum vanta_status status;
    json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I}", "format", FORMAT_NAME,
                             "version", 1, "source", journal->source, "validator",
                             journal->validator, "size_bytes",
                             (json_int_t)journal->size_bytes, "synced_bytes",
                             (json_int_t)journal->synced_bytes);

    if (!json)
        return vanta_fail_memory(err);
    status = vanta_json_dump(json, &text, err);
    if (status == VANTA_OK)
        status = vanta_file_replace(path, text.data, text.len, err);
    json_decref(json);
    vanta_buf_free(&text);
    return status;
}
