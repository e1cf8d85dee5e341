#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fetch/slots.h"

/* One who waits in a thread, and notes when its turn came. */
struct taker {
    struct vanta_slots *slots;
    uint64_t bytes;
    bool client;
    const atomic_bool *cancel;
    pthread_t thread;
    atomic_bool done;
    bool taken;
    unsigned turn;
};

static atomic_uint turns;

static void *take(void *arg)
{
    struct taker *t = arg;

    t->taken = vanta_slots_take(t->slots, t->bytes, t->client, t->cancel);
    t->turn = atomic_fetch_add(&turns, 1);
    atomic_store(&t->done, true);
    return NULL;
}

static void start(struct taker *t, struct vanta_slots *slots, uint64_t bytes, bool client)
{
    t->slots = slots;
    t->bytes = bytes;
    t->client = client;
    atomic_store(&t->done, false);
    assert_int_equal(pthread_create(&t->thread, NULL, take, t), 0);
}

static bool done_within(struct taker *t, int64_t ms)
{
    int64_t stop = vanta_clock_ms() + ms;

    while (!atomic_load(&t->done) && vanta_clock_ms() < stop)
        vanta_clock_sleep_ms(5, NULL);
    return atomic_load(&t->done);
}

static void no_more_are_taken_than_there_are(void **state)
{
    struct taker third = {0};
    struct vanta_slots slots;

    (void)state;
    vanta_slots_init(&slots, 2, 1);
    assert_true(vanta_slots_take(&slots, 1, false, NULL));
    assert_true(vanta_slots_take(&slots, 1, false, NULL));
    start(&third, &slots, 1, false);
    assert_false(done_within(&third, 100));
    vanta_slots_give(&slots);
    assert_true(done_within(&third, 5000));
    pthread_join(third.thread, NULL);
    vanta_slots_free(&slots);
}

static void the_smaller_goes_first(void **state)
{
    static const uint64_t bytes[] = {900, 500, 100, 500};
    static const unsigned turn[] = {3, 1, 0, 2};
    struct taker t[4] = {{0}};
    struct vanta_slots slots;
    size_t i;

    (void)state;
    atomic_store(&turns, 0);
    vanta_slots_init(&slots, 1, 1);
    assert_true(vanta_slots_take(&slots, 900, false, NULL));
    for (i = 0; i < 4; i++) {
        start(&t[i], &slots, bytes[i], false);
        vanta_clock_sleep_ms(50, NULL); /* that they come in this order */
    }
    for (i = 0; i < 4; i++) {
        vanta_slots_give(&slots);
        while (atomic_load(&turns) == i)
            vanta_clock_sleep_ms(5, NULL);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(t[i].thread, NULL);
        assert_int_equal(t[i].turn, turn[i]);
    }
    vanta_slots_free(&slots);
}

static void one_client_starts_after_the_other(void **state)
{
    struct taker client = {0}, file = {0};
    struct vanta_slots slots;

    (void)state;
    vanta_slots_init(&slots, 4, 1);
    assert_true(vanta_slots_take(&slots, 1, true, NULL));
    start(&client, &slots, 1, true);
    assert_false(done_within(&client, 100));
    /* What needs no client passes by, though it is larger. */
    start(&file, &slots, 2, false);
    assert_true(done_within(&file, 5000));
    assert_false(atomic_load(&client.done));
    vanta_slots_started(&slots);
    assert_true(done_within(&client, 5000));
    pthread_join(client.thread, NULL);
    pthread_join(file.thread, NULL);
    vanta_slots_free(&slots);
}

static void cancelled_ones_take_nothing(void **state)
{
    atomic_bool cancel = false;
    struct taker waiting = {.cancel = &cancel}, next = {0};
    struct vanta_slots slots;

    (void)state;
    vanta_slots_init(&slots, 1, 0);
    assert_true(slots.starts_free >= 1);
    assert_true(vanta_slots_take(&slots, 1, true, NULL));
    start(&waiting, &slots, 1, true);
    assert_false(done_within(&waiting, 50));
    start(&next, &slots, 2, false);
    atomic_store(&cancel, true);
    vanta_slots_started(&slots);
    vanta_slots_give(&slots);
    assert_true(done_within(&waiting, 5000));
    assert_true(done_within(&next, 5000));
    pthread_join(waiting.thread, NULL);
    pthread_join(next.thread, NULL);
    assert_false(waiting.taken);
    assert_true(next.taken);
    vanta_slots_free(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_are_taken_than_there_are),
        cmocka_unit_test(the_smaller_goes_first),
        cmocka_unit_test(one_client_starts_after_the_other),
        cmocka_unit_test(cancelled_ones_take_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
