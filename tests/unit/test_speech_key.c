#include "cmocka_all.h"
#include "scratch.h"

#include "engines/speech_key.h"

static struct vanta_speech_key key;
static struct vanta_error err;

static enum vanta_status read_key(void)
{
    memset(&err, 0, sizeof err);
    memset(&key, 'x', sizeof key);
    return vanta_speech_key_read("TEST_KEY", &key, &err);
}

static int clean(void **state)
{
    static const char *const names[] = {"TEST_KEY",      "TEST_KEY_FILE",
                                        "OPENAI_BASE_URL", "OPENAI_ORG_ID",
                                        "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID",
                                        "OPENAI_PROJECT"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    return scratch_setup(state);
}

static void the_variable_comes_before_the_file(void **state)
{
    (void)state;
    assert_int_equal(read_key(), VANTA_ERR_NOT_FOUND);
    assert_string_equal(err.message, "TEST_KEY is not set");
    assert_non_null(strstr(err.hint, "TEST_KEY_FILE=FILE"));
    assert_string_equal(key.text, "");
    setenv("TEST_KEY", " \t sk-variable\n", 1);
    setenv("TEST_KEY_FILE", "/nowhere", 1);
    assert_int_equal(read_key(), VANTA_OK);
    assert_string_equal(key.text, "sk-variable");
    assert_string_equal(key.from, "TEST_KEY");
    setenv("TEST_KEY", "", 1); /* counts as not set */
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_non_null(strstr(err.message, "/nowhere (named by TEST_KEY_FILE)"));
    setenv("TEST_KEY_FILE", "", 1);
    assert_int_equal(read_key(), VANTA_ERR_NOT_FOUND);
}

static void what_is_no_key_is_refused_and_not_quoted(void **state)
{
    static const char *const bad[] = {"   ", "two words", "a\nb", "a\r\nX-Evil: 1",
                                      "k\xc3\xa9y", "k\x7f", "k\x01"};
    char *longest = calloc(1, VANTA_SPEECH_KEY_MAX + 1);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("TEST_KEY", bad[i], 1);
        assert_int_equal(read_key(), VANTA_ERR_AUTH);
        assert_string_equal(key.text, "");
        assert_null(strstr(err.message, "Evil"));
        assert_null(strstr(err.message, "two"));
        assert_non_null(strstr(err.hint, "the key alone"));
    }
    memset(longest, 'k', VANTA_SPEECH_KEY_MAX - 1);
    setenv("TEST_KEY", longest, 1);
    assert_int_equal(read_key(), VANTA_OK);
    assert_int_equal(strlen(key.text), VANTA_SPEECH_KEY_MAX - 1);
    longest[VANTA_SPEECH_KEY_MAX - 1] = 'k';
    setenv("TEST_KEY", longest, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    free(longest);
}

static void a_file_is_judged_by_owner_and_mode(void **state)
{
    static const mode_t closed[] = {0600, 0400, 0700};
    static const mode_t open_[] = {0640, 0604, 0620, 0602, 0610, 0601, 0777};
    const char *path = scratch_text("key", "\n sk-in-a-file \r\n"), *link;
    size_t i;

    (void)state;
    setenv("TEST_KEY_FILE", path, 1);
    for (i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        assert_int_equal(chmod(path, closed[i]), 0);
        assert_int_equal(read_key(), VANTA_OK);
        assert_string_equal(key.text, "sk-in-a-file");
        assert_non_null(strstr(key.from, path));
    }
    for (i = 0; i < sizeof open_ / sizeof open_[0]; i++) {
        assert_int_equal(chmod(path, open_[i]), 0);
        assert_int_equal(read_key(), VANTA_ERR_AUTH);
        assert_non_null(strstr(err.message, "others can read"));
        assert_non_null(strstr(err.hint, "chmod 600"));
        assert_string_equal(key.text, "");
    }
    /* It is the file that counts, not a link to it. */
    link = in_scratch("link");
    assert_int_equal(symlink(path, link), 0);
    setenv("TEST_KEY_FILE", link, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(read_key(), VANTA_OK);
    if (geteuid() != 0)
        return; /* only root can give a file away */
    assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_non_null(strstr(err.message, "another user"));
}

static void odd_files_are_refused(void **state)
{
    char *much = malloc(4097);
    const char *path;

    (void)state;
    memset(much, 'k', 4097);
    path = scratch_file("much", much, 4097);
    free(much);
    assert_int_equal(chmod(path, 0600), 0);
    setenv("TEST_KEY_FILE", path, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_non_null(strstr(err.message, "larger than 4096"));
    path = scratch_text("empty", " \n");
    assert_int_equal(chmod(path, 0600), 0);
    setenv("TEST_KEY_FILE", path, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_non_null(strstr(err.message, "holds nothing"));
    path = scratch_file("nul", "a\0b", 3);
    assert_int_equal(chmod(path, 0600), 0);
    setenv("TEST_KEY_FILE", path, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    setenv("TEST_KEY_FILE", scratch, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
    assert_non_null(strstr(err.message, "not a regular file"));
    path = in_scratch("pipe"); /* nobody writes: reading must not wait */
    assert_int_equal(mkfifo(path, 0600), 0);
    setenv("TEST_KEY_FILE", path, 1);
    assert_int_equal(read_key(), VANTA_ERR_AUTH);
}

static void a_key_is_wiped(void **state)
{
    static const struct vanta_speech_key nothing;

    (void)state;
    setenv("TEST_KEY", "sk-variable", 1);
    assert_int_equal(read_key(), VANTA_OK);
    vanta_speech_key_wipe(&key);
    assert_memory_equal(&key, &nothing, sizeof key);
}

static void keys_are_taken_out_of_texts(void **state)
{
    static const struct {
        const char *key, *text, *expected;
    } cases[] = {
        {"sk-0123456789", "no sk-0123456789 here", "no [key] here"},
        {"sk-0123456789", "sk-0123456789sk-0123456789", "[key][key]"},
        {"sk-0123456789", "its start sk-01234 and end 23456789.",
         "its start [key] and end [key]."},
        {"sk-0123456789", "0123456 is too little", "0123456 is too little"},
        {"sk-0123456789", "", ""},
        {"sk-0123456789", "provided: sk-01***89. Look", "provided: [key] Look"},
        {"sk-0123456789", "a *** b ****", "a ... b ...."},
        {"sk-0123456789", "'sk-**********9'", "'[key]'"},
        {"short", "a short one", "a [key] one"},
        {"four", "of four", "of ...."}, /* stars are then seen as a hidden key */
        {"abc", "abc", "abc"},
        {"", "nothing", "nothing"},
    };
    char text[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&key, 0, sizeof key);
        strcpy(key.text, cases[i].key);
        strcpy(text, cases[i].text);
        vanta_speech_key_hide(&key, text);
        assert_string_equal(text, cases[i].expected);
    }
    strcpy(text, "x sk-a***b");
    vanta_speech_key_hide(NULL, text);
    assert_string_equal(text, "x [key]");
}

static void the_account_comes_from_the_environment(void **state)
{
    struct vanta_speech_account a;

    (void)state;
    assert_int_equal(vanta_speech_account_read(NULL, &a, &err), VANTA_OK);
    assert_string_equal(a.base, "https://api.openai.com/v1");
    assert_string_equal(a.origin, "https://api.openai.com");
    assert_true(a.is_openai);
    assert_string_equal(a.organization, "");
    setenv("OPENAI_BASE_URL", "http://localhost:8080/v1//", 1);
    setenv("OPENAI_ORGANIZATION", "org-2", 1);
    setenv("OPENAI_PROJECT", "proj-2", 1);
    assert_int_equal(vanta_speech_account_read(NULL, &a, &err), VANTA_OK);
    assert_string_equal(a.base, "http://localhost:8080/v1");
    assert_false(a.is_openai);
    assert_string_equal(a.organization, "org-2");
    assert_string_equal(a.project, "proj-2");
    setenv("OPENAI_ORG_ID", "org-1", 1);
    setenv("OPENAI_PROJECT_ID", "proj-1", 1);
    assert_int_equal(vanta_speech_account_read("https://other.example", &a, &err), VANTA_OK);
    assert_string_equal(a.base, "https://other.example");
    assert_string_equal(a.organization, "org-1");
    assert_string_equal(a.project, "proj-1");
}

static void addresses_a_key_may_not_go_to_are_refused(void **state)
{
    static const char *const bad[] = {
        "http://api.openai.com/v1", "http://10.0.0.1/v1", "http://localhost.example/v1",
        "ftp://api.openai.com", "https://me:secret@api.openai.com/v1", "https://x/v1?a=b",
        "https://x/v1#a", "https://x/v1\r\nX: 1", "api.openai.com", "https://", " "};
    struct vanta_speech_account a;
    char *longest = malloc(VANTA_URL_MAX + 1);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(vanta_speech_account_read(bad[i], &a, &err), VANTA_ERR_USAGE);
        assert_non_null(strstr(err.message, "OPENAI_BASE_URL"));
        assert_null(strstr(err.message, "secret"));
        assert_string_equal(a.base, "");
    }
    memset(longest, 'a', VANTA_URL_MAX);
    memcpy(longest, "https://x/", 10);
    longest[VANTA_URL_MAX] = '\0';
    assert_int_equal(vanta_speech_account_read(longest, &a, NULL), VANTA_ERR_USAGE);
    free(longest);
    memset(&err, 0, sizeof err);
    setenv("OPENAI_ORG_ID", "org\r\nX-Evil: 1", 1);
    assert_int_equal(vanta_speech_account_read(NULL, &a, &err), VANTA_ERR_USAGE);
    assert_null(strstr(err.message, "Evil"));
    unsetenv("OPENAI_ORG_ID");
    setenv("OPENAI_PROJECT_ID", "a b", 1);
    assert_int_equal(vanta_speech_account_read(NULL, &a, NULL), VANTA_ERR_USAGE);
}

#define key_test(f) cmocka_unit_test_setup_teardown(f, clean, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        key_test(the_variable_comes_before_the_file),
        key_test(what_is_no_key_is_refused_and_not_quoted),
        key_test(a_file_is_judged_by_owner_and_mode),
        key_test(odd_files_are_refused),
        key_test(a_key_is_wiped),
        key_test(keys_are_taken_out_of_texts),
        key_test(the_account_comes_from_the_environment),
        key_test(addresses_a_key_may_not_go_to_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
