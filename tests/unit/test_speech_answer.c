#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "engines/speech_answer.h"

static struct vanta_speech_words words;

static void read_words(const char *text, const char *content_type)
{
    vanta_speech_words_read(text, strlen(text), content_type, NULL, &words);
}

static enum vanta_speech_sound sniff(const char *data, size_t len,
                                     enum vanta_speech_format wanted)
{
    return vanta_speech_sniff(data, len, wanted, "", NULL);
}

static void formats_have_names(void **state)
{
    enum vanta_speech_format format;
    int i;

    (void)state;
    for (i = 0; i < VANTA_SPEECH_FORMATS; i++) {
        assert_true(vanta_speech_format_parse(
            vanta_speech_format_name((enum vanta_speech_format)i), &format));
        assert_int_equal(format, i);
    }
    assert_true(vanta_speech_format_parse("WAV", &format));
    assert_int_equal(format, VANTA_SPEECH_WAV);
    assert_false(vanta_speech_format_parse("ogg", &format));
    assert_false(vanta_speech_format_parse("", &format));
}

static const struct {
    const char *bytes;
    size_t len;
    enum vanta_speech_format format;
} samples[] = {
    {"\xff\xfb\x90\x64", 4, VANTA_SPEECH_MP3},         /* MPEG-1, 128 kbit/s, 44,100 Hz */
    {"\xff\xf3\xe4\xc4", 4, VANTA_SPEECH_MP3},         /* MPEG-2, 24,000 Hz */
    {"ID3\x04\0\0", 6, VANTA_SPEECH_MP3},
    {"OggS\0\2\0\0\0\0\0\0\0\0\1\2\3\4\0\0\0\0\1\2\3\4\1\x13OpusHead\1\1", 38,
     VANTA_SPEECH_OPUS},
    {"\xff\xf1\x5c\x40\x10", 5, VANTA_SPEECH_AAC},
    {"\xff\xf9\x5c\x40\x10", 5, VANTA_SPEECH_AAC},
    {"fLaC\0\0\0\x22", 8, VANTA_SPEECH_FLAC},
    {"RIFF\xff\xff\xff\xffWAVEfmt ", 16, VANTA_SPEECH_WAV},
};

static void each_kind_is_known_by_its_first_bytes(void **state)
{
    size_t i;
    int k;

    (void)state;
    for (i = 0; i < sizeof samples / sizeof samples[0]; i++)
        for (k = 0; k < VANTA_SPEECH_PCM; k++)
            assert_int_equal(sniff(samples[i].bytes, samples[i].len,
                                   (enum vanta_speech_format)k),
                             k == (int)samples[i].format ? VANTA_SPEECH_SOUND_OK
                                                         : VANTA_SPEECH_SOUND_OTHER);
    /* Frames whose layer, bit rate or sampling rate does not exist; Vorbis. */
    assert_int_equal(sniff("\xff\xf9\x90\x64", 4, VANTA_SPEECH_MP3),
                     VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("\xff\xeb\x90\x64", 4, VANTA_SPEECH_MP3),
                     VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("\xff\xfb\xf0\x64", 4, VANTA_SPEECH_MP3),
                     VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("\xff\xfb\x9c\x64", 4, VANTA_SPEECH_MP3),
                     VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("OggS\0\2\0\0\0\0\0\0\0\0\1\2\3\4\0\0\0\0\1\2\3\4\1\x1e\1vorbis\0",
                           38, VANTA_SPEECH_OPUS),
                     VANTA_SPEECH_SOUND_OTHER);
}

static void samples_are_what_is_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(sniff("\0\0\1\0\2\0", 6, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OK);
    /* Two bytes of a frame's sync are a sample as any other. */
    assert_int_equal(sniff("\xff\xfb\x90\x64", 4, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OK);
    assert_int_equal(sniff("ID", 2, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OK);
    assert_int_equal(sniff("ID3", 3, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("fLaC", 4, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("OggS", 4, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("RIFF....WAVE", 12, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("", 0, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
    assert_int_equal(sniff("x", 1, VANTA_SPEECH_PCM), VANTA_SPEECH_SOUND_OTHER);
}

static void words_are_no_audio_in_any_format(void **state)
{
    static const struct {
        const char *text, *content_type;
    } cases[] = {
        {"<!DOCTYPE html>", ""}, {"\xef\xbb\xbf \r\n<HTML>", "audio/mpeg"},
        {"<title>x", ""}, {"{\"error\"", ""}, {" { }", "application/octet-stream"},
        {"\xff\xfb\x90\x64", "text/html"}, {"fLaC", "application/json"},
        {"RIFF....WAVE", "text/plain"},
    };
    const char *found;
    size_t i;
    int k;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (k = 0; k < VANTA_SPEECH_FORMATS; k++) {
            assert_int_equal(vanta_speech_sniff(cases[i].text, strlen(cases[i].text),
                                                (enum vanta_speech_format)k,
                                                cases[i].content_type, &found),
                             VANTA_SPEECH_SOUND_WORDS);
            assert_non_null(found);
        }
}

static void errors_are_read_in_all_their_forms(void **state)
{
    (void)state;
    read_words("{\"error\": {\"message\": \"Bad\\nvoice\", \"type\": \"t\", \"param\": null, "
               "\"code\": \"c\"}}", "application/json");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_ERROR);
    assert_string_equal(words.message, "Bad voice");
    assert_string_equal(words.type, "t");
    assert_string_equal(words.code, "c");
    read_words("{\"error\": {\"message\": \"m\", \"code\": null, \"type\": 7}}", "");
    assert_string_equal(words.message, "m");
    assert_string_equal(words.code, "");
    assert_string_equal(words.type, "");
    read_words("{\"error\": \"plain\"}", "");
    assert_string_equal(words.message, "plain");
    read_words("{\"detail\": \"Not Found\"}", "");
    assert_string_equal(words.message, "Not Found");
    read_words("{\"message\": \"no route\"}", "");
    assert_string_equal(words.message, "no route");
    /* Not an error's form: shown as text. */
    read_words("{\"error\": [1, 2]}\nmore", "application/json");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_TEXT);
    assert_string_equal(words.message, "{\"error\": [1, 2]}");
    read_words("{\"error\": {\"mess", "application/json");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_TEXT);
}

static void messages_are_escaped_and_cut(void **state)
{
    struct vanta_speech_key key = {.text = "sk-0123456789abcdef"};
    char text[4000];

    (void)state;
    read_words("{\"error\": {\"message\": \"\\u001b[31mred\\u0007\\u202e\"}}", "");
    assert_string_equal(words.message, "?[31mred??");
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    read_words(text, "text/plain");
    assert_int_equal(strlen(words.message), VANTA_SPEECH_WORDS_MAX - 1);
    /* A key that the cut goes through is taken out whole. */
    memcpy(text + VANTA_SPEECH_WORDS_MAX - 6, key.text, strlen(key.text));
    vanta_speech_words_read(text, strlen(text), "", &key, &words);
    assert_null(strstr(words.message, "sk-"));
    read_words("first line\r\nsecond", "");
    assert_string_equal(words.message, "first line");
    read_words("\x1f\x8b\x08\x01\x02", "");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_NONE);
    read_words("", "application/json");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_NONE);
    read_words("\n\n", "");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_NONE);
}

static void pages_are_told_from_logins(void **state)
{
    (void)state;
    read_words("<html><head><title> Bad\n Gateway </title>", "");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_PAGE);
    assert_string_equal(words.message, "Bad  Gateway");
    read_words("<html><form>Please log in", "");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_LOGIN);
    assert_string_equal(words.message, "");
    read_words("anything", "text/html");
    assert_int_equal(words.kind, VANTA_SPEECH_WORDS_PAGE);
    read_words("<title>open", "text/html");
    assert_string_equal(words.message, "open");
}

static void each_status_has_its_meaning_and_advice(void **state)
{
    static const struct {
        int status;
        const char *body;
        bool openai, check;
        enum vanta_status expected;
        const char *message, *hint;
    } cases[] = {
        {400, "{\"error\":{\"message\":\"m\",\"code\":\"c\"}}", true, false,
         VANTA_ERR_USAGE, "not accepted (400, c): \"m\" [request r]", "text, voice"},
        {401, "", true, false, VANTA_ERR_AUTH, "key is not accepted (401)", "api-keys"},
        {401, "", false, false, VANTA_ERR_AUTH, "key is not", "wants a key of its own"},
        {403, "", true, false, VANTA_ERR_AUTH, "may not do this", "text-to-speech"},
        {403, "", true, true, VANTA_ERR_AUTH, "may not do this", "read models"},
        {403, "{\"error\":{\"message\":\"m\",\"code\":"
              "\"unsupported_country_region_territory\"}}", true, false, VANTA_ERR_AUTH,
         "may not", "country"},
        {404, "", true, false, VANTA_ERR_NOT_FOUND, "not found (404)", "tts-1"},
        {404, "", false, false, VANTA_ERR_NOT_FOUND, "not found", "OPENAI_BASE_URL"},
        {407, "", true, false, VANTA_ERR_NETWORK, "proxy", "https_proxy"},
        {413, "", true, false, VANTA_ERR_USAGE, "413", "text"},
        {422, "", true, false, VANTA_ERR_USAGE, "422", "text"},
        {429, "", true, false, VANTA_ERR_SERVER, "too many", "12 s"},
        {429, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}", true,
         false, VANTA_ERR_SERVER, "quota", "billing"},
        {500, "", true, false, VANTA_ERR_SERVER, "server failed (500)", "status.openai"},
        {503, "", false, false, VANTA_ERR_SERVER, "server failed", "log of the server"},
        {418, "", true, false, VANTA_ERR_SERVER, "not understood (418)", "proxies"},
        {302, "", true, false, VANTA_ERR_SERVER, "redirected to https://away (302)",
         "OPENAI_BASE_URL"},
        {502, "<html><title>Bad</title>", true, false, VANTA_ERR_SERVER,
         "an HTML page came in place of audio (502, \"Bad\")", "status.openai"},
        {302, "<html>sign in", true, true, VANTA_ERR_NETWORK,
         "a login page came in place of an answer (302)", "browser"},
        {200, "{\"error\":\"ill\"}", false, false, VANTA_ERR_SERVER,
         "an error came in place of audio: \"ill\"", "OPENAI_BASE_URL"},
        {200, "hello", false, true, VANTA_ERR_SERVER, "text came in place of an answer",
         "OPENAI_BASE_URL"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vanta_speech_refused r = {.status = cases[i].status,
                                         .retry_after_ms = 12000,
                                         .address = "https://a/v1",
                                         .model = "tts-1",
                                         .key_from = "OPENAI_API_KEY",
                                         .request_id = "r",
                                         .location = "https://away/x?token=1",
                                         .is_openai = cases[i].openai,
                                         .is_check = cases[i].check,
                                         .words = &words};
        struct vanta_error err = {0};

        read_words(cases[i].body, "");
        assert_int_equal(vanta_speech_refusal(&r, &err), cases[i].expected);
        assert_int_equal(err.status, cases[i].expected);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("%d: %s / %s", cases[i].status, err.message, err.hint);
        assert_null(strstr(err.message, "token"));
    }
}

static void only_what_passes_is_tried_again(void **state)
{
    static const int passing[] = {408, 429, 500, 502, 503, 504};
    static const int lasting[] = {200, 302, 400, 401, 403, 404, 407, 409, 413, 422, 501};
    size_t i;

    (void)state;
    read_words("", "");
    for (i = 0; i < sizeof passing / sizeof passing[0]; i++)
        assert_true(vanta_speech_is_passing(passing[i], &words));
    for (i = 0; i < sizeof lasting / sizeof lasting[0]; i++)
        assert_false(vanta_speech_is_passing(lasting[i], &words));
    read_words("{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\"}}", "");
    assert_false(vanta_speech_is_passing(429, &words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(each_kind_is_known_by_its_first_bytes),
        cmocka_unit_test(samples_are_what_is_nothing_else),
        cmocka_unit_test(words_are_no_audio_in_any_format),
        cmocka_unit_test(errors_are_read_in_all_their_forms),
        cmocka_unit_test(messages_are_escaped_and_cut),
        cmocka_unit_test(pages_are_told_from_logins),
        cmocka_unit_test(each_status_has_its_meaning_and_advice),
        cmocka_unit_test(only_what_passes_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
