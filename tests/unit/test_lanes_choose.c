/* Which range is asked of whom next: the choice alone, over a run as it may stand. */
#include "cmocka_all.h"

#include <string.h>

#include "fetch/lanes_private.h"

#define MIB ((uint64_t)1024 * 1024)
#define NOW ((int64_t)100000)

static struct vanta_lane_run run;
static struct vanta_partial partial;
static struct vanta_lane lanes[3];
static struct vanta_transfer transfers[3];
static struct vanta_lane_account sources[2];
static struct vanta_lane_choice choice;

/* Stands for a request that runs; nothing here looks into it. */
static struct vanta_http_call *const running = (struct vanta_http_call *)&run;

/* 100 MiB, of which the first lane has 40 behind it and the rest before it, at 1 MiB a
 * second since long ago; no other request runs. */
static int start(void **state)
{
    size_t i;

    (void)state;
    memset(&run, 0, sizeof run);
    memset(&partial, 0, sizeof partial);
    memset(lanes, 0, sizeof lanes);
    memset(transfers, 0, sizeof transfers);
    memset(sources, 0, sizeof sources);
    run.p = &partial;
    run.sources = sources;
    run.n_sources = 1;
    run.total = (int64_t)(100 * MIB);
    run.latency_ms = 10;
    for (i = 0; i < 3; i++) {
        run.lanes[i] = &lanes[i];
        lanes[i].t = &transfers[i];
        lanes[i].raced = VANTA_LANE_NONE;
        lanes[i].end = transfers[i].end = UINT64_MAX;
        lanes[i].started_ms = NOW - 60000;
        lanes[i].rate = (double)MIB;
    }
    for (i = 0; i < 2; i++) {
        sources[i].most = VANTA_LANES_MAX;
        sources[i].rate = (double)MIB;
    }
    lanes[0].call = running;
    sources[0].active = 1;
    transfers[0].pos = 40 * MIB;
    assert_true(vanta_extents_add(&partial.have, 0, 40 * MIB));
    return 0;
}

static int end(void **state)
{
    (void)state;
    vanta_extents_free(&partial.have);
    return 0;
}

static bool choose(void)
{
    return vanta_lanes_choose(&run, NOW, &choice);
}

static void half_of_what_is_left_is_taken(void **state)
{
    (void)state;
    assert_true(choose());
    assert_int_equal(choice.source, 0);
    assert_int_equal(choice.from, 70 * MIB);
    assert_int_equal(choice.end, 100 * MIB);
    assert_int_equal(choice.halved, 0);
    assert_int_equal(choice.raced, VANTA_LANE_NONE);
    /* Two thirds of a page more: still where pages begin. */
    transfers[0].pos += 12345;
    assert_true(choose());
    assert_int_equal(choice.from % 65536, 0);
}

static void what_nobody_brings_goes_first(void **state)
{
    (void)state;
    assert_true(vanta_extents_remove(&partial.have, 8 * MIB, 12 * MIB));
    assert_true(choose());
    assert_int_equal(choice.from, 8 * MIB);
    assert_int_equal(choice.end, 12 * MIB);
    assert_int_equal(choice.halved, VANTA_LANE_NONE);
    /* Once it is on its way it is no gap. */
    lanes[1].call = running;
    transfers[1].pos = 8 * MIB;
    lanes[1].end = 12 * MIB;
    assert_true(choose());
    assert_int_equal(choice.halved, 0);
}

static void the_most_is_halved(void **state)
{
    (void)state;
    lanes[0].end = 50 * MIB;
    lanes[1].call = running;
    transfers[1].pos = 50 * MIB;
    assert_true(choose());
    assert_int_equal(choice.halved, 1);
    assert_int_equal(choice.from, 75 * MIB);
}

static void a_source_in_a_pause_or_full_or_off_is_not_asked(void **state)
{
    (void)state;
    sources[0].next_ms = NOW + 1;
    assert_false(choose());
    sources[0].next_ms = 0;
    sources[0].most = 1;
    assert_false(choose());
    run.n_sources = 2;
    assert_true(choose());
    assert_int_equal(choice.source, 1);
    sources[1].off = true;
    assert_false(choose());
}

static void the_fastest_source_is_asked_and_an_unknown_one_tried(void **state)
{
    (void)state;
    run.n_sources = 2;
    sources[1].rate = 3 * (double)MIB;
    assert_true(choose());
    assert_int_equal(choice.source, 1);
    sources[1].rate = 0;
    assert_true(choose());
    assert_int_equal(choice.source, 1);
    sources[1].active = 1; /* it is being tried */
    assert_true(choose());
    assert_int_equal(choice.source, 0);
}

static void a_slow_end_is_raced_once(void **state)
{
    (void)state;
    transfers[0].pos = 100 * MIB - 200000;
    assert_true(vanta_extents_add(&partial.have, 40 * MIB, 100 * MIB - 200000));
    lanes[0].rate = 20000; /* ten seconds, where others take less than one */
    assert_true(choose());
    assert_int_equal(choice.raced, 0);
    assert_int_equal(choice.halved, VANTA_LANE_NONE);
    assert_int_equal(choice.from, 100 * MIB - 200000);
    assert_int_equal(choice.end, 100 * MIB);
    lanes[1].call = running;
    transfers[1].pos = choice.from;
    lanes[1].raced = 0;
    assert_false(choose());
}

static void what_is_nearly_there_is_left_alone(void **state)
{
    (void)state;
    transfers[0].pos = 100 * MIB - 200000;
    assert_true(vanta_extents_add(&partial.have, 40 * MIB, 100 * MIB - 200000));
    assert_false(choose());
}

/* Nobody knows yet how fast it is: soon it is raced, and then its rest is shared. */
static void what_has_just_begun_is_left_alone(void **state)
{
    (void)state;
    lanes[0].rate = sources[0].rate = 0;
    lanes[0].started_ms = NOW - 100;
    assert_false(choose());
    lanes[0].started_ms = NOW - 500;
    assert_true(choose());
    assert_int_equal(choice.raced, 0);
    lanes[0].started_ms = NOW - 5000;
    assert_true(choose());
    assert_int_equal(choice.halved, 0);
}

#define CHOICE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHOICE(half_of_what_is_left_is_taken),
        CHOICE(what_nobody_brings_goes_first),
        CHOICE(the_most_is_halved),
        CHOICE(a_source_in_a_pause_or_full_or_off_is_not_asked),
        CHOICE(the_fastest_source_is_asked_and_an_unknown_one_tried),
        CHOICE(a_slow_end_is_raced_once),
        CHOICE(what_is_nearly_there_is_left_alone),
        CHOICE(what_has_just_begun_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
