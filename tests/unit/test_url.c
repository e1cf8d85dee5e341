#include "cmocka_all.h"

#include <string.h>

#include "http/url.h"

static struct vanta_url parse(const char *text)
{
    struct vanta_url url;
    const char *why = "";

    if (!vanta_url_parse(text, &url, &why))
        fail_msg("%s: %s", text, why);
    return url;
}

static void parts_are_found(void **state)
{
    struct vanta_url url = parse("https://Hub.Example/a/b?c=d");

    (void)state;
    assert_true(url.https);
    assert_string_equal(url.host, "hub.example");
    assert_int_equal(url.port, 443);
    assert_int_equal(url.path, strlen("https://hub.example"));
    url = parse("http://127.0.0.1:8080");
    assert_false(url.https);
    assert_int_equal(url.port, 8080);
    assert_int_equal(url.path, strlen("http://127.0.0.1:8080"));
    url = parse("https://[2001:DB8::1]:444/x");
    assert_string_equal(url.host, "[2001:db8::1]");
    assert_int_equal(url.port, 444);
}

static void odd_ones_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "ftp://host/", "https:/host/", "//host/", "https://", "https:///x",
        "https://user@host/", "https://user:pw@host/", "https://good.example@evil.example/",
        "https://host:0/", "https://host:65536/", "https://host:/", "https://host:8o/",
        "https://host:123456/", "https://ho st/", "https://host/\x01", "https://host/\\x",
        "https://host\\@evil/", "https://h\xc3\xb6st/", "https://host/\xc3\xb6",
        "https://.host/", "https://-host/", "https://ho..st/", "https://[::1/",
        "https://[]/", "https://[::g]/", "https://[::1]x/", "https://ho%41st/",
        "https://host;x/", "HTTPS://host/"};
    struct vanta_url url;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;

        if (vanta_url_parse(bad[i], &url, &why))
            fail_msg("taken: %s", bad[i]);
        assert_non_null(why);
    }
}

static void too_long_ones_are_refused(void **state)
{
    char text[VANTA_URL_MAX + 100];
    struct vanta_url url;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "https://host/", 13);
    text[VANTA_URL_MAX] = '\0';
    assert_false(vanta_url_parse(text, &url, NULL));
    text[VANTA_URL_MAX - 1] = '\0';
    assert_true(vanta_url_parse(text, &url, NULL));
    memset(text + 8, 'a', VANTA_URL_HOST_MAX);
    text[8 + VANTA_URL_HOST_MAX] = '\0';
    assert_false(vanta_url_parse(text, &url, NULL));
}

static bool same(const char *a, const char *b)
{
    struct vanta_url x = parse(a), y = parse(b);

    return vanta_url_same_origin(&x, &y);
}

static void origins_are_compared(void **state)
{
    char origin[VANTA_URL_ORIGIN_MAX];
    struct vanta_url url;

    (void)state;
    assert_true(same("https://host/a", "https://HOST:443/b"));
    assert_false(same("https://host/", "http://host/"));
    assert_false(same("https://host/", "https://host:444/"));
    assert_false(same("https://host/", "https://host.evil/"));
    assert_false(same("http://localhost/", "http://127.0.0.1/"));
    url = parse("https://host:443/a?b");
    vanta_url_origin(&url, origin);
    assert_string_equal(origin, "https://host");
    url = parse("http://host:8080/");
    vanta_url_origin(&url, origin);
    assert_string_equal(origin, "http://host:8080");
}

static bool loopback(const char *text)
{
    struct vanta_url url = parse(text);

    return vanta_url_is_loopback(&url);
}

static void loopback_is_only_this_machine(void **state)
{
    (void)state;
    assert_true(loopback("http://localhost/"));
    assert_true(loopback("http://127.0.0.1:80/"));
    assert_true(loopback("http://127.255.0.1/"));
    assert_true(loopback("http://[::1]/"));
    assert_false(loopback("http://127.0.0.1.evil.example/"));
    assert_false(loopback("http://localhost.evil.example/"));
    assert_false(loopback("http://128.0.0.1/"));
    assert_false(loopback("http://127/"));
    assert_false(loopback("http://0x7f.0.0.1/"));
    assert_false(loopback("http://[::2]/"));
}

static void secrets_are_not_shown(void **state)
{
    char shown[64];

    (void)state;
    vanta_url_shown("https://host/path?Signature=SECRET#x", shown, sizeof shown);
    assert_string_equal(shown, "https://host/path");
    vanta_url_shown("https://host/path", shown, 9);
    assert_string_equal(shown, "https://");
}

static void text_is_percent_encoded(void **state)
{
    struct vanta_buf buf = VANTA_BUF(100), small = VANTA_BUF(4);

    (void)state;
    assert_true(vanta_url_encode(&buf, "a-Z_0.~/b c%?#\xc3\xb6", true));
    assert_string_equal(buf.data, "a-Z_0.~/b%20c%25%3F%23%C3%B6");
    buf.len = 0;
    assert_true(vanta_url_encode(&buf, "refs/pr/1", false));
    assert_string_equal(buf.data, "refs%2Fpr%2F1");
    assert_false(vanta_url_encode(&small, "a b", false));
    vanta_buf_free(&buf);
    vanta_buf_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(odd_ones_are_refused),
        cmocka_unit_test(too_long_ones_are_refused),
        cmocka_unit_test(origins_are_compared),
        cmocka_unit_test(loopback_is_only_this_machine),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(text_is_percent_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
