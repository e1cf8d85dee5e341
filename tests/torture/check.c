/*
 * check.c - what must hold in a models folder at any moment, whatever happened to it.
 *
 *     check ROOT CATALOG [bad ID] [keep ID...] [complete ID...]
 *
 * Shares no code with the program that is tested: JSON by jansson, digests by libcrypto.
 *   - A file below <type folder>/<id>/ is one that the catalog lists, with its digest.
 *     Hidden names are those that docs/registry.md and file.h know.
 *   - registry.json, when there, is whole: version 2, every field of its type, ids unique,
 *     files and hash those of the catalog. So is every earlier one in history/.
 *   - A chunk file is right in itself, and every digest in it that of its file's bytes.
 *   - bad: of this model a file was spoiled from outside, and need not be right yet.
 *   - keep: these models are listed and their files are all there: nothing is lost.
 *     complete: that, and nothing half done is left beside them.
 * Exit 0, or 1 with a line for each thing that is wrong.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)4 << 20)

static const char *root, *bad = "";
static json_t *models, *listed;
static int wrong;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    wrong = 1;
}

static void die(const char *what)
{
    printf("check: %s\n", what);
    exit(2);
}

static char *join(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        die("out of memory");
    va_end(args);
    return text;
}

static uint8_t *load(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *data;

    if (!file || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        if (file)
            fclose(file);
        return NULL;
    }
    *len = (size_t)st.st_size;
    data = malloc(*len + 1);
    if (!data || fread(data, 1, *len, file) != *len)
        die(path);
    fclose(file);
    return data;
}

static void hex_of(const void *data, size_t len, char hex[65])
{
    uint8_t digest[32];
    int i;

    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
        die("no SHA-256");
    for (i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "";
}

static const char *folder_of(const char *type)
{
    return strcmp(type, "embedding") == 0 ? "embeddings" : type;
}

static json_t *model_of(const char *id)
{
    json_t *model;
    size_t i;

    json_array_foreach (models, i, model)
        if (strcmp(text(model, "id"), id) == 0)
            return model;
    return NULL;
}

static json_t *file_of(const json_t *model, const char *path)
{
    json_t *file;
    size_t i;

    json_array_foreach (json_object_get(model, "files"), i, file)
        if (strcmp(text(file, "path"), path) == 0)
            return file;
    return NULL;
}

/* --- files --- */

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

/* .NAME.tmp-PID-N */
static bool is_temporary(const char *name)
{
    const char *at = strstr(name, ".tmp-");
    int n = 0;

    return name[0] == '.' && at && sscanf(at, ".tmp-%*u-%*u%n", &n) == 0 && n > 0 &&
           at[n] == '\0';
}

static bool is_known_hidden(const char *name)
{
    return is_temporary(name) || ends(name, ".lock") || ends(name, ".partial") ||
           strcmp(name, ".vanta") == 0 || strcmp(name, ".license") == 0;
}

static void check_file(const json_t *model, const char *relative, const char *path)
{
    json_t *file = file_of(model, relative);
    size_t len = 0;
    uint8_t *data = load(path, &len);
    char hex[65];

    if (!file) {
        say("%s: the catalog has no such file", path);
    } else if (!data) {
        say("%s: cannot be read", path);
    } else {
        hex_of(data, len, hex);
        if (strcmp(hex, text(file, "sha256")) != 0 && strcmp(text(model, "id"), bad) != 0)
            say("%s: has the digest %s under its final name, not %s", path, hex,
                text(file, "sha256"));
    }
    free(data);
}

static void walk(const json_t *model, const char *dir, const char *below)
{
    DIR *open_dir = opendir(dir);
    struct dirent *entry;
    struct stat st;

    while (open_dir && (entry = readdir(open_dir))) {
        char *path = join("%s/%s", dir, entry->d_name), *relative;

        relative = join("%s%s%s", below, *below ? "/" : "", entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            ;
        } else if (entry->d_name[0] == '.') {
            if (!is_known_hidden(entry->d_name))
                say("%s: nobody knows what this is", path);
        } else if (lstat(path, &st) != 0) {
            say("%s: cannot be looked at", path);
        } else if (S_ISDIR(st.st_mode)) {
            walk(model, path, relative);
        } else {
            check_file(model, relative, path);
        }
        free(path);
        free(relative);
    }
    if (open_dir)
        closedir(open_dir);
}

static void check_type(const char *type)
{
    char *dir = join("%s/%s", root, folder_of(type));
    DIR *open_dir = opendir(dir);
    struct dirent *entry;

    while (open_dir && (entry = readdir(open_dir))) {
        char *path = join("%s/%s", dir, entry->d_name);
        json_t *model = model_of(entry->d_name);

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            ;
        else if (entry->d_name[0] == '.' && !is_known_hidden(entry->d_name))
            say("%s: nobody knows what this is", path);
        else if (entry->d_name[0] != '.' && (!model || strcmp(text(model, "type"), type)))
            say("%s: no model of the catalog", path);
        else if (model)
            walk(model, path, "");
        free(path);
    }
    if (open_dir)
        closedir(open_dir);
    free(dir);
}

/* --- the registry --- */

static bool is_id(const char *id)
{
    size_t n = strlen(id);

    return n > 0 && n <= 64 && isalnum((unsigned char)id[0]) &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               n;
}

static bool is_kind(const json_t *value, char kind)
{
    switch (kind) {
    case 's': return json_is_string(value);
    case 'S': return json_is_string(value) || json_is_null(value);
    case 'N': return json_is_integer(value) || json_is_null(value);
    case 'o': return json_is_object(value);
    case 'O': return json_is_object(value) || json_is_null(value);
    default: return json_is_array(value);
    }
}

static void check_entry(const char *name, const json_t *entry)
{
    static const struct {
        const char *name;
        char kind;
    } fields[] = {
        {"id", 's'},          {"name", 's'},         {"type", 's'},
        {"version", 's'},     {"path", 'S'},         {"size", 's'},
        {"format", 's'},      {"quantization", 'S'}, {"date_added", 's'},
        {"hash", 'S'},        {"parameters", 'o'},   {"hardware_requirements", 'o'},
        {"metadata", 'o'},    {"size_bytes", 'N'},   {"files", 'a'},
        {"source", 'S'},      {"preparation", 'O'},  {"license", 'O'},
        {"verified", 'O'},    {"tests", 'a'},
    };
    const char *id = text(entry, "id");
    json_t *model = model_of(id), *file, *known;
    size_t i;

    for (i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!json_object_get(entry, fields[i].name) ||
            !is_kind(json_object_get(entry, fields[i].name), fields[i].kind))
            say("%s: %s: %s is missing or no such kind", name, id, fields[i].name);
    if (!is_id(id))
        say("%s: \"%s\" is no id", name, id);
    if (!model || strcmp(text(entry, "type"), text(model, "type")) != 0)
        say("%s: %s: the catalog has no such model", name, id);
    json_array_foreach (json_object_get(entry, "files"), i, file) {
        known = file_of(model, text(file, "path"));
        if (!known || strcmp(text(known, "sha256"), text(file, "sha256")) != 0)
            say("%s: %s: %s is registered as %s", name, id, text(file, "path"),
                text(file, "sha256"));
    }
}

/* The models of a registry that is right so far, or NULL when there is none. */
static json_t *check_registry(const char *name)
{
    json_error_t error;
    json_t *registry, *array, *entry, *other;
    size_t i, j;

    if (access(name, F_OK) != 0)
        return NULL;
    registry = json_load_file(name, JSON_REJECT_DUPLICATES, &error);
    array = json_object_get(registry, "models");
    if (!registry)
        say("%s: %s at byte %d", name, error.text, error.position);
    else if (json_integer_value(json_object_get(registry, "version")) != 2 ||
             !json_is_array(array))
        say("%s: no registry of version 2", name);
    json_array_foreach (array, i, entry) {
        check_entry(name, entry);
        for (j = 0; j < i; j++) {
            other = json_array_get(array, j);
            if (strcasecmp(text(other, "id"), text(entry, "id")) == 0)
                say("%s: %s is listed twice", name, text(entry, "id"));
        }
    }
    return array;
}

/* --- chunk files --- */

static uint64_t little(const uint8_t *at, int n)
{
    return n == 0 ? 0 : at[0] | little(at + 1, n - 1) << 8;
}

static void check_chunks_of(const char *path, const uint8_t *chunks, const char *file,
                            const char *digest)
{
    size_t len = 0, at;
    uint8_t *data = load(file, &len), sum[32];
    char hex[65];

    if (!data)
        return;
    hex_of(data, len, hex);
    /* A file that went wrong after its chunks were kept is the caller's to find. */
    if (strcmp(hex, digest) == 0) {
        if (little(chunks + 16, 8) != len)
            say("%s: is of another size than %s", path, file);
        else
            for (at = 0; at < len; at += CHUNK) {
                size_t n = len - at < CHUNK ? len - at : CHUNK;

                if (EVP_Digest(data + at, n, sum, NULL, EVP_sha256(), NULL) != 1 ||
                    memcmp(sum, chunks + 72 + at / CHUNK * 32, 32) != 0)
                    say("%s: chunk %zu is not that of %s", path, at / CHUNK, file);
            }
    }
    free(data);
}

static void check_chunk_file(const char *path, const char *name)
{
    json_t *model, *file;
    size_t len = 0, i, j;
    uint8_t *data = load(path, &len), sum[32];
    uint64_t n, bytes;
    char hex[65];

    if (!data || len < 104 || memcmp(data, "VANTACHK", 8) != 0 ||
        little(data + 8, 4) != 1 || little(data + 12, 4) != CHUNK) {
        say("%s: no chunk file", path);
        free(data);
        return;
    }
    bytes = little(data + 16, 8);
    n = bytes / CHUNK + (bytes % CHUNK != 0);
    for (i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", data[24 + i]);
    if (n != (len - 104) / 32 || len % 32 != 104 % 32 || strcmp(hex, name) != 0 ||
        EVP_Digest(data, len - 32, sum, NULL, EVP_sha256(), NULL) != 1 ||
        memcmp(sum, data + len - 32, 32) != 0) {
        say("%s: damaged, or of another file", path);
    } else {
        json_array_foreach (models, i, model)
            json_array_foreach (json_object_get(model, "files"), j, file)
                if (strcmp(text(file, "sha256"), name) == 0) {
                    char *at = join("%s/%s/%s/%s", root, folder_of(text(model, "type")),
                                    text(model, "id"), text(file, "path"));

                    check_chunks_of(path, data, at, name);
                    free(at);
                }
    }
    free(data);
}

static void check_registry_folder(const char *below)
{
    char *dir = join("%s/registry%s", root, below);
    DIR *open_dir = opendir(dir);
    struct dirent *entry;

    while (open_dir && (entry = readdir(open_dir))) {
        const char *name = entry->d_name;
        char *path = join("%s/%s", dir, name);

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_temporary(name))
            ;
        else if (strcmp(below, "/chunks") == 0)
            check_chunk_file(path, name);
        else if (strcmp(below, "/history") == 0)
            check_registry(path);
        else if (strcmp(name, "registry.json") != 0 && strcmp(name, "schema.json") != 0 &&
                 strcmp(name, "registry.lock") != 0 && strcmp(name, "chunks") != 0 &&
                 strcmp(name, "history") != 0)
            say("%s: nobody knows what this is", path);
        free(path);
    }
    if (open_dir)
        closedir(open_dir);
    free(dir);
}

/* --- what must be there --- */

static void check_kept(const char *id, bool complete)
{
    json_t *model = model_of(id), *file, *entry;
    bool in_registry = false;
    size_t i;
    char *path;

    if (!model)
        die("an id that the catalog lacks");
    json_array_foreach (listed, i, entry)
        in_registry |= strcmp(text(entry, "id"), id) == 0 &&
                       json_array_size(json_object_get(entry, "files")) ==
                           json_array_size(json_object_get(model, "files")) &&
                       text(entry, "hash")[0] != '\0';
    if (!in_registry)
        say("%s: the registry lost it", id);
    json_array_foreach (json_object_get(model, "files"), i, file) {
        path = join("%s/%s/%s/%s", root, folder_of(text(model, "type")), id,
                    text(file, "path"));
        if (access(path, F_OK) != 0)
            say("%s: lost", path);
        free(path);
    }
    path = join("%s/%s/.%s.partial", root, folder_of(text(model, "type")), id);
    if (complete && access(path, F_OK) == 0)
        say("%s: left behind", path);
    free(path);
}

int main(int argc, char **argv)
{
    static const char *types[] = {"whisper", "llm", "embedding", "tts"};
    bool complete = false;
    json_t *catalog;
    size_t i;
    char *path;

    if (argc < 3)
        die("usage: check ROOT CATALOG [bad ID] [keep ID...] [complete ID...]");
    root = argv[1];
    catalog = json_load_file(argv[2], 0, NULL);
    models = json_object_get(catalog, "models");
    if (!json_is_array(models))
        die("the catalog cannot be read");
    if (argc > 4 && strcmp(argv[3], "bad") == 0) {
        bad = argv[4];
        argv += 2;
    }
    path = join("%s/registry/registry.json", root);
    listed = check_registry(path);
    free(path);
    check_registry_folder("");
    check_registry_folder("/history");
    check_registry_folder("/chunks");
    for (i = 0; i < sizeof types / sizeof *types; i++)
        check_type(types[i]);
    for (argv += 3; *argv; argv++) {
        if (strcmp(*argv, "keep") == 0 || strcmp(*argv, "complete") == 0)
            complete = **argv == 'c';
        else
            check_kept(*argv, complete);
    }
    return wrong;
}
