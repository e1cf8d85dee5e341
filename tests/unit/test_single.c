/* What single.c and lanes.c do when the hashing of a partial file could not begin. */
#include "cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "fetch/engine.h"
#include "scratch.h"

static struct vanta_partial partial;
static struct vanta_source source;

/* A partial file that holds a few bytes and has lost its digest. */
static void open_without_digest(const char *text)
{
    assert_int_equal(vanta_source_parse(text, &source, NULL), VANTA_OK);
    assert_int_equal(vanta_partial_open(&partial, in_scratch("partial"), "key", NULL, NULL,
                                        NULL, NULL),
                     VANTA_OK);
    assert_int_equal(vanta_partial_reset(&partial, NULL), VANTA_OK);
    assert_int_equal(vanta_partial_write(&partial, "abc", 3, NULL), VANTA_OK);
    vanta_follow_stop(&partial.follow);
}

static void without_a_digest_nothing_gets_its_name(void **state)
{
    struct vanta_fetch_item item = {.label = "a", .size_bytes = -1, .n_sources = 1};
    struct vanta_job job = {.item = &item};
    struct vanta_error err = {0};

    (void)state;
    open_without_digest("https://host.invalid/a");
    item.sources = &source;
    item.dest = in_scratch("models/a"); /* no SHA-256 is known that would differ */
    assert_int_equal(vanta_finish(&job, &partial, NULL, &err), VANTA_MOVE_STOP);
    assert_int_equal(err.status, VANTA_ERR_NO_MEMORY);
    assert_false(vanta_file_exists(item.dest));
    vanta_partial_discard(&partial);
    vanta_source_free(&source);
}

static void a_try_begins_the_digest_anew(void **state)
{
    struct vanta_http_options options = {.connect_timeout_ms = 500};
    struct vanta_transfer t = {.locator = NULL};
    struct vanta_lanes lanes = {.transfer = &t};
    struct vanta_hub hub;
    char hex[VANTA_SHA256_HEX];

    (void)state;
    open_without_digest("http://127.0.0.1:1/a");
    vanta_hub_read(&hub, NULL, NULL);
    assert_int_equal(vanta_http_new(&options, &t.http, NULL), VANTA_OK);
    t.hub = &hub;
    t.locator = &source.parts[0];
    t.source = "http://127.0.0.1:1/a";
    t.partial = &partial;
    t.size_bytes = -1;
    assert_int_equal(vanta_lanes_try(&lanes, NULL), VANTA_MOVE_UNREACHED);
    /* Bytes and digest agree again: both start from nothing. */
    assert_int_equal(partial.bytes, 0);
    assert_int_equal(vanta_partial_write(&partial, "abc", 3, NULL), VANTA_OK);
    assert_int_equal(vanta_partial_hex(&partial, hex, NULL), VANTA_OK);
    assert_string_equal(hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    vanta_http_free(t.http);
    vanta_partial_discard(&partial);
    vanta_source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(without_a_digest_nothing_gets_its_name),
        scratch_test(a_try_begins_the_digest_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
