#include "cmocka_all.h"

#include <stdio.h>

#include "fetch/retry.h"

#define BASE 1000

static struct vanta_hosts hosts;

static int setup(void **state)
{
    (void)state;
    vanta_hosts_init(&hosts, BASE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vanta_hosts_free(&hosts);
    return 0;
}

static const struct vanta_error why = {VANTA_ERR_NETWORK, "refused", ""};

static void statuses(void **state)
{
    static const int again[] = {408, 425, 429, 500, 502, 503, 504, 520};
    static const int never[] = {200, 301, 400, 401, 403, 404, 410, 416, 501, 505, 600};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof again / sizeof again[0]; i++)
        assert_true(vanta_retry_status(again[i]));
    for (i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_false(vanta_retry_status(never[i]));
}

static void delays_grow_to_a_cap_and_are_spread(void **state)
{
    (void)state;
    assert_int_equal(vanta_retry_delay_ms(BASE, 0, 0.5), 1000);
    assert_int_equal(vanta_retry_delay_ms(BASE, 1, 0.5), 2000);
    assert_int_equal(vanta_retry_delay_ms(BASE, 3, 0.5), 8000);
    assert_int_equal(vanta_retry_delay_ms(BASE, 4, 0.5), 15000);
    assert_int_equal(vanta_retry_delay_ms(BASE, 4000000000u, 0.5), 15000);
    assert_int_equal(vanta_retry_delay_ms(BASE, 0, 0), 500);
    assert_int_equal(vanta_retry_delay_ms(BASE, 0, 1), 1500);
}

static void random_numbers_are_from_0_to_1(void **state)
{
    double low = 1, high = 0;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        double r = vanta_retry_random();

        assert_true(r >= 0 && r < 1);
        low = r < low ? r : low;
        high = r > high ? r : high;
    }
    assert_true(low < 0.1 && high > 0.9);
}

static void a_host_that_failed_is_put_off(void **state)
{
    struct vanta_host host;

    (void)state;
    assert_false(vanta_hosts_get(&hosts, "https://a", 100, &host));
    assert_int_equal(host.down_since_ms, 0);
    vanta_hosts_failed(&hosts, "https://a", 100, &why);
    assert_true(vanta_hosts_get(&hosts, "https://a", 200, &host));
    assert_int_equal(host.down_since_ms, 100);
    assert_true(host.next_ms >= 600 && host.next_ms <= 1600);
    assert_string_equal(host.error.message, "refused");
    assert_false(vanta_hosts_get(&hosts, "https://b", 200, &host));
    vanta_hosts_worked(&hosts, "https://a");
    assert_true(vanta_hosts_get(&hosts, "https://a", 200, &host));
    assert_int_equal(host.down_since_ms, 0);
}

static void failures_at_the_same_moment_are_one(void **state)
{
    struct vanta_host host;

    (void)state;
    vanta_hosts_failed(&hosts, "a", 100, &why);
    vanta_hosts_failed(&hosts, "a", 101, &why);
    vanta_hosts_failed(&hosts, "a", 102, &why);
    vanta_hosts_get(&hosts, "a", 103, &host);
    assert_int_equal(host.failures, 1);
    assert_int_equal(host.down_since_ms, 100);
    assert_int_equal(host.failed_ms, 102);
}

static void one_at_a_time_tries_a_host_that_is_down(void **state)
{
    struct vanta_host host;

    (void)state;
    assert_true(vanta_hosts_try(&hosts, "a", 100));
    vanta_hosts_failed(&hosts, "a", 100, &why);
    assert_false(vanta_hosts_try(&hosts, "a", 101));
    assert_true(vanta_hosts_try(&hosts, "a", 1700));
    assert_false(vanta_hosts_try(&hosts, "a", 1701));
    vanta_hosts_worked(&hosts, "a");
    assert_true(vanta_hosts_try(&hosts, "a", 1702));
    assert_true(vanta_hosts_try(&hosts, "a", 1702));
    vanta_hosts_get(&hosts, "a", 1702, &host);
    assert_int_equal(host.failures, 0);
}

static void an_old_failure_no_longer_counts(void **state)
{
    struct vanta_host host;

    (void)state;
    vanta_hosts_failed(&hosts, "a", 100, &why);
    vanta_hosts_get(&hosts, "a", 100 + 90 * BASE, &host);
    assert_int_equal(host.down_since_ms, 100);
    vanta_hosts_get(&hosts, "a", 101 + 90 * BASE, &host);
    assert_int_equal(host.down_since_ms, 0);
    assert_true(vanta_hosts_try(&hosts, "a", 101 + 90 * BASE));
    /* Failing again, it is down since then, and not since long ago. */
    vanta_hosts_failed(&hosts, "a", 200000, &why);
    vanta_hosts_get(&hosts, "a", 200001, &host);
    assert_int_equal(host.down_since_ms, 200000);
    assert_int_equal(host.failures, 1);
}

static void a_pause_is_remembered(void **state)
{
    struct vanta_host host;

    (void)state;
    vanta_hosts_busy(&hosts, "a", 5000);
    vanta_hosts_busy(&hosts, "a", 4000);
    vanta_hosts_get(&hosts, "a", 100, &host);
    assert_int_equal(host.busy_until_ms, 5000);
    assert_int_equal(host.down_since_ms, 0);
}

static void the_table_makes_room(void **state)
{
    struct vanta_host host;
    char name[16];
    int i;

    (void)state;
    for (i = 0; i < VANTA_HOSTS_MAX + 10; i++) {
        snprintf(name, sizeof name, "h%d", i);
        vanta_hosts_failed(&hosts, name, 100 + i, &why);
    }
    assert_false(vanta_hosts_get(&hosts, "h0", 200, &host));
    assert_true(vanta_hosts_get(&hosts, name, 200, &host));
    assert_int_equal(hosts.n, VANTA_HOSTS_MAX);
}

#define host_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(delays_grow_to_a_cap_and_are_spread),
        cmocka_unit_test(random_numbers_are_from_0_to_1),
        host_test(a_host_that_failed_is_put_off),
        host_test(failures_at_the_same_moment_are_one),
        host_test(one_at_a_time_tries_a_host_that_is_down),
        host_test(an_old_failure_no_longer_counts),
        host_test(a_pause_is_remembered),
        host_test(the_table_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
