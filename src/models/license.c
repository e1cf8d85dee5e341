/* license.c - licence texts and the answers to them. */
#include "models/license.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"

#define FOLDER ".license"
#define TEXT_NAME "LICENSE.txt"
#define ANSWER_NAME "accepted.json"

enum vanta_status vanta_license_fetch(struct vanta_fetcher *fetcher,
                                      const struct vanta_license *license,
                                      struct vanta_buf *out, struct vanta_error *err)
{
    const struct vanta_catalog_file *text = &license->text;
    char folder[VANTA_PATH_MAX], dest[VANTA_PATH_MAX], partial[VANTA_PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    struct vanta_fetch_item item = {.label = license->id,
                                    .dest = dest,
                                    .size_bytes = text->size_bytes,
                                    .sha256 = text->sha256,
                                    .magic = text->magic,
                                    .sources = text->sources,
                                    .n_sources = text->n_sources};
    enum vanta_status status;

    if (text->n_sources == 0)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: the catalog names no text",
                          license->id);
    if (!vanta_path_join(folder, tmp && tmp[0] == '/' ? tmp : "/tmp",
                         "vanta-license-XXXXXX") ||
        !mkdtemp(folder))
        return vanta_fail_errno(err, errno, "creating a folder in %s",
                                tmp ? tmp : "/tmp");
    if (!vanta_path_join(dest, folder, TEXT_NAME) ||
        !vanta_path_join(partial, folder, "partial"))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", folder);
    else
        status = vanta_fetch_files(fetcher, &item, 1, partial, false, err);
    if (status == VANTA_OK)
        status = vanta_file_read(dest, out, err);
    if (status == VANTA_OK && !vanta_buf_append(out, "", 0))
        status = vanta_fail_memory(err);
    vanta_remove_tree(folder, NULL);
    return status;
}

enum vanta_status vanta_license_notice(const struct vanta_license *license,
                                       struct vanta_buf *out, struct vanta_error *err)
{
    if (vanta_buf_printf(out, "%s\n", license->name ? license->name : license->id) &&
        (!license->summary || vanta_buf_printf(out, "%s\n", license->summary)) &&
        (!license->url || vanta_buf_printf(out, "The text: %s\n", license->url)))
        return VANTA_OK;
    return vanta_fail_memory(err);
}

static bool notice_digest(const struct vanta_license *license,
                          char digest[VANTA_SHA256_HEX])
{
    struct vanta_buf notice = VANTA_BUF(VANTA_LICENSE_BYTES_MAX);
    bool ok = vanta_license_notice(license, &notice, NULL) == VANTA_OK &&
              vanta_sha256_buffer(notice.data, notice.len, digest, NULL) == VANTA_OK;

    vanta_buf_free(&notice);
    return ok;
}

static bool read_record(const char *path, const struct vanta_license *license,
                        struct vanta_license_answer *out)
{
    const struct vanta_json_doc doc = {path};
    const char *id = NULL, *digest = NULL, *date = NULL;
    json_t *json = NULL;
    bool ok = vanta_json_load_file(path, VANTA_LICENSE_BYTES_MAX, &json, NULL) ==
                  VANTA_OK &&
              vanta_json_string(&doc, json, "", "license", true, &id, NULL) == VANTA_OK &&
              vanta_json_string(&doc, json, "", "digest", true, &digest, NULL) ==
                  VANTA_OK &&
              vanta_json_string(&doc, json, "", "date", true, &date, NULL) == VANTA_OK &&
              strcmp(id, license->id) == 0 && vanta_sha256_is_hex(digest) &&
              vanta_format(out->digest, sizeof out->digest, "%s", digest) &&
              vanta_format(out->date, sizeof out->date, "%s", date);

    json_decref(json);
    return ok;
}

bool vanta_license_answered(const char *model_dir, const struct vanta_license *license,
                            const struct vanta_entry *entry,
                            struct vanta_license_answer *out)
{
    char path[VANTA_PATH_MAX];

    memset(out, 0, sizeof *out);
    if (entry && entry->accepted_digest && entry->accepted_date && entry->license &&
        strcmp(entry->license, license->id) == 0 &&
        vanta_sha256_is_hex(entry->accepted_digest) &&
        vanta_format(out->digest, sizeof out->digest, "%s", entry->accepted_digest) &&
        vanta_format(out->date, sizeof out->date, "%s", entry->accepted_date))
        return true;
    memset(out, 0, sizeof *out);
    if (vanta_path_join3(path, model_dir, FOLDER, ANSWER_NAME) &&
        read_record(path, license, out))
        return true;
    memset(out, 0, sizeof *out);
    return false;
}

bool vanta_license_holds(const struct vanta_license_answer *answer,
                         const struct vanta_license *license, const char *text)
{
    char digest[VANTA_SHA256_HEX];

    if (!answer->digest[0])
        return false;
    /* What was accepted where no text could be had. */
    if (notice_digest(license, digest) && strcmp(answer->digest, digest) == 0)
        return true;
    if (license->text.sha256)
        return strcmp(answer->digest, license->text.sha256) == 0;
    if (!text)
        return true;
    return vanta_sha256_buffer(text, strlen(text), digest, NULL) == VANTA_OK &&
           strcmp(answer->digest, digest) == 0;
}

static enum vanta_status write_answer(const char *folder,
                                      const struct vanta_license *license,
                                      const struct vanta_license_answer *answer,
                                      struct vanta_error *err)
{
    struct vanta_buf out = VANTA_BUF(VANTA_LICENSE_BYTES_MAX);
    json_t *json = json_pack("{s:i, s:s, s:s, s:s}", "version", 1, "license", license->id,
                             "digest", answer->digest, "date", answer->date);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!json || !vanta_path_join(path, folder, ANSWER_NAME))
        status = vanta_fail_memory(err);
    else
        status = vanta_json_dump(json, &out, err);
    if (status == VANTA_OK)
        status = vanta_file_replace(path, out.data, out.len, err);
    json_decref(json);
    vanta_buf_free(&out);
    return status;
}

enum vanta_status vanta_license_store(const char *model_dir,
                                      const struct vanta_license *license,
                                      const char *text,
                                      struct vanta_license_answer *answer,
                                      struct vanta_error *err)
{
    struct vanta_buf notice = VANTA_BUF(VANTA_LICENSE_BYTES_MAX);
    char folder[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    enum vanta_status status = VANTA_OK;

    if (!text) {
        status = vanta_license_notice(license, &notice, err);
        text = notice.data;
    }
    if (status == VANTA_OK)
        status = vanta_sha256_buffer(text, strlen(text), answer->digest, err);
    if (status == VANTA_OK && (!vanta_path_join(folder, model_dir, FOLDER) ||
                               !vanta_path_join(path, folder, TEXT_NAME)))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", model_dir);
    if (status == VANTA_OK)
        status = vanta_path_inside(model_dir, folder, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(folder, err);
    if (status == VANTA_OK)
        status = vanta_file_replace(path, text, strlen(text), err);
    vanta_time_now(answer->date);
    if (status == VANTA_OK)
        status = write_answer(folder, license, answer, err);
    vanta_buf_free(&notice);
    return status;
}
