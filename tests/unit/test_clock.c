#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void rfc3339_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2024-02-29T23:59:60Z", 1709251200},
        {"2026-01-31T12:00:00.123456Z", 1769860800},
        {"2026-01-31T12:00:00+02:00", 1769853600},
        {"2026-01-31T12:00:00-05:30", 1769880600},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    static const char *const bad[] = {
        "", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "1900-01-01T00:00:00Z", "2026-1-1T0:0:0Z", "+026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Zx", "2026-01-31T12:00:00.Z", "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z", "2026-01-31T12:00:00+25:00", "2026-01-31T12:00:00+-1:00",
        "2026-01-31T12:00:00+02:0", "2026-01-31 12:00:00"};
    int64_t seconds;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(vanta_time_parse_rfc3339(good[i].text, &seconds));
        assert_true(seconds == good[i].seconds);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vanta_time_parse_rfc3339(bad[i], &seconds));
}

static void http_dates_are_read(void **state)
{
    static const char *const bad[] = {
        "", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 06 N 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMTx"};
    int64_t seconds;
    size_t i;

    (void)state;
    assert_true(vanta_time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &seconds));
    assert_true(seconds == 784111777);
    assert_true(vanta_time_parse_http("Sat, 31 Jan 2026 12:00:00 GMT", &seconds));
    assert_true(seconds == 1769860800);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vanta_time_parse_http(bad[i], &seconds));
}

static void now_is_now(void **state)
{
    char text[VANTA_TIME_TEXT_MAX];
    int64_t seconds, wall = (int64_t)time(NULL);

    (void)state;
    vanta_time_now(text);
    assert_int_equal(strlen(text), 20);
    assert_true(vanta_time_parse_rfc3339(text, &seconds));
    assert_true(seconds >= wall && seconds <= wall + 5);
}

static void sleeping_ends_in_time_or_when_it_is_cancelled(void **state)
{
    atomic_bool cancel = false;
    int64_t start = vanta_clock_ms();

    (void)state;
    assert_true(vanta_clock_sleep_ms(60, NULL));
    assert_true(vanta_clock_ms() - start >= 60);
    assert_true(vanta_clock_sleep_ms(0, &cancel));
    assert_true(vanta_clock_sleep_ms(-5, NULL));
    atomic_store(&cancel, true);
    start = vanta_clock_ms();
    assert_false(vanta_clock_sleep_ms(60000, &cancel));
    assert_false(vanta_clock_sleep_ms(0, &cancel));
    assert_true(vanta_clock_ms() - start < 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_is_read),
        cmocka_unit_test(http_dates_are_read),
        cmocka_unit_test(now_is_now),
        cmocka_unit_test(sleeping_ends_in_time_or_when_it_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
