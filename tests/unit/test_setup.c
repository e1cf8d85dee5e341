/* The plan, the preflight and the run of a setup, over catalogs of files. */
#include "setup_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/platform.h"

/* What the listener has heard. */
struct heard {
    size_t notices, done, questions;
    char notice[2048];
    char text[512]; /* the licence's, at the last question */
    bool answer;
    atomic_bool cancel;
    bool cancel_at_start;
};

static void listen_to(void *arg, const struct vanta_setup_event *e)
{
    struct heard *h = arg;

    if (e->kind == VANTA_SETUP_NOTICE) {
        h->notices++;
        snprintf(h->notice + strlen(h->notice), sizeof h->notice - strlen(h->notice),
                 "%s\n", e->message);
    }
    if (e->kind == VANTA_SETUP_FILE_START && h->cancel_at_start)
        atomic_store(&h->cancel, true);
    if (e->kind == VANTA_SETUP_MODEL_DONE) {
        assert_non_null(e->item);
        assert_int_not_equal(e->item->outcome, VANTA_OUTCOME_PENDING);
        h->done++;
    }
}

static bool answer(void *arg, const struct vanta_license *license,
                   const struct vanta_catalog_model *m, const char *text)
{
    struct heard *h = arg;

    assert_non_null(license);
    assert_non_null(m);
    h->questions++;
    snprintf(h->text, sizeof h->text, "%s", text ? text : "");
    return h->answer;
}

static struct vanta_setup *planned(struct fixture *f, struct vanta_setup_options o,
                                   struct heard *h)
{
    struct vanta_setup *setup = NULL;

    o.root = f->root;
    o.catalog = f->catalog;
    o.listener = listen_to;
    o.arg = h;
    o.cancel = &h->cancel;
    o.deadline_ms = 200;
    if (!o.classes)
        o.classes = VANTA_SOURCE_FILES;
    if (vanta_setup_new(&o, &setup, &f->err) != VANTA_OK ||
        vanta_setup_plan(setup, &f->err) != VANTA_OK)
        fail_msg("%s", f->err.message);
    return setup;
}

static struct vanta_setup *planned_models(struct fixture *f, struct heard *h,
                                          struct vanta_setup_options o,
                                          const struct vanta_catalog_model **models,
                                          const char *const *ids)
{
    while (ids[o.n_models]) {
        models[o.n_models] = model(f, ids[o.n_models]);
        o.n_models++;
    }
    o.models = models;
    return planned(f, o, h);
}

#define PLANNED(f, h, o, ...)                                                            \
    planned_models(f, h, o, (const struct vanta_catalog_model *[8]){NULL},               \
                   (const char *const[]){__VA_ARGS__, NULL})

static const struct vanta_setup_options plain;

/* A model that can only be converted, from inputs of so many bytes. */
static void add_converted(struct fixture *f, const char *id, size_t bytes, size_t inputs)
{
    char file[2048], input[2048], more[8192], name[64];

    snprintf(name, sizeof name, "%s-model.bin", id);
    file_json(f, name, inputs, 'i', input);
    /* The input is known as model.bin in its folder. */
    snprintf(more, sizeof more,
             ", \"preparations\": [{\"id\": \"from-weights\", \"version\": 1, "
             "\"kind\": \"ct2-whisper\", \"output\": \"%s.bin\", \"inputs\": "
             "[{\"path\": \"model.bin\"%s]}]",
             id, strchr(input, ','));
    snprintf(file, sizeof file,
             "{\"path\": \"%s.bin\", \"size_bytes\": %zu, \"sha256\": \"%064d\"}", id,
             bytes, 7);
    add_model(f, id, "whisper", "MIT", file, more);
}

#define BOOKKEEPING (1024 * 1024)

static void disk_counts_what_stays_and_the_scratch_of_what_runs_at_once(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = plain;
    struct heard h = {0};
    struct vanta_setup *setup;
    const struct vanta_setup_need *need;

    add_converted(f, "one", 1000, 10000);
    add_converted(f, "two", 2000, 20000);
    add_converted(f, "three", 4000, 40000);
    load_catalog(f);

    o.jobs = 1;
    setup = PLANNED(f, &h, o, "one", "two", "three");
    assert_int_equal(vanta_setup_fits(setup, &f->err), VANTA_OK);
    need = vanta_setup_need(setup);
    assert_int_equal(need->disk_needed, 7000 + 40000 + BOOKKEEPING);
    vanta_setup_free(setup);

    o.jobs = 2;
    setup = PLANNED(f, &h, o, "one", "two", "three");
    assert_int_equal(vanta_setup_fits(setup, &f->err), VANTA_OK);
    need = vanta_setup_need(setup);
    assert_int_equal(need->disk_needed, 7000 + 60000 + BOOKKEEPING);
    vanta_setup_free(setup);
}

static void disk_counts_less_what_an_interrupted_run_left(void **state)
{
    struct fixture *f = *state;
    struct heard h = {0};
    struct vanta_setup *setup;
    char path[1024];

    add_converted(f, "one", 1000, 10000);
    load_catalog(f);
    snprintf(path, sizeof path, "%s/whisper/.one.partial/fetch/half", f->root);
    write_bytes(path, 3000, 'h');
    setup = PLANNED(f, &h, plain, "one");
    assert_int_equal(vanta_setup_fits(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_need(setup)->disk_needed, 11000 - 3000 + BOOKKEEPING);
    vanta_setup_free(setup);
}

static void files_that_are_there_need_no_disk(void **state)
{
    struct fixture *f = *state;
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    char a[2048], b[2048], files[4200], path[1024];
    size_t n;

    snprintf(files, sizeof files, "%s, %s", file_json(f, "a", 5000, 'a', a),
             file_json(f, "b", 700, 'b', b));
    add_model(f, "pair", "embedding", "MIT", files, "");
    load_catalog(f);
    snprintf(path, sizeof path, "%s/embeddings/pair/a", f->root);
    write_bytes(path, 5000, 'a');
    setup = PLANNED(f, &h, plain, "pair");
    items = vanta_setup_items(setup, &n);
    assert_int_equal(n, 1);
    assert_int_equal(items[0].present_bytes, 5000);
    assert_int_equal(items[0].disk_bytes, 700);
    assert_int_equal(items[0].scratch_bytes, 0);
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    assert_int_equal(items[0].outcome, VANTA_OUTCOME_FETCHED);
    assert_int_equal(items[0].state, VANTA_STATE_UNTESTED);
    assert_int_equal(h.done, 1);
    vanta_setup_free(setup);
}

/* A loopback port; with listening false nobody answers there. */
static int loopback(int *port, bool listening)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    if (listening)
        assert_int_equal(listen(fd, 8), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void point_hub_at(int port)
{
    char text[64];

    snprintf(text, sizeof text, "http://127.0.0.1:%d", port);
    setenv("HF_ENDPOINT", text, 1);
}

#define HUB_FILE                                                                         \
    "{\"path\": \"hub.gguf\", \"size_bytes\": 100, \"sha256\": "                         \
    "\"%064d\", \"sources\": "                                                           \
    "[\"hf:org/repo@0123456789012345678901234567890123456789/hub.gguf\"]}"

static void add_slot_of_hub_and_file(struct fixture *f)
{
    char hub[512], file[2048];

    snprintf(hub, sizeof hub, HUB_FILE, 5);
    add_model(f, "on-hub", "llm", "MIT", hub, "");
    add_model(f, "on-disk", "llm", "MIT", file_json(f, "d.gguf", 100, 'd', file), "");
    add_profile(f, "either",
                "{\"type\": \"llm\", \"models\": [\"on-hub\", \"on-disk\"]}");
    load_catalog(f);
}

static void a_slot_takes_the_first_that_is_reached_with_a_notice(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.profile = "either",
                                    .classes = VANTA_SOURCE_FILES | VANTA_SOURCE_HUB};
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    size_t n;
    int port, fd = loopback(&port, false);

    add_slot_of_hub_and_file(f);
    point_hub_at(port);
    setup = planned(f, o, &h);
    items = vanta_setup_items(setup, &n);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].model->id, "on-disk");
    assert_non_null(strstr(items[0].note, "on-hub"));
    assert_non_null(strstr(h.notice, "takes the place of on-hub"));
    assert_int_equal(h.notices, 2); /* the hub, asked once; the choice */
    vanta_setup_free(setup);
    close(fd);
}

static void nobody_is_asked_where_nothing_depends_on_it(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = plain;
    struct heard h = {0};
    struct vanta_setup *setup;
    int port, fd = loopback(&port, true);

    add_slot_of_hub_and_file(f);
    point_hub_at(port);
    o.classes = VANTA_SOURCE_FILES | VANTA_SOURCE_HUB;
    setup = PLANNED(f, &h, o, "on-hub"); /* one model, one kind of source */
    vanta_setup_free(setup);
    setup = PLANNED(f, &h, o, "on-disk");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    vanta_setup_free(setup);
    o.profile = "either"; /* filled by what is here */
    setup = planned(f, o, &h);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    vanta_setup_free(setup);

    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    close(fd);
}

static void what_was_begun_goes_on_before_the_other_alternatives(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.profile = "either"};
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    char a[2048], b[2048], path[1024];
    size_t n;

    add_model(f, "first", "llm", "MIT", file_json(f, "a", 900, 'a', a), "");
    add_model(f, "second", "llm", "MIT", file_json(f, "b", 900, 'b', b), "");
    add_profile(f, "either", "{\"type\": \"llm\", \"models\": [\"first\", \"second\"]}");
    load_catalog(f);
    snprintf(path, sizeof path, "%s/llm/.second.partial/fetch/x", f->root);
    write_bytes(path, 10, 'x');
    setup = planned(f, o, &h);
    items = vanta_setup_items(setup, &n);
    assert_string_equal(items[0].model->id, "second");
    vanta_setup_free(setup);
}

/* --- licences --- */

static void add_licensed(struct fixture *f)
{
    char file[2048], path[1024], digest[VANTA_SHA256_HEX];

    upstream_path(f, "terms.txt", path);
    write_bytes(path, 40, 't');
    vanta_sha256_file(path, digest, NULL, NULL, NULL, NULL, NULL);
    vanta_buf_printf(&f->licenses,
                     "{\"id\": \"Own-1\", \"name\": \"Own\", \"must_accept\": true, "
                     "\"summary\": \"Ask first.\", \"text\": {\"path\": \"terms.txt\", "
                     "\"size_bytes\": 40, \"sha256\": \"%s\", \"sources\": "
                     "[\"file:%s\"]}}",
                     digest, path);
    add_model(f, "own-a", "llm", "Own-1", file_json(f, "oa", 100, 'a', file), "");
    add_model(f, "own-b", "llm", "Own-1", file_json(f, "ob", 100, 'b', file), "");
    add_model(f, "free", "embedding", "MIT", file_json(f, "fr", 100, 'f', file), "");
    load_catalog(f);
}

static void a_refused_licence_skips_its_models_only(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.ask = answer};
    struct heard h = {.answer = false};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    size_t n;

    add_licensed(f);
    setup = PLANNED(f, &h, o, "own-a", "own-b", "free");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(h.questions, 1); /* one licence, one question */
    assert_int_equal(strlen(h.text), 40);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_ERR_LICENSE);
    items = vanta_setup_items(setup, &n);
    assert_int_equal(items[0].outcome, VANTA_OUTCOME_SKIPPED);
    assert_int_equal(items[1].outcome, VANTA_OUTCOME_SKIPPED);
    assert_int_equal(items[2].outcome, VANTA_OUTCOME_FETCHED);
    assert_non_null(strstr(items[0].error.hint, "--accept-license Own-1"));
    assert_int_equal(h.done, 3);
    vanta_setup_free(setup);
}

static void an_accepted_licence_is_not_asked_for_again(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.ask = answer};
    struct heard h = {.answer = true};
    struct vanta_setup *setup;
    char path[1024];

    add_licensed(f);
    setup = PLANNED(f, &h, o, "own-a", "own-b");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    vanta_setup_free(setup);
    assert_int_equal(h.questions, 1);
    snprintf(path, sizeof path, "%s/llm/own-b/.license/LICENSE.txt", f->root);
    assert_int_equal(vanta_file_size(path), 40);

    snprintf(path, sizeof path, "%s/llm/own-a/oa", f->root);
    assert_int_equal(unlink(path), 0);
    setup = PLANNED(f, &h, o, "own-a");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    assert_int_equal(h.questions, 1);
    vanta_setup_free(setup);
}

static void a_model_that_does_not_fit_asks_for_no_licence(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.ask = answer};
    struct heard h = {.answer = true};
    struct vanta_setup *setup;

    vanta_buf_puts(&f->licenses, "{\"id\": \"Own-1\", \"name\": \"Own\", \"must_accept\": "
                                 "true, \"summary\": \"Ask first.\", \"url\": "
                                 "\"https://example.org/own\"}");
    add_model(f, "huge", "llm", "Own-1",
              "{\"path\": \"huge\", \"size_bytes\": 17000000000000, \"sha256\": "
              "\"1111111111111111111111111111111111111111111111111111111111111111\", "
              "\"sources\": [\"file:/nowhere/huge\"]}",
              "");
    load_catalog(f);
    setup = PLANNED(f, &h, o, "huge");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_ERR_NO_SPACE);
    assert_int_equal(h.questions, 0);
    assert_false(vanta_file_exists(f->root));
    vanta_setup_free(setup);
}

/* --- the run --- */

static void a_cancel_leaves_nothing_half_named_and_the_next_run_goes_on(void **state)
{
    struct fixture *f = *state;
    struct heard h = {.cancel_at_start = true};
    struct vanta_setup_options o = {.jobs = 1};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    char a[2048], b[2048], path[1024];
    size_t n, i;

    add_model(f, "large", "llm", "MIT", file_json(f, "large.gguf", 30000000, 'l', a), "");
    add_model(f, "later", "llm", "MIT", file_json(f, "later.gguf", 40000000, 'm', b), "");
    load_catalog(f);
    setup = PLANNED(f, &h, o, "large", "later");
    assert_int_equal(vanta_setup_preflight(setup, &f->err), VANTA_OK);
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_ERR_CANCELLED);
    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++)
        assert_int_equal(items[i].error.status, VANTA_ERR_CANCELLED);
    vanta_setup_free(setup);
    snprintf(path, sizeof path, "%s/llm/large/large.gguf", f->root);
    assert_false(vanta_file_exists(path));

    memset(&f->err, 0, sizeof f->err);
    h = (struct heard){0};
    setup = PLANNED(f, &h, o, "large", "later");
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    assert_true(vanta_file_exists(path));
    vanta_setup_free(setup);
}

static void when_one_way_fails_the_next_is_taken(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = plain;
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    char file[2048], input[2048], more[4096];
    size_t n;

    /* The weights are no faster-whisper folder; the file itself is fetched instead. */
    file_json(f, "w.bin", 500, 'w', file);
    snprintf(more, sizeof more,
             ", \"preparations\": [{\"id\": \"from-weights\", \"version\": 1, \"kind\": "
             "\"ct2-whisper\", \"output\": \"w.bin\", \"inputs\": [{\"path\": "
             "\"model.bin\"%s]}, {\"id\": \"fetch\", \"version\": 1, \"kind\": "
             "\"fetch\"}]",
             strchr(file_json(f, "junk", 300, 'j', input), ','));
    add_model(f, "w", "whisper", "MIT", file, more);
    load_catalog(f);
    setup = PLANNED(f, &h, o, "w");
    items = vanta_setup_items(setup, &n);
    assert_string_equal(items[0].preparation->id, "from-weights");
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_OK);
    assert_string_equal(items[0].preparation->id, "fetch");
    assert_int_equal(items[0].outcome, VANTA_OUTCOME_FETCHED);
    assert_non_null(strstr(h.notice, "fetch is tried next"));
    vanta_setup_free(setup);
    snprintf(more, sizeof more, "%s/whisper/.w.partial", f->root);
    assert_false(vanta_file_exists(more));
}

static void a_model_named_by_id_fills_its_slot(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.profile = "either"};
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    size_t n;

    add_slot_of_hub_and_file(f);
    setup = PLANNED(f, &h, o, "on-disk", "on-disk");
    items = vanta_setup_items(setup, &n);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].model->id, "on-disk");
    vanta_setup_free(setup);
}

static void an_unknown_profile_is_a_usage_error(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.profile = "nothing"};
    struct vanta_setup *setup = NULL;

    load_catalog(f);
    o.root = f->root;
    o.catalog = f->catalog;
    assert_int_equal(vanta_setup_new(&o, &setup, &f->err), VANTA_ERR_USAGE);
    assert_null(setup);
}

static void the_fitting_profile_is_the_largest_that_fits(void **state)
{
    struct fixture *f = *state;
    struct vanta_setup_options o = {.profile = "vast"};
    struct heard h = {0};
    struct vanta_setup *setup;
    char a[2048], b[2048];

    add_model(f, "huge", "llm", "MIT",
              "{\"path\": \"huge\", \"size_bytes\": 17000000000000, \"sha256\": "
              "\"1111111111111111111111111111111111111111111111111111111111111111\", "
              "\"sources\": [\"file:/nowhere/huge\"]}",
              "");
    add_model(f, "little", "llm", "MIT", file_json(f, "a", 100, 'a', a), "");
    add_model(f, "middle", "llm", "MIT", file_json(f, "b", 200, 'b', b), "");
    add_profile(f, "vast", "{\"type\": \"llm\", \"models\": [\"huge\"]}");
    add_profile(f, "middling", "{\"type\": \"llm\", \"models\": [\"middle\"]}");
    add_profile(f, "small", "{\"type\": \"llm\", \"models\": [\"little\"]}");
    load_catalog(f);
    setup = planned(f, o, &h);
    assert_int_equal(vanta_setup_fits(setup, &f->err), VANTA_ERR_NO_SPACE);
    assert_non_null(strstr(f->err.hint, "vanta setup middle"));
    assert_string_equal(vanta_setup_fitting_profile(setup)->name, "middling");
    vanta_setup_free(setup);
}

static void a_partial_folder_that_leads_elsewhere_is_refused(void **state)
{
    struct fixture *f = *state;
    struct heard h = {0};
    struct vanta_setup *setup;
    struct vanta_setup_item *items;
    char a[2048], path[1024], elsewhere[1024];
    size_t n;

    add_model(f, "m", "llm", "MIT", file_json(f, "m.gguf", 100, 'a', a), "");
    load_catalog(f);
    snprintf(path, sizeof path, "%s/llm", f->root);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->dir);
    assert_int_equal(vanta_dir_make(path, NULL), VANTA_OK);
    assert_int_equal(vanta_dir_make(elsewhere, NULL), VANTA_OK);
    snprintf(path, sizeof path, "%s/llm/.m.partial", f->root);
    assert_int_equal(symlink(elsewhere, path), 0);
    setup = PLANNED(f, &h, plain, "m");
    assert_int_equal(vanta_setup_run(setup, &f->err), VANTA_ERR_FORMAT);
    items = vanta_setup_items(setup, &n);
    assert_non_null(strstr(items[0].error.message, "leads out of"));
    vanta_setup_free(setup);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(disk_counts_what_stays_and_the_scratch_of_what_runs_at_once),
        TEST(disk_counts_less_what_an_interrupted_run_left),
        TEST(files_that_are_there_need_no_disk),
        TEST(a_slot_takes_the_first_that_is_reached_with_a_notice),
        TEST(nobody_is_asked_where_nothing_depends_on_it),
        TEST(what_was_begun_goes_on_before_the_other_alternatives),
        TEST(a_refused_licence_skips_its_models_only),
        TEST(an_accepted_licence_is_not_asked_for_again),
        TEST(a_model_that_does_not_fit_asks_for_no_licence),
        TEST(a_cancel_leaves_nothing_half_named_and_the_next_run_goes_on),
        TEST(when_one_way_fails_the_next_is_taken),
        TEST(a_model_named_by_id_fills_its_slot),
        TEST(an_unknown_profile_is_a_usage_error),
        TEST(the_fitting_profile_is_the_largest_that_fits),
        TEST(a_partial_folder_that_leads_elsewhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
