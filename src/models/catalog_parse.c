/* One document into records: what stands in it, each part checked by itself. */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/catalog_private.h"

static const char *const type_names[] = {"whisper", "llm", "embedding", "tts", NULL};

/* "sha512-" and the base64 of 64 bytes. */
static bool is_integrity(const char *text)
{
    size_t i;

    if (!vanta_has_prefix(text, "sha512-") || strlen(text) != 7 + 88 ||
        strcmp(text + 93, "==") != 0)
        return false;
    for (i = 7; i < 93; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= 'a' && text[i] <= 'z') || text[i] == '+' || text[i] == '/'))
            return false;
    return true;
}

/* As sources name packages after their parsing: PEP 503 for pypi, [@SCOPE/]NAME for
 * npm. A letter or digit first, so that no name can be taken for an option. */
static bool is_package_name(const char *name, bool npm)
{
    bool at_start = true;
    const char *p = name;

    if (npm && *p == '@')
        p++;
    for (; *p; p++) {
        bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');

        if (npm && *p == '/' && name[0] == '@' && !at_start && !strchr(p + 1, '/')) {
            at_start = true;
            continue;
        }
        if (!alnum && (at_start || !strchr(npm ? "-._" : "-", *p)))
            return false;
        if (!npm && *p == '-' && (p[1] == '-' || p[1] == '\0'))
            return false;
        at_start = false;
    }
    return !at_start;
}

static bool is_version(const char *text)
{
    const char *p;

    for (p = text; *p; p++) {
        bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9');

        if (!alnum && (p == text || !strchr(".+!_-", *p)))
            return false;
    }
    return true;
}

static void parse_package(struct catalog_reader *r, struct vanta_package *out)
{
    static const char *const keys[] = {"index",      "name",   "version",
                                       "size_bytes", "sha256", "integrity", NULL};
    static const char *const indexes[] = {"pypi", "npm", NULL};
    bool npm;

    catalog_known_keys(r, keys);
    npm = catalog_choice(r, "index", true, indexes) == 1;
    out->index = indexes[npm];
    catalog_text(r, "name", true, CATALOG_NAME_MAX, &out->name);
    catalog_text(r, "version", true, 64, &out->version);
    out->size_bytes = -1;
    catalog_integer(r, "size_bytes", false, 1, CATALOG_FILE_BYTES_MAX, &out->size_bytes);
    catalog_text(r, "sha256", !npm, CATALOG_NAME_MAX, &out->sha256);
    catalog_text(r, "integrity", npm, CATALOG_NAME_MAX, &out->integrity);
    if (r->status != VANTA_OK)
        return;
    if (!is_package_name(out->name, npm))
        catalog_reader_fail(r, "name", "\"%.80s\" is not a %s package's name%s",
                            out->name, out->index,
                            npm ? "" : " in its normal form: small letters, digits and "
                                       "single \"-\"");
    if (!is_version(out->version))
        catalog_reader_fail(r, "version", "\"%.64s\" cannot be a version", out->version);
    if (out->sha256 && !vanta_sha256_is_hex(out->sha256))
        catalog_reader_fail(r, "sha256", "must be 64 digits of 0-9 and a-f");
    if (out->integrity && !npm)
        catalog_reader_fail(r, "integrity", "goes with npm packages only");
    if (out->integrity && !is_integrity(out->integrity))
        catalog_reader_fail(r, "integrity", "must be \"sha512-\" and 64 bytes in base64");
}

static void parse_license(struct catalog_reader *r, struct catalog_license_record *record)
{
    static const char *const keys[] = {"id",          "name",
                                       "url",         "summary",
                                       "must_accept", "may_redistribute",
                                       "text",        "override",
                                       NULL};
    struct vanta_license *out = &record->license;
    char pointer[VANTA_JSON_POINTER_MAX];
    struct catalog_reader text;

    catalog_known_keys(r, keys);
    catalog_id(r, "id", &out->id);
    catalog_text(r, "name", true, CATALOG_NAME_MAX, &out->name);
    catalog_https(r, "url", &out->url);
    catalog_text(r, "summary", false, CATALOG_TEXT_MAX, &out->summary);
    catalog_boolean(r, "must_accept", &out->must_accept);
    catalog_boolean(r, "may_redistribute", &out->may_redistribute);
    catalog_boolean(r, "override", &record->place.override);
    text = catalog_member(r, "text", false, pointer);
    if (text.object)
        catalog_file(&text, true, &out->text);
    else
        out->text.size_bytes = -1;
    catalog_reader_join(r, &text);
    if (r->status == VANTA_OK && !out->url && !out->text.path)
        catalog_reader_fail(r, NULL, "has neither \"url\" nor \"text\"");
    if (r->status == VANTA_OK && out->must_accept && !out->summary)
        catalog_reader_fail(r, "summary", "is missing: people are asked to accept it");
}

static void parse_slot(struct catalog_reader *r, struct catalog_slot *out)
{
    static const char *const keys[] = {"type", "models", NULL};
    int type;

    catalog_known_keys(r, keys);
    type = catalog_choice(r, "type", true, type_names);
    out->type = type < 0 ? VANTA_TYPE_UNKNOWN : (enum vanta_model_type)type;
    catalog_words(r, "models", true, true, &out->ids, &out->n_ids);
    if (r->status == VANTA_OK && out->n_ids == 0)
        catalog_reader_fail(r, "models", "is empty");
}

static void parse_profile(struct catalog_reader *r, struct catalog_profile_record *record)
{
    static const char *const keys[] = {"name",  "description", "extends",
                                       "slots", "override",    NULL};
    struct catalog_slot *slots = NULL;
    const json_t *list;
    size_t i, n;

    catalog_known_keys(r, keys);
    catalog_id(r, "name", &record->profile.name);
    catalog_text(r, "description", true, CATALOG_TEXT_MAX, &record->profile.description);
    catalog_words(r, "extends", false, true, &record->extends, &record->n_extends);
    catalog_boolean(r, "override", &record->place.override);
    list = catalog_list(r, "slots", record->n_extends == 0, CATALOG_SLOTS_MAX);
    n = json_array_size(list);
    if (n > 0 && r->status == VANTA_OK &&
        !(slots = catalog_alloc(r->catalog, n, sizeof *slots, r->err)))
        r->status = VANTA_ERR_NO_MEMORY;
    for (i = 0; i < n && r->status == VANTA_OK; i++) {
        char pointer[VANTA_JSON_POINTER_MAX];
        struct catalog_reader slot = catalog_element(r, "slots", list, i, pointer);

        parse_slot(&slot, &slots[i]);
        catalog_reader_join(r, &slot);
    }
    record->own = slots;
    record->n_own = n;
    if (r->status == VANTA_OK && n == 0 && record->n_extends == 0)
        catalog_reader_fail(r, "slots", "is empty");
}

static void parse_record(struct catalog_reader *r, int section, void *record)
{
    switch (section) {
    case 0:
        parse_license(r, record);
        return;
    case 1:
        parse_package(r, &((struct catalog_package_record *)record)->package);
        return;
    case 2:
        catalog_model(r, record);
        return;
    default:
        parse_profile(r, record);
    }
}

/* All elements of one of the document's four lists. */
static void parse_section(struct catalog_reader *top, int section)
{
    struct vanta_catalog *catalog = top->catalog;
    const struct {
        const char *key;
        size_t most, size;
        struct catalog_array *array;
    } sections[] = {
        {"licenses", CATALOG_LICENSES_MAX, sizeof(struct catalog_license_record),
         &catalog->licenses},
        {"packages", CATALOG_MODELS_MAX, sizeof(struct catalog_package_record),
         &catalog->packages},
        {"models", CATALOG_MODELS_MAX, sizeof(struct catalog_model_record),
         &catalog->models},
        {"profiles", CATALOG_PROFILES_MAX, sizeof(struct catalog_profile_record),
         &catalog->profiles},
    };
    const char *key = sections[section].key;
    const json_t *list = catalog_list(top, key, false, sections[section].most);
    size_t i;

    for (i = 0; i < json_array_size(list) && top->status == VANTA_OK; i++) {
        char pointer[VANTA_JSON_POINTER_MAX];
        struct catalog_reader r = catalog_element(top, key, list, i, pointer);
        /* Every record starts with its place. */
        struct catalog_place *place =
            catalog_push(sections[section].array, sections[section].size, top->err);

        if (!place) {
            top->status = VANTA_ERR_NO_MEMORY;
            return;
        }
        place->document = top->document;
        place->section = key;
        place->index = i;
        parse_record(&r, section, place);
        catalog_reader_join(top, &r);
    }
}

enum vanta_status catalog_parse(struct vanta_catalog *catalog,
                                struct catalog_document *document,
                                struct vanta_error *err)
{
    static const char *const keys[] = {"$schema",  "format", "version",  "licenses",
                                       "packages", "models", "profiles", NULL};
    struct catalog_reader r = {.catalog = catalog,
                               .document = document,
                               .object = document->root,
                               .where = "",
                               .err = err};
    const char *format = NULL, *schema = NULL;
    int64_t version = 0;
    int section;

    if (!json_is_object(document->root))
        catalog_reader_fail(&r, NULL, "a catalog is a JSON object");
    catalog_text(&r, "format", true, CATALOG_NAME_MAX, &format);
    if (r.status == VANTA_OK && strcmp(format, "vanta-catalog") != 0)
        catalog_reader_fail(&r, "format", "must be \"vanta-catalog\"");
    catalog_integer(&r, "version", true, 1, INT32_MAX, &version);
    if (r.status == VANTA_OK && version != 1)
        catalog_reader_fail(&r, "version", "is %lld; this program reads version 1",
                            (long long)version);
    catalog_known_keys(&r, keys);
    catalog_text(&r, "$schema", false, CATALOG_TEXT_MAX, &schema);
    for (section = 0; section < 4; section++)
        parse_section(&r, section);
    return r.status;
}
