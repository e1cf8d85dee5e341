/* The chunk digests of a models folder: kept, found, a help and no truth, and swept. */
#include "registry_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "models/chunk_store.h"

/* Of a file of two chunks, with a digest of 64 times the letter. */
static struct vanta_chunks *chunks_of(char letter)
{
    static uint8_t digests[2][32] = {{1}, {2}};
    static struct vanta_chunks chunks;
    char hex[VANTA_SHA256_HEX] = "";

    memset(hex, letter, VANTA_SHA256_HEX - 1);
    chunks = (struct vanta_chunks){
        .file_bytes = VANTA_CHUNK_BYTES + 1, .n = 2, .digests = digests};
    assert_true(vanta_sha256_from_hex(hex, chunks.sha256));
    return &chunks;
}

static const char *digest(char letter)
{
    static char hex[4][VANTA_SHA256_HEX];
    static unsigned turn;
    char *out = hex[turn++ % 4];

    memset(out, letter, VANTA_SHA256_HEX - 1);
    return out;
}

static const char *path_of(char letter)
{
    char name[128];

    snprintf(name, sizeof name, "registry/chunks/%s", digest(letter));
    return in_root(name);
}

/* Is there, as it was saved. */
static bool is_known(char letter)
{
    struct vanta_chunks found;
    bool known = vanta_chunk_store_load(root, digest(letter), &found);

    if (known) {
        assert_int_equal(found.n, 2);
        assert_memory_equal(found.sha256, chunks_of(letter)->sha256, 32);
        assert_memory_equal(found.digests, chunks_of(letter)->digests, 64);
        vanta_chunks_free(&found);
    } else {
        assert_null(found.digests);
        assert_int_equal(found.n, 0);
    }
    return known;
}

static void what_is_saved_is_found_by_its_digest(void **state)
{
    struct vanta_chunks found;

    (void)state;
    assert_false(is_known('a'));
    vanta_chunk_store_save(root, chunks_of('a'));
    assert_true(is_known('a'));
    assert_false(is_known('b'));
    assert_false(vanta_chunk_store_load(root, NULL, &found));
    assert_false(vanta_chunk_store_load(root, "", &found));
    assert_false(vanta_chunk_store_load(root, "../chunks/a", &found));
}

static void what_is_damaged_is_as_if_it_were_not_there(void **state)
{
    struct stat st;
    off_t at;
    char byte;
    int fd;

    (void)state;
    vanta_chunk_store_save(root, chunks_of('a'));
    fd = open(path_of('a'), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (at = 0; at < st.st_size; at++) {
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_false(is_known('a'));
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_true(is_known('a'));
    assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
    assert_false(is_known('a'));
    close(fd);
    /* That of another file, under this one's name. */
    vanta_chunk_store_save(root, chunks_of('b'));
    assert_int_equal(rename(path_of('b'), path_of('a')), 0);
    assert_false(is_known('a'));
    vanta_chunk_store_save(root, chunks_of('a'));
    assert_true(is_known('a'));
}

static void where_nothing_can_be_kept_nothing_fails(void **state)
{
    char *far = malloc(VANTA_PATH_MAX + 1);
    struct vanta_registry *r = load(); /* of nothing */
    struct vanta_chunks found;

    (void)state;
    write_text("registry", "a file");
    vanta_chunk_store_save(root, chunks_of('a'));
    assert_false(is_known('a'));
    vanta_chunk_store_sweep(root, r, NULL);
    assert_non_null(far);
    memset(far, 'x', VANTA_PATH_MAX);
    far[VANTA_PATH_MAX] = '\0';
    vanta_chunk_store_save(far, chunks_of('a'));
    assert_false(vanta_chunk_store_load(far, digest('a'), &found));
    vanta_chunk_store_sweep(far, r, NULL);
    vanta_registry_free(r);
    free(far);
}

/* A catalog model "known" of one file with the digest ccc... */
static struct vanta_catalog *make_catalog(void)
{
    char *text = vanta_strf(
        "{\"format\":\"vanta-catalog\",\"version\":1,\"models\":[{\"id\":\"known\","
        "\"name\":\"Known\",\"type\":\"llm\",\"version\":\"1\",\"format\":\"gguf\","
        "\"license\":\"MIT\",\"hardware\":{\"min_ram\":\"8GB\",\"memory_bytes\":1000},"
        "\"files\":[{\"path\":\"w.gguf\",\"size_bytes\":5,\"sha256\":\"%s\","
        "\"sources\":[\"https://example.org/w\"]}]}]}",
        digest('c'));
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};

    if (vanta_catalog_load_text(&catalog, text, strlen(text), "test", &err) != VANTA_OK)
        fail_msg("%s", err.message);
    free(text);
    return catalog;
}

/* Entries: "mine" with a file aaa... and the hash bbb..., and "known". */
static void register_both(void)
{
    char *text = vanta_strf(
        "{\"id\":\"mine\",\"type\":\"llm\",\"path\":\"llm/mine/w.gguf\",\"hash\":\"%s\","
        "\"files\":[{\"path\":\"w.gguf\",\"size_bytes\":5,\"sha256\":\"%s\"}]},"
        "{\"id\":\"known\",\"type\":\"llm\",\"path\":\"llm/known/w.gguf\"}",
        digest('b'), digest('a'));

    write_models(text);
    free(text);
}

static void what_no_entry_has_is_swept(void **state)
{
    struct vanta_catalog *catalog = make_catalog();
    struct vanta_registry *r;
    const char *letter;

    (void)state;
    register_both();
    for (letter = "abcde"; *letter; letter++)
        vanta_chunk_store_save(root, chunks_of(*letter));
    write_text("registry/chunks/notes.txt", "somebody's");
    r = load_with(catalog);
    vanta_chunk_store_sweep(root, r, catalog);
    assert_true(is_known('a'));
    assert_true(is_known('b'));
    assert_true(is_known('c'));
    assert_false(vanta_file_exists(path_of('d')));
    assert_false(vanta_file_exists(path_of('e')));
    assert_true(vanta_file_exists(in_root("registry/chunks/notes.txt")));
    /* Without the catalog nobody says that "known" has it. */
    vanta_chunk_store_sweep(root, r, NULL);
    assert_true(is_known('a'));
    assert_false(is_known('c'));
    vanta_registry_free(r);
    vanta_catalog_free(catalog);
}

static void an_empty_folder_goes_with_the_last(void **state)
{
    struct vanta_registry *r;

    (void)state;
    write_models("");
    r = load();
    vanta_chunk_store_sweep(root, r, NULL); /* there is none */
    vanta_chunk_store_save(root, chunks_of('a'));
    vanta_chunk_store_sweep(root, r, NULL);
    assert_false(vanta_file_exists(in_root("registry/chunks")));
    assert_true(vanta_file_exists(in_root("registry/registry.json")));
    vanta_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_found_by_its_digest),
        TEST(what_is_damaged_is_as_if_it_were_not_there),
        TEST(where_nothing_can_be_kept_nothing_fails),
        TEST(what_no_entry_has_is_swept),
        TEST(an_empty_folder_goes_with_the_last),
    };

    return cmocka_run_group_tests_name("chunk_store", tests, NULL, NULL);
}
