#include "cmocka_all.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "engines/protocol.h"

static int ends[2];
static struct vanta_frame_reader reader;

static int open_pair(void **state)
{
    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return -1;
    vanta_frame_reader_open(&reader, ends[0]);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    vanta_frame_reader_close(&reader);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    return 0;
}

static void put(const void *bytes, size_t n)
{
    assert_int_equal(write(ends[1], bytes, n), n);
}

static void end(void)
{
    close(ends[1]);
    ends[1] = -1;
}

static enum vanta_status get(json_t **json, size_t *n)
{
    struct vanta_error err = {0};
    const void *binary;
    enum vanta_status status;

    *json = NULL;
    status = vanta_frame_read(&reader, json, &binary, n, &err);
    if (status != VANTA_OK) {
        assert_null(*json);
        assert_true(err.message[0] != '\0');
        assert_int_equal(err.status, status);
    }
    return status;
}

/* What is written as bytes is refused with status; the words are in the message. */
static void refused(const void *bytes, size_t n, enum vanta_status status,
                    const char *words)
{
    struct vanta_error err = {0};
    const void *binary;
    json_t *json = NULL;
    size_t len;

    put(bytes, n);
    end();
    assert_int_equal(vanta_frame_read(&reader, &json, &binary, &len, &err), status);
    assert_null(json);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
}

static void a_message_arrives_as_it_was(void **state)
{
    json_t *json = json_pack("{s:i, s:s}", "id", 7, "text", "a\"\xC3\xA9\n"), *back;
    size_t n;

    (void)state;
    assert_int_equal(vanta_frame_write(ends[1], json, NULL, 0, NULL), VANTA_OK);
    assert_int_equal(get(&back, &n), VANTA_OK);
    assert_true(json_equal(json, back));
    json_decref(json);
    json_decref(back);
}

static void *write_a_megabyte(void *data)
{
    json_t *json = json_pack("{s:i}", "id", 1);

    assert_int_equal(vanta_frame_write(ends[1], json, data, 1 << 20, NULL), VANTA_OK);
    json_decref(json);
    return NULL;
}

static void bytes_arrive_with_their_message_and_can_be_kept(void **state)
{
    unsigned char *data = malloc(1 << 20);
    const void *binary = NULL;
    json_t *json = NULL;
    pthread_t writer;
    size_t n = 0;
    void *kept;
    int i;

    (void)state;
    for (i = 0; i < 1 << 20; i++)
        data[i] = (unsigned char)(i * 7);
    assert_int_equal(pthread_create(&writer, NULL, write_a_megabyte, data), 0);
    assert_int_equal(vanta_frame_read(&reader, &json, &binary, &n, NULL), VANTA_OK);
    pthread_join(writer, NULL);
    assert_int_equal(n, 1 << 20);
    assert_memory_equal(binary, data, n);
    assert_int_equal(json_integer_value(json_object_get(json, "binary")), 1 << 20);
    json_decref(json);
    kept = vanta_frame_reader_take(&reader);
    assert_ptr_equal(kept, binary);
    /* The reader goes on with a buffer of its own. */
    json = json_object();
    assert_int_equal(vanta_frame_write(ends[1], json, "", 0, NULL), VANTA_OK);
    json_decref(json);
    assert_int_equal(vanta_frame_read(&reader, &json, &binary, &n, NULL), VANTA_OK);
    assert_int_equal(n, 0);
    assert_non_null(binary);
    assert_memory_equal(kept, data, 1 << 20);
    json_decref(json);
    free(kept);
    free(data);
}

static void an_end_between_frames_is_no_cut(void **state)
{
    json_t *json;
    size_t n;

    (void)state;
    put("\x03\0\0\0J{}", 7);
    end();
    assert_int_equal(get(&json, &n), VANTA_OK);
    json_decref(json);
    assert_int_equal(get(&json, &n), VANTA_ERR_NOT_FOUND);
}

static void a_cut_anywhere_is_a_failure(void **state)
{
    static const char whole[] = "\x0d\0\0\0J{\"binary\":2}\x03\0\0\0Bxy";
    size_t n = sizeof whole - 1, cut, got;
    json_t *json;

    (void)state;
    for (cut = 1; cut < n; cut++) {
        put(whole, cut);
        end();
        assert_int_equal(get(&json, &got), VANTA_ERR_IO);
        close_pair(NULL);
        assert_int_equal(open_pair(NULL), 0);
    }
    put(whole, n);
    assert_int_equal(get(&json, &got), VANTA_OK);
    assert_int_equal(got, 2);
    json_decref(json);
}

static void a_length_over_the_cap(void **state)
{
    (void)state;
    refused("\xff\xff\xff\xffJ{}", 7, VANTA_ERR_LIMIT, "at most");
    /* Nothing was set aside for what was only claimed. */
    assert_int_equal(reader.buf.capacity, 0);
}

static void a_lowered_cap(void **state)
{
    (void)state;
    reader.json_max = 1;
    refused("\x03\0\0\0J{}", 7, VANTA_ERR_LIMIT, "at most 1");
}

static void a_length_of_nothing(void **state)
{
    (void)state;
    refused("\0\0\0\0J", 5, VANTA_ERR_FORMAT, "without a kind");
}

static void an_empty_message(void **state)
{
    (void)state;
    refused("\x01\0\0\0J", 5, VANTA_ERR_FORMAT, "message");
}

static void an_unknown_kind(void **state)
{
    (void)state;
    refused("\x03\0\0\0X{}", 7, VANTA_ERR_FORMAT, "kind 0x58");
}

static void bytes_without_a_message(void **state)
{
    (void)state;
    refused("\x03\0\0\0Bxy", 7, VANTA_ERR_FORMAT, "kind 0x42");
}

static void no_object(void **state)
{
    (void)state;
    refused("\x03\0\0\0J[]", 7, VANTA_ERR_FORMAT, "no JSON object");
}

static void no_json(void **state)
{
    (void)state;
    refused("\x03\0\0\0J{{", 7, VANTA_ERR_FORMAT, "message:1");
}

static void the_same_key_twice(void **state)
{
    (void)state;
    refused("\x0e\0\0\0J{\"a\":1,\"a\":2}", 18, VANTA_ERR_FORMAT, "duplicate");
}

static void invalid_utf_8(void **state)
{
    (void)state;
    refused("\x08\0\0\0J{\"a\xff\":1", 12, VANTA_ERR_FORMAT, "message:1");
}

static void a_length_that_is_none(void **state)
{
    (void)state;
    refused("\x0f\0\0\0J{\"binary\":\"x\"}", 19, VANTA_ERR_FORMAT, "no length");
}

static void a_negative_length(void **state)
{
    (void)state;
    refused("\x0e\0\0\0J{\"binary\":-1}", 18, VANTA_ERR_FORMAT, "no length");
}

static void more_bytes_than_may_be(void **state)
{
    (void)state;
    refused("\x15\0\0\0J{\"binary\":999999999}", 25, VANTA_ERR_LIMIT, "announced");
}

static void fewer_bytes_than_announced(void **state)
{
    (void)state;
    refused("\x0d\0\0\0J{\"binary\":2}\x02\0\0\0Bx", 23, VANTA_ERR_FORMAT, "1 sent");
}

static void more_bytes_than_announced(void **state)
{
    (void)state;
    refused("\x0d\0\0\0J{\"binary\":1}\x03\0\0\0Bxy", 24, VANTA_ERR_LIMIT, "at most 1");
}

static void a_message_where_bytes_have_to_be(void **state)
{
    (void)state;
    refused("\x0d\0\0\0J{\"binary\":2}\x03\0\0\0J{}", 24, VANTA_ERR_FORMAT, "0x42");
}

static void bytes_that_nobody_asked_for(void **state)
{
    struct vanta_error err = {0};
    json_t *json = NULL;

    (void)state;
    put("\x0d\0\0\0J{\"binary\":2}\x03\0\0\0Bxy", 24);
    assert_int_equal(vanta_frame_read(&reader, &json, NULL, NULL, &err),
                     VANTA_ERR_FORMAT);
    assert_null(json);
    assert_non_null(strstr(err.message, "not asked for"));
}

static void depth_has_a_bound(void **state)
{
    enum { DEPTH = 100000 };
    static char bytes[5 + 5 + DEPTH];
    size_t n = 5 + DEPTH;

    (void)state;
    bytes[0] = (char)((n + 1) & 0xff);
    bytes[1] = (char)((n + 1) >> 8 & 0xff);
    bytes[2] = (char)((n + 1) >> 16 & 0xff);
    bytes[4] = 'J';
    memcpy(bytes + 5, "{\"a\":", 5);
    memset(bytes + 10, '[', DEPTH);
    refused(bytes, sizeof bytes, VANTA_ERR_FORMAT, "depth");
}

static void a_message_that_is_too_large_is_not_begun(void **state)
{
    struct vanta_error err = {0};
    char *text = malloc(VANTA_FRAME_JSON_MAX + 1);
    json_t *json;
    size_t n;

    (void)state;
    memset(text, 'x', VANTA_FRAME_JSON_MAX);
    text[VANTA_FRAME_JSON_MAX] = '\0';
    json = json_pack("{s:s}", "text", text);
    free(text);
    assert_int_equal(vanta_frame_write(ends[1], json, NULL, 0, &err), VANTA_ERR_LIMIT);
    assert_int_equal(vanta_frame_write(ends[1], json, "", VANTA_FRAME_BINARY_MAX + 1,
                                       NULL),
                     VANTA_ERR_LIMIT);
    json_decref(json);
    end();
    assert_int_equal(get(&json, &n), VANTA_ERR_NOT_FOUND);
}

static void a_peer_that_is_gone_is_an_error(void **state)
{
    struct vanta_error err = {0};
    json_t *json = json_object();
    int i;

    (void)state;
    close(ends[0]);
    ends[0] = -1;
    for (i = 0; i < 2; i++)
        assert_int_equal(vanta_frame_write(ends[1], json, NULL, 0, &err), VANTA_ERR_IO);
    json_decref(json);
}

static enum vanta_status refuse_to_wait(void *arg, struct vanta_error *err)
{
    return --*(int *)arg > 0 ? VANTA_OK : vanta_fail(err, VANTA_ERR_BUSY, "enough");
}

static void a_wait_can_end_a_read_and_a_write(void **state)
{
    static const char big[1 << 20];
    int times = 2;
    json_t *json = json_object(), *back;
    size_t n;

    (void)state;
    reader.wait = refuse_to_wait;
    reader.arg = &times;
    put("\x03\0\0\0J{}", 7); /* its head takes two reads */
    assert_int_equal(get(&back, &n), VANTA_ERR_BUSY);
    times = 100000; /* nobody reads: the channel fills, nothing blocks */
    assert_int_equal(vanta_frame_write_waiting(ends[1], json, big, sizeof big,
                                               refuse_to_wait, &times, NULL),
                     VANTA_ERR_BUSY);
    assert_int_equal(times, 0);
    json_decref(json);
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_message_arrives_as_it_was),
        test(bytes_arrive_with_their_message_and_can_be_kept),
        test(an_end_between_frames_is_no_cut),
        test(a_cut_anywhere_is_a_failure),
        test(a_length_over_the_cap),
        test(a_lowered_cap),
        test(a_length_of_nothing),
        test(an_empty_message),
        test(an_unknown_kind),
        test(bytes_without_a_message),
        test(no_object),
        test(no_json),
        test(the_same_key_twice),
        test(invalid_utf_8),
        test(a_length_that_is_none),
        test(a_negative_length),
        test(more_bytes_than_may_be),
        test(fewer_bytes_than_announced),
        test(more_bytes_than_announced),
        test(a_message_where_bytes_have_to_be),
        test(bytes_that_nobody_asked_for),
        test(depth_has_a_bound),
        test(a_message_that_is_too_large_is_not_begun),
        test(a_peer_that_is_gone_is_an_error),
        test(a_wait_can_end_a_read_and_a_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
