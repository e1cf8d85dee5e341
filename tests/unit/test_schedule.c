/* The schedule alone: what runs an item is played here, in place of single.c and bundle.c. */
#include "cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "fetch/engine.h"

#define DIGEST "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static enum vanta_move check_ends, run_ends;
static const char *dest;
static int runs;

void vanta_run_check(struct vanta_call *call, struct vanta_job *job)
{
    (void)call;
    job->move = check_ends;
}

void vanta_run_single(struct vanta_call *call, struct vanta_job *job)
{
    (void)call;
    runs++;
    job->move = run_ends;
}

void vanta_run_bundle(struct vanta_call *call, struct vanta_job **jobs, size_t n)
{
    (void)call;
    (void)jobs;
    (void)n;
    fail_msg("no item is a bundle");
}

void vanta_bundle_sweep(struct vanta_call *call, bool all)
{
    (void)call;
    (void)all;
}

/* One item of one source, whose check and run end so, without a word. */
static enum vanta_status fetch(enum vanta_move check, enum vanta_move run,
                               struct vanta_fetch_item *item, struct vanta_error *err)
{
    struct vanta_fetch_options options = {0};
    struct vanta_fetcher *fetcher = NULL;
    struct vanta_source source;
    enum vanta_status status;

    check_ends = check;
    run_ends = run;
    runs = 0;
    assert_int_equal(vanta_source_parse("file:/x/a", &source, NULL), VANTA_OK);
    memset(item, 0, sizeof *item);
    item->label = "model/a";
    item->dest = dest;
    item->size_bytes = -1;
    item->sha256 = DIGEST;
    item->sources = &source;
    item->n_sources = 1;
    assert_int_equal(vanta_fetcher_new(&options, &fetcher, NULL), VANTA_OK);
    status = vanta_fetch_files(fetcher, item, 1, "/nonexistent/partial", false, err);
    vanta_fetcher_free(fetcher);
    vanta_source_free(&source);
    return status;
}

static void an_end_without_a_reason_is_no_success(void **state)
{
    static const enum vanta_move ends[] = {VANTA_MOVE_STOP, VANTA_MOVE_USELESS,
                                           VANTA_MOVE_AGAIN, VANTA_MOVE_UNREACHED};
    struct vanta_fetch_item item;
    size_t i;

    (void)state;
    dest = "/nonexistent/a";
    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct vanta_error err = {0};

        assert_int_equal(fetch(VANTA_MOVE_AGAIN, ends[i], &item, &err),
                         VANTA_ERR_INTERNAL);
        assert_true(runs > 0);
        assert_int_equal(item.status, VANTA_ERR_INTERNAL);
        assert_int_equal(err.status, VANTA_ERR_INTERNAL);
        assert_non_null(strstr(err.message, "model/a"));
        assert_non_null(strstr(err.message, "without a stated reason"));
    }
    assert_int_equal(fetch(VANTA_MOVE_STOP, VANTA_MOVE_DONE, &item, NULL),
                     VANTA_ERR_INTERNAL);
    assert_int_equal(runs, 0);
    assert_int_equal(item.status, VANTA_ERR_INTERNAL);
}

static void what_is_done_is_fine(void **state)
{
    struct vanta_fetch_item item;

    (void)state;
    dest = "/tmp/a";
    assert_int_equal(fetch(VANTA_MOVE_DONE, VANTA_MOVE_STOP, &item, NULL), VANTA_OK);
    assert_int_equal(runs, 0);
    assert_int_equal(fetch(VANTA_MOVE_AGAIN, VANTA_MOVE_DONE, &item, NULL), VANTA_OK);
    assert_int_equal(runs, 1);
}

/* The folder that should have its name cannot be synced. */
static void what_has_no_lasting_name_is_not_fine(void **state)
{
    struct vanta_error err = {0};
    struct vanta_fetch_item item;

    (void)state;
    dest = "/nonexistent/a";
    assert_int_equal(fetch(VANTA_MOVE_AGAIN, VANTA_MOVE_DONE, &item, &err),
                     VANTA_ERR_NOT_FOUND);
    assert_int_equal(item.status, VANTA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "model/a: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_without_a_reason_is_no_success),
        cmocka_unit_test(what_is_done_is_fine),
        cmocka_unit_test(what_has_no_lasting_name_is_not_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
