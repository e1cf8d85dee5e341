#include "cmocka_all.h"

#include <string.h>

#include "http/headers.h"

static struct vanta_http_headers h;

/* Lines by '|'. */
static void read_lines(const char *text)
{
    vanta_http_headers_start(&h);
    while (*text) {
        size_t len = strcspn(text, "|");

        vanta_http_headers_line(&h, text, len);
        text += len + (text[len] == '|');
    }
}

static void usual_fields_are_read(void **state)
{
    (void)state;
    read_lines("HTTP/1.1 206 Partial Content\r\n|content-length: 10\r\n|"
               "Content-Range: bytes 5-14/15\r\n|ETAG: \"abc\"\r\n|"
               "Last-Modified:   Wed, 21 Oct 2015 07:28:00 GMT \r\n|"
               "Content-Type: Text/HTML; charset=utf-8\r\n|Location: /x?y\r\n|"
               "Content-Encoding: gzip\r\n|\r\n");
    assert_int_equal(h.status, 206);
    assert_int_equal(h.version, 1);
    assert_int_equal(h.content_length, 10);
    assert_true(h.has_range);
    assert_int_equal(h.range_first, 5);
    assert_int_equal(h.range_last, 14);
    assert_int_equal(h.range_total, 15);
    assert_string_equal(h.etag, "\"abc\"");
    assert_string_equal(h.last_modified, "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_string_equal(h.content_type, "text/html");
    assert_string_equal(h.location, "/x?y");
    assert_string_equal(h.content_encoding, "gzip");
    read_lines("HTTP/2 200|transfer-encoding: gzip, chunked");
    assert_int_equal(h.status, 200);
    assert_int_equal(h.version, 2);
    assert_true(h.chunked);
    assert_int_equal(h.content_length, -1);
}

static void a_status_line_starts_anew(void **state)
{
    (void)state;
    read_lines("HTTP/1.1 302 Found|Location: /x|HTTP/1.1 200 OK");
    assert_int_equal(h.status, 200);
    assert_string_equal(h.location, "");
}

static void hub_fields_are_read(void **state)
{
    (void)state;
    read_lines("HTTP/1.1 302 Found|X-Linked-Etag: W/\"abc\"|X-Linked-Size: 77|"
               "X-Repo-Commit: 0123|X-Error-Code: GatedRepo|X-Error-Message: a\x1b[31mb|"
               "Link: <https://h/a>; rel=\"first\", <https://h/b?c>; rel=\"next\"");
    assert_string_equal(h.linked_etag, "abc");
    assert_int_equal(h.linked_size, 77);
    assert_string_equal(h.commit, "0123");
    assert_string_equal(h.error_code, "GatedRepo");
    assert_string_equal(h.error_message, "a?[31mb");
    assert_string_equal(h.link_next, "https://h/b?c");
    read_lines("HTTP/1.1 200|Link: <https://h/a>; rel=\"prev\"");
    assert_string_equal(h.link_next, "");
    read_lines("HTTP/1.1 200|Link: <https://h/a; rel=\"next\"");
    assert_string_equal(h.link_next, "");
    read_lines("HTTP/1.1 500 No|X-Request-Id: req_\x1b[0m12");
    assert_string_equal(h.request_id, "req_?[0m12");
}

static void broken_values_count_as_absent(void **state)
{
    static const char *const ranges[] = {
        "",           "bytes",        "bytes -1/2",   "bytes 1-/2", "bytes 2-1/5",
        "bytes 0-5/5", "bytes 0-4/",  "bytes 0-4/5x", "bytes */x",  "bits 0-4/5",
        "bytes 0-4",  "bytes 99999999999999999999-1/2"};
    char line[9000];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        vanta_http_headers_start(&h);
        if (vanta_http_parse_content_range(ranges[i], &h) || h.has_range)
            fail_msg("taken: %s", ranges[i]);
    }
    read_lines("HTTP/1.1 200|Content-Length: -5|X-Linked-Size: 1e9|no colon here|: empty");
    assert_int_equal(h.content_length, -1);
    assert_int_equal(h.linked_size, -1);
    read_lines("HTTP/1.1 200|Content-Length: 99999999999999999999");
    assert_int_equal(h.content_length, -1);
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    memcpy(line, "ETag: \"", 7);
    vanta_http_headers_line(&h, line, 300);
    assert_string_equal(h.etag, "");
    vanta_http_headers_line(&h, line, sizeof line - 1);
    assert_string_equal(h.etag, "");
    vanta_http_headers_line(&h, "ETag: \"a\0b\"", 11);
    assert_string_equal(h.etag, "");
    read_lines("SSH-2.0-OpenSSH_9.2");
    assert_int_equal(h.status, 0);
}

static void content_range_without_a_part(void **state)
{
    (void)state;
    vanta_http_headers_start(&h);
    assert_true(vanta_http_parse_content_range("bytes */1234", &h));
    assert_int_equal(h.range_first, -1);
    assert_int_equal(h.range_total, 1234);
    vanta_http_headers_start(&h);
    assert_true(vanta_http_parse_content_range("bytes 0-9/*", &h));
    assert_int_equal(h.range_last, 9);
    assert_int_equal(h.range_total, -1);
}

static void retry_after_is_read(void **state)
{
    (void)state;
    assert_int_equal(vanta_http_parse_retry_after("0", 0), 0);
    assert_int_equal(vanta_http_parse_retry_after("120", 0), 120000);
    assert_int_equal(vanta_http_parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20),
                     40000);
    assert_int_equal(vanta_http_parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 90), 0);
    assert_int_equal(vanta_http_parse_retry_after("99999999999", 0),
                     VANTA_HTTP_WAIT_MAX_MS);
    assert_int_equal(vanta_http_parse_retry_after("soon", 0), -1);
    assert_int_equal(vanta_http_parse_retry_after("-1", 0), -1);
    assert_int_equal(vanta_http_parse_retry_after("", 0), -1);
    read_lines("HTTP/1.1 429|Retry-After: 7");
    assert_int_equal(h.retry_after_ms, 7000);
}

static void rate_limit_is_read(void **state)
{
    (void)state;
    assert_int_equal(vanta_http_parse_rate_limit("\"resolvers\";r=0;t=55"), 55000);
    assert_int_equal(vanta_http_parse_rate_limit("\"api\";r=12;t=55"), -1);
    assert_int_equal(vanta_http_parse_rate_limit("\"api\";r=0"), -1);
    assert_int_equal(vanta_http_parse_rate_limit("\"api\";r=;t="), -1);
    read_lines("HTTP/1.1 429|Retry-After: 7|RateLimit: \"x\";r=0;t=9");
    assert_int_equal(h.retry_after_ms, 9000);
}

static const char *validator(const char *lines)
{
    read_lines(lines);
    return vanta_http_headers_validator(&h);
}

static void only_strong_validators_are_used(void **state)
{
    (void)state;
    assert_string_equal(validator("HTTP/1.1 200|ETag: \"a\"|Last-Modified: x"), "\"a\"");
    assert_string_equal(validator("HTTP/1.1 200|ETag: W/\"a\"|Last-Modified: x"), "x");
    assert_null(validator("HTTP/1.1 200|ETag: W/\"a\""));
    assert_null(validator("HTTP/1.1 200|ETag: \"\x80\""));
    assert_null(validator("HTTP/1.1 200"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_fields_are_read),
        cmocka_unit_test(a_status_line_starts_anew),
        cmocka_unit_test(hub_fields_are_read),
        cmocka_unit_test(broken_values_count_as_absent),
        cmocka_unit_test(content_range_without_a_part),
        cmocka_unit_test(retry_after_is_read),
        cmocka_unit_test(rate_limit_is_read),
        cmocka_unit_test(only_strong_validators_are_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
