/* Pickles as values: what torch.save writes is read, all else refused, nothing is run. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/pickle.h"

static struct vanta_error err;
static struct vanta_pickle p;

static enum vanta_status read_bytes(const void *bytes, size_t len, bool lenient)
{
    memset(&err, 0, sizeof err);
    return vanta_pickle_read(bytes, len, "test.pth", lenient, &p, &err);
}

#define READ(text) read_bytes(text, sizeof text - 1, false)

static void refused(const void *bytes, size_t len, enum vanta_status status,
                    const char *message)
{
    assert_int_equal(read_bytes(bytes, len, false), status);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
    assert_null(p.values.data);
}

#define REFUSED(text, status, message) refused(text, sizeof text - 1, status, message)

static const struct vanta_pickle_value *root(void)
{
    return vanta_pickle_value(&p, p.root);
}

static const struct vanta_pickle_value *nth(const struct vanta_pickle_value *v, unsigned n,
                                            uint32_t *key)
{
    const struct vanta_pickle_item *item = vanta_pickle_item(&p, v->u.at.first);

    assert_true(n < v->n);
    for (; n > 0; n--)
        item = vanta_pickle_item(&p, item->next);
    if (key)
        *key = item->key;
    return vanta_pickle_value(&p, item->value);
}

static void numbers_have_their_values(void **state)
{
    static const int64_t expected[] = {-2, 255, 65535, 0, -1, 127, INT64_MIN, 1, 0};
    unsigned i;

    (void)state;
    assert_int_equal(READ("\x80\2(J\xfe\xff\xff\xffK\xffM\xff\xff\x8a\0\x8a\1\xff"
                          "\x8a\1\x7f\x8a\x08\0\0\0\0\0\0\0\x80\x88\x89t."),
                     VANTA_OK);
    assert_int_equal(root()->kind, VANTA_PICKLE_TUPLE);
    assert_int_equal(root()->n, 9);
    for (i = 0; i < 9; i++)
        assert_true(nth(root(), i, NULL)->u.whole == expected[i]);
    assert_int_equal(nth(root(), 7, NULL)->kind, VANTA_PICKLE_BOOL);
    vanta_pickle_free(&p);
}

static void containers_grow_in_order(void **state)
{
    uint32_t key;

    (void)state;
    /* {"a": [1, 2, 3], "b": (None, 2.5)} */
    assert_int_equal(READ("\x80\2}(X\1\0\0\0a](K\1K\2eK\3aX\1\0\0\0bNG\x40\4\0\0\0\0\0\0"
                          "\x86u."),
                     VANTA_OK);
    assert_int_equal(root()->kind, VANTA_PICKLE_DICT);
    assert_int_equal(root()->n, 2);
    assert_int_equal(nth(root(), 0, &key)->n, 3);
    assert_true(vanta_pickle_is(&p, key, "a"));
    assert_int_equal(nth(nth(root(), 0, NULL), 2, NULL)->u.whole, 3);
    assert_int_equal(nth(nth(root(), 1, &key), 0, NULL)->kind, VANTA_PICKLE_NONE);
    assert_true(vanta_pickle_is(&p, key, "b"));
    assert_int_equal(nth(nth(root(), 1, NULL), 1, NULL)->kind, VANTA_PICKLE_FLOAT);
    vanta_pickle_free(&p);
}

static void a_memo_gives_the_same_value_again(void **state)
{
    (void)state;
    assert_int_equal(READ("\x80\2X\5\0\0\0modelq\0h\0r\0\1\0\0j\0\1\0\0\x87."), VANTA_OK);
    assert_int_equal(root()->n, 3);
    assert_ptr_equal(nth(root(), 0, NULL), nth(root(), 1, NULL));
    assert_ptr_equal(nth(root(), 0, NULL), nth(root(), 2, NULL));
    vanta_pickle_free(&p);
}

static void a_tensor_is_a_value(void **state)
{
    const struct vanta_pickle_value *storage;

    (void)state;
    assert_int_equal(READ("\x80\2" "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storage"
                          "ctorch\nHalfStorage\nX\1\0\0\0" "7X\6\0\0\0cuda:0K\x0ctQK\0K\3"
                          "K\4\x86K\4K\1\x86\x89" "ccollections\nOrderedDict\n)RtR."),
                     VANTA_OK);
    assert_int_equal(root()->kind, VANTA_PICKLE_TENSOR);
    storage = nth(root(), 0, NULL);
    assert_int_equal(storage->kind, VANTA_PICKLE_STORAGE);
    assert_int_equal(storage->type, VANTA_TORCH_F16);
    assert_int_equal(storage->u.whole, 12);
    assert_true(vanta_pickle_is(&p, storage->n, "7"));
    vanta_pickle_free(&p);
}

static void objects_of_the_trainer_are_opaque(void **state)
{
    (void)state;
    assert_int_equal(READ("\x80\2" "cTTS.tts.configs.xtts_config\nXttsConfig\n)\x81}X\1\0\0\0"
                          "aK\1sb."),
                     VANTA_OK);
    assert_int_equal(root()->kind, VANTA_PICKLE_OBJECT);
    assert_int_equal(p.n_refused, 0);
    vanta_pickle_free(&p);
    REFUSED("\x80\2" "cTTS.utils\nrun\n)R.", VANTA_ERR_UNSUPPORTED, "a call");
}

static void what_could_be_run_is_named(void **state)
{
    static const char harm[] = "\x80\2" "cos\nsystem\nX\7\0\0\0rm -rf \x85R.";
    static const char two[] = "\x80\2(cos\nsystem\ncbuiltins\neval\ncos\nsystem\nt.";

    (void)state;
    refused(harm, sizeof harm - 1, VANTA_ERR_UNSUPPORTED, "asks for os.system");
    assert_non_null(strstr(err.message, "nothing of it was run"));
    assert_int_equal(read_bytes(harm, sizeof harm - 1, true), VANTA_OK);
    assert_int_equal(p.n_refused, 1);
    assert_string_equal(p.refused[0], "os.system");
    vanta_pickle_free(&p);
    assert_int_equal(read_bytes(two, sizeof two - 1, true), VANTA_OK);
    assert_int_equal(p.n_refused, 2);
    assert_string_equal(p.refused[1], "builtins.eval");
    vanta_pickle_free(&p);
    /* Names that only look allowed, and control characters on their way to a terminal. */
    REFUSED("\x80\2" "ctorch\nFloatStorage2\n.", VANTA_ERR_UNSUPPORTED, "FloatStorage2");
    REFUSED("\x80\2" "ctorch.x\nFloatStorage\n.", VANTA_ERR_UNSUPPORTED, "torch.x");
    REFUSED("\x80\2" "cTTS\nx\n.", VANTA_ERR_UNSUPPORTED, "TTS.x");
    REFUSED("\x80\2" "ca\x1b[31m\nb\n.", VANTA_ERR_UNSUPPORTED, "a?[31m.b");
}

static void other_pickles_are_refused(void **state)
{
    (void)state;
    REFUSED("", VANTA_ERR_FORMAT, "cut short");
    REFUSED("}.", VANTA_ERR_FORMAT, "no pickle of protocol 2");
    REFUSED("\x80\4}.", VANTA_ERR_UNSUPPORTED, "not protocol 2");
    REFUSED("\x80\2\x8c\1a.", VANTA_ERR_UNSUPPORTED, "instruction 0x8c");
    REFUSED("\x80\2I1\n.", VANTA_ERR_UNSUPPORTED, "instruction 0x49"); /* a text's INT */
    REFUSED("\x80\2}.x", VANTA_ERR_FORMAT, "follows its end");
    REFUSED("\x80\2.", VANTA_ERR_FORMAT, "does not fit");
    REFUSED("\x80\2NN.", VANTA_ERR_FORMAT, "does not fit");
    REFUSED("\x80\2(.", VANTA_ERR_FORMAT, "does not fit");
}

static void instructions_without_their_values_are_refused(void **state)
{
    static const char *const ends[] = {"u",        "e",    "s",     "a",    "t",   "R",
                                       "\x81",     "b",    "Q",     "\x85", "\x86", "\x87",
                                       "}K\1s",    "}(K\1u", "](K\1", "K\1(a", "NNu",
                                       "(NsN",     "}(NN\x87", "))R", "N)\x81",   "NN\x81", "NNb",  "(NNb", "N(u",
                                       "}N)u"};
    char text[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t len = (size_t)snprintf(text, sizeof text, "\x80\2%s.", ends[i]);

        if (len < strlen(ends[i]) + 3)
            fail_msg("case %zu", i);
        assert_int_not_equal(read_bytes(text, len, false), VANTA_OK);
        assert_int_not_equal(read_bytes(text, len, true), VANTA_OK);
    }
    REFUSED("\x80\2h\0.", VANTA_ERR_FORMAT, "does not fit");
    REFUSED("\x80\2q\0.", VANTA_ERR_FORMAT, "does not fit");
}

static void storages_are_checked(void **state)
{
    (void)state;
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cputQ.",
            VANTA_ERR_FORMAT, "does not fit"); /* four parts */
    REFUSED("\x80\2(X\7\0\0\0StoragectOrch\nx\n", VANTA_ERR_UNSUPPORTED, "tOrch.x");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuJ\xff\xff"
            "\xff\xfftQ.", VANTA_ERR_FORMAT, "does not fit"); /* -1 elements */
    REFUSED("\x80\2(X\7\0\0\0storageccollections\nOrderedDict\nX\1\0\0\0" "0X\3\0\0\0cpuK\1"
            "tQ.", VANTA_ERR_FORMAT, "does not fit");
}

static void texts_are_utf8_and_end_in_the_file(void **state)
{
    (void)state;
    REFUSED("\x80\2X\2\0\0\0\xc3\x28.", VANTA_ERR_FORMAT, "UTF-8");
    REFUSED("\x80\2X\2\0\0\0a\0.", VANTA_ERR_FORMAT, "UTF-8");
    REFUSED("\x80\2X\xff\xff\xff\xff" "a.", VANTA_ERR_FORMAT, "cut short");
    REFUSED("\x80\2X\1\0\0", VANTA_ERR_FORMAT, "cut short");
    REFUSED("\x80\2" "cos\nsystem", VANTA_ERR_FORMAT, "does not fit");
    REFUSED("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\0.", VANTA_ERR_LIMIT, "more than any model");
}

/* A pickle of n times the same bytes between the start and an end. */
static void repeated(const char *what, size_t len, size_t n, enum vanta_status status)
{
    char *text = malloc(4 + len * n);
    size_t i;

    assert_non_null(text);
    memcpy(text, "\x80\2", 2);
    for (i = 0; i < n; i++)
        memcpy(text + 2 + i * len, what, len);
    memcpy(text + 2 + len * n, ".", 1);
    assert_int_equal(read_bytes(text, 3 + len * n, true), status);
    free(text);
}

static void bombs_have_limits(void **state)
{
    (void)state;
    repeated("N", 1, VANTA_PICKLE_VALUES_MAX + 1, VANTA_ERR_LIMIT);
    repeated("(", 1, VANTA_PICKLE_DEPTH_MAX + 1, VANTA_ERR_LIMIT);
    repeated("Nq\0h\0h\0h\0h\0h\0h\0h\0h\0", 19, VANTA_PICKLE_VALUES_MAX / 8,
             VANTA_ERR_LIMIT);
    repeated("}", 1, VANTA_PICKLE_BYTES_MAX, VANTA_ERR_LIMIT);
    REFUSED("\x80\2Nr\xff\xff\xff\xff.", VANTA_ERR_LIMIT, "more than any model");
}

/* A list that holds itself is read; who walks it has to end. */
static void loops_are_values(void **state)
{
    (void)state;
    assert_int_equal(READ("\x80\2]q\0h\0a."), VANTA_OK);
    assert_ptr_equal(nth(root(), 0, NULL), root());
    vanta_pickle_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_values),
        cmocka_unit_test(containers_grow_in_order),
        cmocka_unit_test(a_memo_gives_the_same_value_again),
        cmocka_unit_test(a_tensor_is_a_value),
        cmocka_unit_test(objects_of_the_trainer_are_opaque),
        cmocka_unit_test(what_could_be_run_is_named),
        cmocka_unit_test(other_pickles_are_refused),
        cmocka_unit_test(instructions_without_their_values_are_refused),
        cmocka_unit_test(storages_are_checked),
        cmocka_unit_test(texts_are_utf8_and_end_in_the_file),
        cmocka_unit_test(bombs_have_limits),
        cmocka_unit_test(loops_are_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
