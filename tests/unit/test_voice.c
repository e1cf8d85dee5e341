/* Kept voices: what is written is read again, and nothing else is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "engines/voice.h"

#define ROWS 3
#define COLUMNS 4
#define SPEAKER 2
#define HEAD 60 /* bytes before the name */

static struct vanta_voice small(void)
{
    static float values[ROWS * COLUMNS + SPEAKER];
    struct vanta_voice v = {.name = "Ána", .rows = ROWS, .columns = COLUMNS,
                            .speaker = SPEAKER, .values = values};

    for (size_t i = 0; i < ROWS * COLUMNS + SPEAKER; i++)
        values[i] = (float)i * 0.25F - 1;
    for (size_t i = 0; i < sizeof v.model; i++)
        v.model[i] = (uint8_t)i;
    return v;
}

static struct vanta_buf encoded(void)
{
    struct vanta_buf buf = VANTA_BUF(VANTA_VOICE_BYTES_MAX);
    struct vanta_voice v = small();

    assert_int_equal(vanta_voice_encode(&v, &buf, NULL), VANTA_OK);
    return buf;
}

/* Makes the digest right for what was changed. */
static void seal(struct vanta_buf *buf)
{
    char hex[VANTA_SHA256_HEX];
    size_t end = buf->len - VANTA_SHA256_BYTES;

    assert_int_equal(vanta_sha256_buffer(buf->data, end, hex, NULL), VANTA_OK);
    assert_true(vanta_sha256_from_hex(hex, (uint8_t *)buf->data + end));
}

static void assert_refused(const struct vanta_buf *buf, enum vanta_status status,
                           const char *why)
{
    struct vanta_voice v;
    struct vanta_error err = {0};

    assert_int_equal(vanta_voice_decode(buf->data, buf->len, "a.voice", &v, &err), status);
    assert_null(v.values);
    assert_non_null(strstr(err.message, "a.voice"));
    if (strstr(err.message, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static void test_round_trip(void **state)
{
    struct vanta_voice v = small(), read;
    struct vanta_buf buf = encoded(), again = VANTA_BUF(VANTA_VOICE_BYTES_MAX);

    (void)state;
    assert_int_equal(buf.len, HEAD + strlen(v.name) + 4 * (ROWS * COLUMNS + SPEAKER) + 32);
    assert_int_equal(vanta_voice_decode(buf.data, buf.len, "a.voice", &read, NULL),
                     VANTA_OK);
    assert_string_equal(read.name, "Ána");
    assert_int_equal(vanta_voice_floats(&read), ROWS * COLUMNS + SPEAKER);
    assert_memory_equal(read.values, v.values, 4 * vanta_voice_floats(&v));
    assert_memory_equal(read.model, v.model, sizeof v.model);
    assert_int_equal(vanta_voice_encode(&read, &again, NULL), VANTA_OK);
    assert_int_equal(again.len, buf.len);
    assert_memory_equal(again.data, buf.data, buf.len);
    vanta_voice_free(&read);
    vanta_voice_free(&read);
    vanta_buf_free(&again);
    vanta_buf_free(&buf);
}

/* The bytes of the format, so that it stays what its document says. */
static void test_layout(void **state)
{
    static const uint8_t head[] = {'V', 'N', 'T', 'V', 'O', 'I', 'C', 'E', 1, 0, 0, 0,
                                   ROWS, 0, 0, 0, COLUMNS, 0, 0, 0, SPEAKER, 0, 0, 0};
    static const uint8_t minus_one[] = {0, 0, 0x80, 0xbf};
    struct vanta_buf buf = encoded();

    (void)state;
    assert_memory_equal(buf.data, head, sizeof head);
    assert_int_equal(buf.data[56], 4); /* bytes of the name */
    assert_memory_equal(buf.data + HEAD, "Ána", 4);
    assert_memory_equal(buf.data + HEAD + 4, minus_one, 4);
    vanta_buf_free(&buf);
}

static void test_damage(void **state)
{
    struct vanta_buf buf = encoded();
    struct vanta_buf part = buf;

    (void)state;
    for (size_t i = 0; i < buf.len; i++) {
        buf.data[i] ^= 0x20;
        assert_refused(&buf, VANTA_ERR_FORMAT, i < 8 ? "not a voice" : "damaged");
        buf.data[i] ^= 0x20;
    }
    for (part.len = 0; part.len < buf.len; part.len++)
        assert_refused(&part, VANTA_ERR_FORMAT, part.len < 8 ? "not a voice" : "cut short");
    assert_true(vanta_buf_append(&buf, "x", 1));
    assert_refused(&buf, VANTA_ERR_FORMAT, "damaged");
    vanta_buf_free(&buf);
}

/* What a digest cannot protect from: files that were made to be wrong. */
static void test_hostile(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum vanta_status status;
        const char *why;
    } changes[] = {
        {8, 2, VANTA_ERR_UNSUPPORTED, "version 2"},
        {12, 0, VANTA_ERR_LIMIT, "0 x 4"},
        {13, 2, VANTA_ERR_LIMIT, "515 x 4"},
        {17, 0x20, VANTA_ERR_LIMIT, "3 x 8196"},
        {23, 0xff, VANTA_ERR_LIMIT, "values"},
        {12, 4, VANTA_ERR_FORMAT, "its sizes say"},
        {20, 1, VANTA_ERR_FORMAT, "its sizes say"},
        {56, 0, VANTA_ERR_FORMAT, "not text"},
        {56, 3, VANTA_ERR_FORMAT, "its sizes say"},
        {57, 1, VANTA_ERR_FORMAT, "cut short"},
        {59, 0xff, VANTA_ERR_FORMAT, "cut short"},
        {HEAD, 0xc3, VANTA_ERR_FORMAT, "not text"},
        {HEAD + 2, '\n', VANTA_ERR_FORMAT, "not text"},
        {HEAD + 3, 0, VANTA_ERR_FORMAT, "not text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct vanta_buf buf = encoded();
        buf.data[changes[i].at] = (char)changes[i].value;
        if (changes[i].at == HEAD)
            buf.data[HEAD + 1] = 'x';
        seal(&buf);
        assert_refused(&buf, changes[i].status, changes[i].why);
        vanta_buf_free(&buf);
    }
}

static void test_no_numbers(void **state)
{
    struct vanta_buf buf = encoded(), out = VANTA_BUF(VANTA_VOICE_BYTES_MAX);
    struct vanta_voice v = small();

    (void)state;
    buf.data[HEAD + 4 + 4 * 5 + 2] = (char)0x80;
    buf.data[HEAD + 4 + 4 * 5 + 3] = 0x7f;
    seal(&buf);
    assert_refused(&buf, VANTA_ERR_FORMAT, "no number at byte 84");
    v.values[0] = NAN;
    assert_int_equal(vanta_voice_encode(&v, &out, NULL), VANTA_ERR_USAGE);
    vanta_buf_free(&out);
    vanta_buf_free(&buf);
}

static void test_not_to_be_kept(void **state)
{
    struct vanta_buf buf = VANTA_BUF(VANTA_VOICE_BYTES_MAX), none = VANTA_BUF(16);
    struct vanta_voice v = small();

    (void)state;
    strcpy(v.name, "");
    assert_int_equal(vanta_voice_encode(&v, &buf, NULL), VANTA_ERR_USAGE);
    strcpy(v.name, "a\x1b[2J");
    assert_int_equal(vanta_voice_encode(&v, &buf, NULL), VANTA_ERR_USAGE);
    v = small();
    v.rows = VANTA_VOICE_ROWS_MAX + 1;
    assert_int_equal(vanta_voice_encode(&v, &buf, NULL), VANTA_ERR_USAGE);
    v = small();
    assert_int_equal(vanta_voice_encode(&v, &none, NULL), VANTA_ERR_NO_MEMORY);
    assert_int_equal(buf.len, 0);
    vanta_buf_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_no_numbers), cmocka_unit_test(test_not_to_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
