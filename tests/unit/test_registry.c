/* The registry on disk: loading, updating, history, damage, many writers, kills. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "registry_fixture.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct put {
    const char *id, *path, *hash;
};

static enum vanta_status put_one(void *arg, struct vanta_registry *r,
                                 struct vanta_error *err)
{
    const struct put *p = arg;
    struct vanta_entry_file file = {(char *)(uintptr_t)vanta_path_base(p->path), 5,
                                    (char *)(uintptr_t)p->hash};
    struct vanta_entry entry = {.id = (char *)(uintptr_t)p->id,
                                .type = VANTA_TYPE_LLM,
                                .path = (char *)(uintptr_t)p->path,
                                .hash = (char *)(uintptr_t)p->hash,
                                .size_bytes = 5,
                                .files = &file,
                                .n_files = 1};

    return vanta_registry_put(r, &entry, err);
}

static enum vanta_status add(const char *id, const char *path, const char *hash,
                             struct vanta_error *err)
{
    struct put p = {id, path, hash};

    return vanta_registry_update(root, NULL, put_one, &p, err);
}

static void add_ok(const char *id)
{
    struct vanta_error err = {0};
    char path[256];

    snprintf(path, sizeof path, "llm/%s/w.gguf", id);
    if (add(id, path, DIGEST_A, &err) != VANTA_OK)
        fail_msg("%s", err.message);
}

static size_t history_count(void)
{
    size_t n = 0;
    FILE *ls;
    char line[512];

    snprintf(line, sizeof line, "ls '%s/registry/history' 2>/dev/null", root);
    ls = popen(line, "r");
    while (ls && fgets(line, sizeof line, ls))
        n++;
    pclose(ls);
    return n;
}

static void no_file_is_an_empty_registry(void **state)
{
    struct vanta_registry *r = load();

    (void)state;
    assert_int_equal(vanta_registry_count(r), 0);
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_NONE);
    assert_null(vanta_registry_find(r, "x"));
    assert_false(vanta_file_exists(in_root("registry")));
    vanta_registry_free(r);
}

static void put_gives_every_required_field(void **state)
{
    static const char *const required[] = {
        "id",       "name",         "type",         "version",    "path",
        "size",     "format",       "quantization", "date_added", "hash",
        "metadata", "size_bytes",   "files",        "source",     "preparation",
        "license",  "verified",     "tests",        "parameters", "hardware_requirements"};
    struct vanta_registry *r;
    json_t *json;
    size_t i;

    (void)state;
    add_ok("one");
    r = load();
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_CURRENT);
    json = vanta_entry_json(vanta_registry_find(r, "ONE"));
    for (i = 0; i < sizeof required / sizeof required[0]; i++)
        if (!json_object_get(json, required[i]))
            fail_msg("%s is missing", required[i]);
    assert_string_equal(json_string_value(json_object_get(json, "path")),
                        "llm/one/w.gguf");
    json_decref(json);
    vanta_registry_free(r);
    assert_true(vanta_file_exists(in_root("registry/schema.json")));
}

static enum vanta_status refuse(void *arg, struct vanta_registry *r,
                                struct vanta_error *err)
{
    (void)arg;
    assert_true(vanta_registry_remove(r, "one"));
    return vanta_fail(err, VANTA_ERR_CANCELLED, "no");
}

static enum vanta_status change_nothing(void *arg, struct vanta_registry *r,
                                        struct vanta_error *err)
{
    (void)arg;
    (void)r;
    (void)err;
    return VANTA_OK;
}

static void a_failed_or_empty_change_writes_nothing(void **state)
{
    struct stat before, after;

    (void)state;
    add_ok("one");
    assert_int_equal(stat(in_root("registry/registry.json"), &before), 0);
    assert_int_equal(vanta_registry_update(root, NULL, refuse, NULL, NULL),
                     VANTA_ERR_CANCELLED);
    assert_int_equal(vanta_registry_update(root, NULL, change_nothing, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(stat(in_root("registry/registry.json"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void what_cannot_be_registered_is_refused(void **state)
{
    struct vanta_error err = {0};

    (void)state;
    assert_int_equal(add("../up", "llm/x/w", DIGEST_A, &err), VANTA_ERR_USAGE);
    assert_int_equal(add("x", "../../etc/passwd", DIGEST_A, NULL), VANTA_ERR_USAGE);
    assert_int_equal(add("x", "llm/x/\033[2J", DIGEST_A, NULL), VANTA_ERR_USAGE);
    assert_int_equal(add("x", "llm/x/w", "short", NULL), VANTA_ERR_USAGE);
    assert_false(vanta_file_exists(in_root("registry/registry.json")));
}

static void hand_written_fields_are_kept(void **state)
{
    const struct vanta_entry *e;
    struct vanta_registry *r;
    char *text;

    (void)state;
    write_text("registry/registry.json",
               "{\"version\": 2, \"note\": \"mine\", \"models\": [{\"id\": \"one\","
               "\"type\": \"llm\", \"size_bytes\": \"12\", \"version\": 3, \"mood\": 1.5,"
               "\"files\": [{\"path\": \"w\", \"size_bytes\": \"12\", \"seen\": true}],"
               "\"license\": {\"id\": \"MIT\", \"asked\": \"Bob\"},"
               "\"preparation\": 7, \"tests\": \"none\", \"verified\": {\"by\": \"me\"},"
               "\"hardware_requirements\": {\"min_ram\": 16, \"gpu_recommended\": \"true\","
               "\"fans\": 2}}]}");
    r = load();
    e = vanta_registry_find(r, "one");
    assert_non_null(e);
    assert_int_equal(e->size_bytes, 12);
    assert_string_equal(e->version, "3");
    assert_int_equal(e->files[0].size_bytes, 12);
    vanta_registry_free(r);
    add_ok("two");
    text = read_text("registry/registry.json");
    assert_non_null(strstr(text, "\"note\": \"mine\""));
    assert_non_null(strstr(text, "\"mood\": 1.5"));
    assert_non_null(strstr(text, "\"seen\": true"));
    assert_non_null(strstr(text, "\"asked\": \"Bob\""));
    assert_non_null(strstr(text, "\"by\": \"me\""));
    assert_non_null(strstr(text, "\"fans\": 2"));
    assert_non_null(strstr(text, "\"min_ram\": \"16\""));
    assert_non_null(strstr(text, "\"gpu_recommended\": true"));
    assert_non_null(strstr(text, "\"tests_as_written\": \"none\""));
    free(text);
}

static void elements_that_are_no_entries_are_kept_and_noted(void **state)
{
    struct vanta_registry *r;
    char *text;

    (void)state;
    write_text("registry/registry.json",
               "{\"version\":2,\"models\":[17,{\"id\":\"../x\"},{\"name\":\"no id\"},"
               "{\"id\":\"a\",\"type\":\"vad\"},{\"id\":\"A\",\"mark\":4711},"
               "{\"id\":\"b\\u001b[31m\"}]}");
    r = load();
    assert_int_equal(vanta_registry_count(r), 1);
    assert_string_equal(vanta_registry_at(r, 0)->type_text, "vad");
    assert_non_null(strstr(vanta_registry_note(r, 0), "/models/0"));
    assert_non_null(strstr(vanta_registry_note(r, 3), "vad"));
    assert_non_null(strstr(vanta_registry_note(r, 5), "b?[31m"));
    assert_null(vanta_registry_note(r, 6));
    vanta_registry_free(r);
    add_ok("two");
    text = read_text("registry/registry.json");
    assert_non_null(strstr(text, "4711"));
    assert_non_null(strstr(text, "\"../x\""));
    assert_non_null(strstr(text, "\"type\": \"vad\""));
    free(text);
}

static void put_keeps_date_receipts_and_notes(void **state)
{
    struct vanta_registry *r = NULL;
    struct vanta_entry fresh = {.id = (char *)(uintptr_t)"one"};
    const struct vanta_entry *e;

    (void)state;
    write_text("registry/registry.json",
               "{\"version\":2,\"models\":[{\"id\":\"one\",\"type\":\"llm\","
               "\"date_added\":\"2024-01-02T03:04:05Z\",\"tests\":[{\"at\":\"x\"}],"
               "\"metadata\":{\"mine\":1,\"source\":\"old\"},\"aliases\":[\"uno\"]}]}");
    r = load();
    fresh.type = VANTA_TYPE_LLM;
    fresh.extra = json_pack("{s:[], s:{s:s}}", "tests", "metadata", "source", "new");
    assert_int_equal(vanta_registry_put(r, &fresh, NULL), VANTA_OK);
    e = vanta_registry_find(r, "uno");
    assert_non_null(e);
    assert_string_equal(e->date_added, "2024-01-02T03:04:05Z");
    assert_int_equal(json_array_size(json_object_get(e->extra, "tests")), 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(e->extra, "metadata"), "source")),
                        "new");
    assert_non_null(json_object_get(json_object_get(e->extra, "metadata"), "mine"));
    json_decref(fresh.extra);
    vanta_registry_free(r);
}

static void history_holds_the_inventory_and_is_bounded(void **state)
{
    struct vanta_registry *r;
    struct vanta_error problem = {0};
    char id[16];
    int i;

    (void)state;
    for (i = 0; i < VANTA_REGISTRY_HISTORY + 5; i++) {
        snprintf(id, sizeof id, "m%d", i);
        add_ok(id);
        assert_true(history_count() <= VANTA_REGISTRY_HISTORY);
    }
    assert_int_equal(history_count(), VANTA_REGISTRY_HISTORY);
    write_text("registry/registry.json", "{\"models\": [");
    assert_int_equal(vanta_registry_load(root, NULL, &r, &problem, NULL), VANTA_OK);
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_HISTORY_FILE);
    assert_int_equal(vanta_registry_count(r), VANTA_REGISTRY_HISTORY + 5);
    assert_int_equal(problem.status, VANTA_ERR_FORMAT);
    assert_non_null(strstr(problem.hint, "registry rebuild"));
    vanta_registry_free(r);
}

static enum vanta_status set_verified(void *arg, struct vanta_registry *r,
                                      struct vanta_error *err)
{
    struct vanta_entry *e = vanta_registry_edit(r, "one");

    (void)arg;
    (void)err;
    e->verified_at = vanta_strdup("2026-01-01T00:00:00Z");
    e->verified_digest = vanta_strdup(DIGEST_B);
    return VANTA_OK;
}

static void history_is_for_inventory_only(void **state)
{
    (void)state;
    add_ok("one");
    assert_int_equal(history_count(), 1);
    assert_int_equal(vanta_registry_update(root, NULL, set_verified, NULL, NULL),
                     VANTA_OK);
    assert_int_equal(history_count(), 1);
    assert_int_equal(add("one", "llm/one/w.gguf", DIGEST_B, NULL), VANTA_OK);
    assert_int_equal(history_count(), 2);
}

static void the_newest_history_that_can_be_read_is_taken(void **state)
{
    struct vanta_registry *r;

    (void)state;
    add_ok("one");
    write_text("registry/history/00000007-x.json", "{\"models\": 3}");
    write_text("registry/history/00000008-x.json", "");
    write_text("registry/history/notes.txt", "hello");
    write_text("registry/registry.json", "\xff");
    r = load();
    assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_HISTORY_FILE);
    assert_non_null(vanta_registry_find(r, "one"));
    vanta_registry_free(r);
}

static void damage_is_never_overwritten(void **state)
{
    static const char *const damaged[] = {
        "",         "{",        "[]",    "null",     "{\"models\":{}}",
        "\"text\"", "{\"version\":2}", "\xff\xfe", "{\"models\":[]}x",
        "{\"models\":[],\"models\":[]}", "{\"models\":[1e999]}"};
    struct vanta_registry *r = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct vanta_error err = {0};
        char *text;

        write_text("registry/registry.json", damaged[i]);
        assert_int_equal(vanta_registry_load(root, NULL, &r, NULL, &err),
                         VANTA_ERR_FORMAT);
        assert_non_null(strstr(err.message, "registry.json"));
        vanta_error_clear(&err);
        assert_int_equal(add("one", "llm/one/w", DIGEST_A, &err), VANTA_ERR_FORMAT);
        assert_non_null(strstr(err.hint, "registry rebuild"));
        text = read_text("registry/registry.json");
        assert_string_equal(text, damaged[i]);
        free(text);
    }
}

static void a_huge_file_is_damage(void **state)
{
    struct vanta_error err = {0};
    struct vanta_registry *r;

    (void)state;
    write_text("registry/registry.json", "{\"models\":[]}");
    assert_int_equal(truncate(in_root("registry/registry.json"),
                              (off_t)VANTA_REGISTRY_BYTES_MAX + 1),
                     0);
    assert_int_equal(vanta_registry_load(root, NULL, &r, NULL, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "larger than"));
}

static void a_newer_format_is_left_alone(void **state)
{
    struct vanta_error err = {0};
    struct vanta_registry *r;

    (void)state;
    add_ok("one");
    write_text("registry/registry.json", "{\"version\":3,\"models\":[]}");
    assert_int_equal(vanta_registry_load(root, NULL, &r, NULL, &err),
                     VANTA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "update"));
    assert_int_equal(add("two", "llm/two/w", DIGEST_A, NULL), VANTA_ERR_UNSUPPORTED);
    vanta_error_clear(&err);
    assert_int_equal(vanta_registry_new(&r, NULL), VANTA_OK);
    assert_int_equal(vanta_registry_replace(root, r, &err), VANTA_ERR_UNSUPPORTED);
    vanta_registry_free(r);
}

static void replace_keeps_the_damaged_file_aside(void **state)
{
    struct vanta_registry *r;
    char *text, name[128], now[VANTA_TIME_TEXT_MAX];
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        write_text("registry/registry.json", i ? "second" : "first");
        assert_int_equal(vanta_registry_new(&r, NULL), VANTA_OK);
        assert_int_equal(put_one(&(struct put){"one", "llm/one/w", DIGEST_A}, r, NULL),
                         VANTA_OK);
        assert_int_equal(vanta_registry_replace(root, r, NULL), VANTA_OK);
        vanta_registry_free(r);
        r = load();
        assert_int_equal(vanta_registry_count(r), 1);
        vanta_registry_free(r);
    }
    vanta_time_now(now);
    now[10] = '\0';
    snprintf(name, sizeof name, "registry/registry.json.damaged-%s", now);
    text = read_text(name);
    assert_string_equal(text, "first");
    free(text);
    snprintf(name, sizeof name, "registry/registry.json.damaged-%s-1", now);
    text = read_text(name);
    assert_string_equal(text, "second");
    free(text);
}

/* A limit on file sizes stands for a full disk: the write fails half-way. */
static void a_write_that_fails_changes_nothing(void **state)
{
    struct rlimit before, small = {200, 200};
    struct vanta_error err = {0};
    char *old, *now, command[512];
    enum vanta_status status;

    (void)state;
    add_ok("one");
    old = read_text("registry/registry.json");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = add("two", "llm/two/w", DIGEST_A, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, VANTA_ERR_IO);
    assert_non_null(strstr(err.message, "writing"));
    now = read_text("registry/registry.json");
    assert_string_equal(old, now);
    snprintf(command, sizeof command,
             "test -z \"$(find '%s/registry' -maxdepth 1 -name '.*.tmp-*')\"", root);
    assert_int_equal(system(command), 0);
    add_ok("two");
    free(old);
    free(now);
}

static void many_writers_lose_nothing(void **state)
{
    enum { WRITERS = 12, EACH = 5 };
    struct vanta_registry *r;
    pid_t pids[WRITERS];
    char id[32];
    int i, k, status;

    (void)state;
    for (i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            for (k = 0; k < EACH; k++) {
                snprintf(id, sizeof id, "w%d-%d", i, k);
                if (add(id, "llm/x/w", DIGEST_A, NULL) != VANTA_OK)
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (i = 0; i < WRITERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    r = load();
    assert_int_equal(vanta_registry_count(r), WRITERS * EACH);
    vanta_registry_free(r);
}

static void a_kill_leaves_a_whole_registry(void **state)
{
    char command[512];
    size_t before = 0, n;
    int round, most_us = 8000;

    (void)state;
    add_ok("first");
    srand(4711);
    for (round = 0; round < 40; round++) {
        struct vanta_registry *r;
        char id[32];
        int k, status;
        pid_t pid = fork();

        if (pid == 0) {
            for (k = 0;; k++) {
                snprintf(id, sizeof id, "r%d-%d", round, k);
                add(id, "llm/x/w", DIGEST_A, NULL);
            }
        }
        usleep((useconds_t)(rand() % most_us));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        r = load();
        assert_int_equal(vanta_registry_origin(r), VANTA_REGISTRY_CURRENT);
        n = vanta_registry_count(r);
        assert_true(n >= before);
        assert_non_null(vanta_registry_find(r, "first"));
        vanta_registry_free(r);
        if (n <= before && most_us < 200000) /* a slow machine writes nothing so soon */
            most_us += most_us / 4;
        before = n;
    }
    assert_true(before > 1);
    add_ok("last"); /* the lock is free, and what the killed left is swept away */
    snprintf(command, sizeof command,
             "test -z \"$(find '%s/registry' -maxdepth 1 -name '.*.tmp-*')\"", root);
    assert_int_equal(system(command), 0);
}

static void files_hash_is_what_sha256sum_says(void **state)
{
    struct vanta_entry_file files[] = {
        {(char *)(uintptr_t)"b", 1, (char *)(uintptr_t)DIGEST_B},
        {(char *)(uintptr_t)"a/z", 1, (char *)(uintptr_t)DIGEST_A}};
    static const char lines[] = DIGEST_A "  a/z\n" DIGEST_B "  b\n";
    char expected[VANTA_SHA256_HEX], hash[VANTA_SHA256_HEX];

    (void)state;
    assert_int_equal(vanta_sha256_buffer(lines, sizeof lines - 1, expected, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_files_hash(files, 2, hash, NULL), VANTA_OK);
    assert_string_equal(hash, expected);
    assert_int_equal(vanta_files_hash(files, 1, hash, NULL), VANTA_OK);
    assert_string_equal(hash, DIGEST_B);
    files[0].sha256 = NULL;
    assert_int_equal(vanta_files_hash(files, 2, hash, NULL), VANTA_ERR_DIGEST);
    assert_int_equal(vanta_files_hash(files, 0, hash, NULL), VANTA_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_file_is_an_empty_registry),
        TEST(put_gives_every_required_field),
        TEST(a_failed_or_empty_change_writes_nothing),
        TEST(what_cannot_be_registered_is_refused),
        TEST(hand_written_fields_are_kept),
        TEST(elements_that_are_no_entries_are_kept_and_noted),
        TEST(put_keeps_date_receipts_and_notes),
        TEST(history_holds_the_inventory_and_is_bounded),
        TEST(history_is_for_inventory_only),
        TEST(the_newest_history_that_can_be_read_is_taken),
        TEST(damage_is_never_overwritten),
        TEST(a_huge_file_is_damage),
        TEST(a_newer_format_is_left_alone),
        TEST(replace_keeps_the_damaged_file_aside),
        TEST(a_write_that_fails_changes_nothing),
        TEST(many_writers_lose_nothing),
        TEST(a_kill_leaves_a_whole_registry),
        TEST(files_hash_is_what_sha256sum_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
