/* Checkpoints of PyTorch: recorded ones, built ones, and damaged ones; and what becomes of
 * them as safetensors. */
#include "scratch.h"

#include "../xtts_files.h"
#include "cmocka_all.h"
#include "convert/safetensors.h"
#include "convert/torch_file.h"
#include "convert/torch_safetensors.h"

static struct vanta_error err;
static struct vanta_torch_file file;

static enum vanta_status open_file(const char *path, bool lenient)
{
    memset(&err, 0, sizeof err);
    return vanta_torch_open(path, lenient, &file, &err);
}

static void refused(const char *path, enum vanta_status status, const char *message)
{
    assert_int_equal(open_file(path, false), status);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
    assert_int_equal(file.fd, -1);
    assert_null(file.tensors);
}

static float value_at(const struct vanta_torch_tensor *t, uint64_t i)
{
    const uint8_t *raw;
    float value;

    assert_int_equal(vanta_torch_look(&file, t->data_pos + vanta_torch_place(t, i) * 4, 4,
                                      &raw, &err),
                     VANTA_OK);
    memcpy(&value, raw, sizeof value);
    return value;
}

/* --- recorded files --- */

static void the_trainers_checkpoint_is_read(void **state)
{
    static const char *const names[] = {
        "gpt.mel_head.bias", "gpt.gpt.h.0.ln_1.weight", "gpt.final_norm.bias", "mel_stats",
        "hifigan_decoder.waveform_decoder.ups.3.parametrizations.weight.original1"};
    const struct vanta_torch_tensor *t;
    uint64_t i;
    size_t k;

    (void)state;
    assert_int_equal(open_file(TEST_DATA "/xtts/mock_model.pth", false), VANTA_OK);
    assert_int_equal(file.n, 6);
    for (k = 0; k < 5; k++) {
        struct xtts_tensor formula = {.rank = 0};
        float offset, factor;

        t = vanta_torch_find(&file, names[k]);
        assert_non_null(t);
        assert_int_equal(t->type, VANTA_TORCH_F32);
        assert_true(t->contiguous);
        assert_int_equal(t->data_pos % 64, 0);
        memcpy(formula.name, names[k], strlen(names[k]));
        formula.rank = t->rank;
        memcpy(formula.sizes, t->sizes, sizeof formula.sizes);
        xtts_scale(&formula, &offset, &factor);
        for (i = 0; i < t->elements; i++)
            assert_true(value_at(t, i) ==
                        offset + factor * xtts_unit(xtts_hash(t->name), i + 1));
    }
    t = vanta_torch_find(&file, "hifigan_decoder.speaker_encoder.bn1.num_batches_tracked");
    assert_int_equal(t->type, VANTA_TORCH_I64);
    assert_int_equal(t->rank, 0);
    assert_int_equal(t->elements, 1);
    assert_null(vanta_torch_find(&file, "mel"));
    vanta_torch_close(&file);
}

static void transposed_views_are_read_by_their_strides(void **state)
{
    static const char *const names[] = {"Claribel Dervla", "Abrahan Mack"};
    const struct vanta_torch_tensor *t;
    char name[64];
    uint64_t i, j;
    int k;

    (void)state;
    assert_int_equal(open_file(TEST_DATA "/xtts/mock_speakers.pth", false), VANTA_OK);
    assert_int_equal(file.n, 4);
    for (k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "%s.gpt_cond_latent", names[k]);
        t = vanta_torch_find(&file, name);
        assert_non_null(t);
        assert_false(t->contiguous);
        assert_int_equal(t->elements, 32 * 1024);
        assert_int_equal(vanta_torch_span(t), 32 * 1024);
        snprintf(name, sizeof name, "%s/gpt", names[k]);
        for (i = 0; i < 32; i++)
            for (j = 0; j < 1024; j++)
                assert_true(value_at(t, i * 1024 + j) ==
                            0.5f * xtts_unit(xtts_hash(name), j * 32 + i + 1));
        snprintf(name, sizeof name, "%s.speaker_embedding", names[k]);
        assert_true(vanta_torch_find(&file, name)->contiguous); /* [1, 512, 1] */
    }
    vanta_torch_close(&file);
}

static void the_old_container_is_refused(void **state)
{
    (void)state;
    refused(TEST_DATA "/xtts/mock_legacy.pth", VANTA_ERR_UNSUPPORTED,
            "the old container of PyTorch");
}

/* --- built files --- */

struct member {
    const char *name;
    const void *data;
    size_t n;
};

/* A checkpoint of one dictionary whose pickle is given. */
static const char *built(const struct xtts_bytes *pickle, const struct member *members,
                         size_t n)
{
    const char *path = in_scratch("built.pth");
    struct xtts_zip z;
    size_t i;

    xtts_begin(&z, path, "archive");
    xtts_member(&z, "data.pkl", pickle->data, pickle->n);
    for (i = 0; i < n; i++)
        xtts_member(&z, members[i].name, members[i].data, members[i].n);
    xtts_end(&z);
    return path;
}

/* {"x": a tensor of this shape on a storage of so many floats} */
static struct xtts_bytes one_tensor(unsigned rank, const uint64_t *sizes,
                                    const uint64_t *strides, uint64_t offset,
                                    uint64_t elements)
{
    struct xtts_bytes b = {NULL, 0, 0};
    unsigned i;

    xtts_put(&b, "\x80\2}", 3);
    xtts_text(&b, "x");
    xtts_global(&b, "torch._utils\n_rebuild_tensor_v2");
    xtts_put(&b, "((", 2);
    xtts_text(&b, "storage");
    xtts_global(&b, "torch\nFloatStorage");
    xtts_text(&b, "0");
    xtts_text(&b, "cpu");
    xtts_int(&b, elements);
    xtts_put(&b, "tQ", 2);
    xtts_int(&b, offset);
    xtts_byte(&b, '(');
    for (i = 0; i < rank; i++)
        xtts_int(&b, sizes[i]);
    xtts_put(&b, "t(", 2);
    for (i = 0; i < rank; i++)
        xtts_int(&b, strides[i]);
    xtts_put(&b, "t\x89", 2);
    xtts_global(&b, "collections\nOrderedDict");
    xtts_put(&b, ")RtRs.", 6);
    return b;
}

static void shapes_have_to_lie_in_their_storage(void **state)
{
    static const float values[12];
    const struct member data = {"data/0", values, sizeof values};
    const uint64_t huge = (uint64_t)1 << 62, most = INT64_MAX;
    const struct {
        unsigned rank;
        uint64_t sizes[3], strides[3], offset, elements;
        bool right;
    } cases[] = {
        {2, {3, 4}, {4, 1}, 0, 12, true},
        {2, {4, 3}, {1, 4}, 0, 12, true},    /* transposed */
        {2, {2, 3}, {6, 2}, 1, 12, true},    /* every second one */
        {1, {0}, {1}, 12, 12, true},         /* empty, at the end */
        {0, {0}, {0}, 11, 12, true},
        {0, {0}, {0}, 12, 12, false},
        {2, {3, 4}, {4, 1}, 1, 12, false},
        {2, {3, 4}, {4, 1}, 0, 11, false},
        {2, {3, 4}, {4, 1}, 0, 13, false},   /* more than there are bytes */
        {2, {3, 4}, {5, 1}, 0, 12, false},
        {1, {13}, {0}, 0, 12, false},        /* more elements than storage */
        {2, {huge, 4}, {0, 0}, 0, 12, false},
        {3, {huge, huge, huge}, {1, 1, 1}, 0, 12, false},
        {1, {2}, {most}, 0, 12, false},
        {1, {1}, {1}, most, 12, false},
        {1, {1}, {1}, 0, most, false},
        {2, {most, 2}, {most, most}, 0, 12, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct xtts_bytes b = one_tensor(cases[i].rank, cases[i].sizes, cases[i].strides,
                                         cases[i].offset, cases[i].elements);
        enum vanta_status status = open_file(built(&b, &data, 1), false);

        if ((status == VANTA_OK) != cases[i].right)
            fail_msg("case %zu: %s", i, err.message);
        if (status == VANTA_OK)
            vanta_torch_close(&file);
        free(b.data);
    }
}

static void a_storage_has_to_be_there(void **state)
{
    const uint64_t one[] = {1};
    struct xtts_bytes b = one_tensor(1, one, one, 0, 1);
    const struct member other = {"data/1", "1234", 4};
    const struct member big = {"byteorder", "big", 3};
    const struct member little = {"byteorder", "little", 6};
    const struct member twice[] = {{"data/0", "1234", 4}, {"data/0", "1234", 4}};
    const struct member right[] = {{"data/0", "1234", 4}, little};

    (void)state;
    refused(built(&b, &other, 1), VANTA_ERR_FORMAT, "x has no storage");
    refused(built(&b, &big, 1), VANTA_ERR_UNSUPPORTED, "big-endian");
    refused(built(&b, twice, 2), VANTA_ERR_FORMAT, "archive/data/0 is in the zip twice");
    assert_int_equal(open_file(built(&b, right, 2), false), VANTA_OK);
    vanta_torch_close(&file);
    free(b.data);
}

/* d0 = {}; d1 = {a: d0, b: d0}; ... : a small pickle that is 2^n steps to walk. And one that
 * holds itself. */
static void pickles_without_end_are_left(void **state)
{
    struct xtts_bytes b = {NULL, 0, 0};
    unsigned i;

    (void)state;
    xtts_put(&b, "\x80\2}", 3);
    xtts_text(&b, "x");
    xtts_put(&b, "Nsq\0", 4);
    for (i = 0; i < 60; i++) {
        xtts_put(&b, "}(", 2);
        xtts_text(&b, "a");
        xtts_put(&b, "h\0", 2);
        xtts_text(&b, "b");
        xtts_put(&b, "h\0uq\0", 5);
    }
    xtts_byte(&b, '.');
    b.data[b.n - 1] = '.';
    /* All but the last one lie below it on the stack: make them a tuple's. */
    {
        struct xtts_bytes t = {NULL, 0, 0};

        xtts_put(&t, "\x80\2(", 3);
        xtts_put(&t, b.data + 2, b.n - 3);
        xtts_put(&t, "t.", 2);
        refused(built(&t, NULL, 0), VANTA_ERR_LIMIT, "nests without end");
        free(t.data);
    }
    b.n = 0;
    xtts_put(&b, "\x80\2}q\0", 5);
    xtts_text(&b, "me");
    xtts_put(&b, "h\0s.", 4);
    refused(built(&b, NULL, 0), VANTA_ERR_LIMIT, "");
    free(b.data);
}

static void one_name_twice_is_refused(void **state)
{
    const uint64_t one[] = {1};
    struct xtts_bytes b = one_tensor(1, one, one, 0, 1), twice = {NULL, 0, 0};
    const struct member data = {"data/0", "1234", 4};

    (void)state;
    xtts_put(&twice, b.data, b.n - 1);
    xtts_put(&twice, b.data + 3, b.n - 3);
    refused(built(&twice, &data, 1), VANTA_ERR_FORMAT, "x is there twice");
    free(twice.data);
    free(b.data);
}

static void a_call_is_named_and_not_made(void **state)
{
    static const struct xtts_variant harm = {.global = "posix\nsystem"};
    const char *path = in_scratch("harm.pth");

    (void)state;
    xtts_write_checkpoint(path, &xtts_small, &harm);
    refused(path, VANTA_ERR_UNSUPPORTED, "posix.system");
    assert_int_equal(open_file(path, true), VANTA_OK);
    assert_int_equal(file.pickle.n_refused, 1);
    assert_string_equal(file.pickle.refused[0], "posix.system");
    assert_true(file.n > 400);
    vanta_torch_close(&file);
}

/* --- the zip --- */

/* Each field of the records that the reader uses, one byte after the other changed. */
static void damaged_zips_are_refused_or_harmless(void **state)
{
    const uint64_t sizes[] = {3, 4}, strides[] = {4, 1};
    struct xtts_bytes b = one_tensor(2, sizes, strides, 0, 12);
    static const float values[12];
    const struct member data = {"data/0", values, sizeof values};
    const char *path = built(&b, &data, 1);
    struct vanta_buf right = VANTA_BUF(1 << 20);
    size_t i, refusals = 0;

    (void)state;
    assert_int_equal(vanta_file_read(path, &right, &err), VANTA_OK);
    for (i = 0; i < right.len; i++) {
        enum vanta_status status;

        right.data[i] ^= 0x55;
        status = open_file(scratch_file("damaged.pth", right.data, right.len), false);
        right.data[i] ^= 0x55;
        if (status == VANTA_OK) {
            assert_true(file.tensors[0].data_pos + 48 <= right.len);
            vanta_torch_close(&file);
        } else {
            refusals++;
        }
    }
    assert_true(refusals > right.len / 3);
    vanta_buf_free(&right);
    free(b.data);
}

static void cut_files_are_refused(void **state)
{
    struct vanta_buf right = VANTA_BUF(1 << 20);
    size_t i;

    (void)state;
    assert_int_equal(vanta_file_read(TEST_DATA "/xtts/mock_model.pth", &right, &err),
                     VANTA_OK);
    for (i = 0; i < right.len; i += i < 5000 || i > right.len - 2000 ? 1 : 97) {
        const char *path = scratch_file("cut.pth", right.data, i);

        assert_int_not_equal(open_file(path, false), VANTA_OK);
        assert_int_equal(file.fd, -1);
    }
    vanta_buf_free(&right);
}

/* A checkpoint of three tensors, cut to every length that it can have: as the trainer
 * writes it, as other mirrors do, and with what training goes on with. */
static void cut_anywhere_is_refused(void **state)
{
    static const struct xtts_variant variants[] = {
        {.transposed = true}, {.config = XTTS_CONFIG_DICT, .prefixed = true},
        {.config = XTTS_CONFIG_NONE, .extra = true}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        struct xtts_tensors few = {0};
        const char *path = in_scratch("few.pth");
        int64_t len;

        xtts_add(&few, "gpt.gpt.h.0.attn.c_attn.weight", 2, 3, 5, 0, 0);
        xtts_add(&few, "gpt.mel_head.bias", 1, 7, 0, 0, 0);
        xtts_add(&few, "mel_stats", 1, 2, 0, 0, 0);
        few.items[2].whole = true;
        xtts_write_tensors(path, &few, &variants[i]);
        free(few.items);
        assert_int_equal(open_file(path, false), VANTA_OK);
        assert_int_equal(file.n, 3);
        vanta_torch_close(&file);
        len = vanta_file_size(path);
        assert_in_range(len, 1500, 4000);
        while (len-- > 0) {
            assert_int_equal(truncate(path, (off_t)len), 0);
            if (open_file(path, false) == VANTA_OK)
                fail_msg("variant %zu, cut to %lld bytes", i, (long long)len);
            assert_int_equal(file.fd, -1);
            assert_null(file.tensors);
            assert_true(strstr(err.message, path) && !strstr(err.message, "(null)"));
        }
    }
}

/* Byte offsets in the central directory of a member that is the last one. */
static void other_zips_are_refused(void **state)
{
    const uint64_t one[] = {1};
    struct xtts_bytes b = one_tensor(1, one, one, 0, 1);
    const struct member data = {"data/0", "1234", 4};
    struct vanta_buf zip = VANTA_BUF(1 << 20);
    char *central;

    (void)state;
    assert_int_equal(vanta_file_read(built(&b, &data, 1), &zip, &err), VANTA_OK);
    central = zip.data + zip.len - 22 - 20 - 56 - (46 + strlen("archive/data/0"));
    assert_memory_equal(central, "PK\1\2", 4);
    central[10] = 8;
    refused(scratch_file("a", zip.data, zip.len), VANTA_ERR_UNSUPPORTED,
            "archive/data/0 is compressed");
    central[10] = 0;
    central[8] |= 1;
    refused(scratch_file("b", zip.data, zip.len), VANTA_ERR_UNSUPPORTED, "is encrypted");
    central[8] &= ~1;
    central[20]++; /* another compressed size */
    refused(scratch_file("c", zip.data, zip.len), VANTA_ERR_FORMAT, "two sizes");
    central[20]--;
    central[20] = central[24] = 127; /* as far as into the directory */
    central[21] = central[25] = 127;
    refused(scratch_file("d", zip.data, zip.len), VANTA_ERR_FORMAT, "longer than the file");
    central[20] = central[24] = 4;
    central[21] = central[25] = 0;
    central[42] = 0; /* where the pickle's header is */
    central[43] = 0;
    refused(scratch_file("e", zip.data, zip.len), VANTA_ERR_FORMAT, "where the directory");
    refused(scratch_text("f", "no zip at all, and no pickle"), VANTA_ERR_FORMAT,
            "directory is missing");
    refused(scratch_text("g", ""), VANTA_ERR_FORMAT, "directory is missing");
    refused(in_scratch("not-there"), VANTA_ERR_NOT_FOUND, "not-there");
    vanta_buf_free(&zip);
    free(b.data);
}

/* --- to safetensors --- */

static enum vanta_status seen(void *arg, const struct vanta_safetensors_tensor *t,
                              struct vanta_error *e)
{
    const struct vanta_buf *out = arg;
    const struct vanta_torch_tensor *from = vanta_torch_find(&file, t->name);
    uint64_t i;

    (void)e;
    assert_non_null(from);
    assert_int_equal(t->rank, from->rank);
    for (i = 0; i < t->rank; i++)
        assert_int_equal(t->shape[i], from->sizes[i]);
    if (from->type == VANTA_TORCH_F32)
        for (i = 0; i < t->elements; i++) {
            float value = value_at(from, i);

            assert_memory_equal(out->data + t->data_pos + 4 * i, &value, 4);
        }
    return VANTA_OK;
}

static void becomes_safetensors(const char *from, uint64_t tensors)
{
    struct vanta_convert_result result;
    struct vanta_buf out = VANTA_BUF(1 << 24);
    struct vanta_safetensors facts;
    struct vanta_cursor c;

    memset(&err, 0, sizeof err);
    unlink(in_scratch("out"));
    assert_int_equal(vanta_torch_safetensors(from, in_scratch("out"), NULL, NULL, NULL,
                                             &result, &err),
                     VANTA_OK);
    assert_int_equal(vanta_file_read(in_scratch("out"), &out, &err), VANTA_OK);
    assert_int_equal(out.len, result.size_bytes);
    assert_int_equal(open_file(from, false), VANTA_OK);
    vanta_cursor_memory(&c, out.data, out.len, "out");
    assert_int_equal(vanta_safetensors_each(&c, seen, &out, &facts, &err), VANTA_OK);
    assert_int_equal(facts.tensors, tensors);
    assert_string_equal(facts.format, "pt");
    vanta_cursor_close(&c);
    vanta_torch_close(&file);
    vanta_buf_free(&out);
}

static void safetensors_hold_the_same(void **state)
{
    static const struct xtts_variant turned = {.transposed = true};
    struct xtts_tensors all = xtts_list(&xtts_small);
    struct vanta_convert_result result;
    atomic_bool stop = true;

    (void)state;
    becomes_safetensors(TEST_DATA "/xtts/mock_model.pth", 6);
    becomes_safetensors(TEST_DATA "/xtts/mock_speakers.pth", 4);
    xtts_write_checkpoint(in_scratch("model.pth"), &xtts_small, &turned);
    becomes_safetensors(in_scratch("model.pth"), all.n);
    free(all.items);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_torch_safetensors(in_scratch("model.pth"), in_scratch("out"),
                                             NULL, NULL, NULL, &result, &err),
                     VANTA_ERR_EXISTS);
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_torch_safetensors(in_scratch("model.pth"), in_scratch("other"),
                                             NULL, NULL, &stop, &result, &err),
                     VANTA_ERR_CANCELLED);
    assert_false(vanta_file_exists(in_scratch("other")));
}

static void a_file_without_tensors_is_no_model(void **state)
{
    struct xtts_bytes b = {(uint8_t *)"\x80\2}.", 4, 0};
    struct vanta_convert_result result;

    (void)state;
    memset(&err, 0, sizeof err);
    assert_int_equal(vanta_torch_safetensors(built(&b, NULL, 0), in_scratch("out"), NULL,
                                             NULL, NULL, &result, &err),
                     VANTA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "no tensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trainers_checkpoint_is_read),
        cmocka_unit_test(transposed_views_are_read_by_their_strides),
        cmocka_unit_test(the_old_container_is_refused),
        scratch_test(shapes_have_to_lie_in_their_storage),
        scratch_test(a_storage_has_to_be_there),
        scratch_test(pickles_without_end_are_left),
        scratch_test(one_name_twice_is_refused),
        scratch_test(a_call_is_named_and_not_made),
        scratch_test(damaged_zips_are_refused_or_harmless),
        scratch_test(cut_files_are_refused),
        scratch_test(cut_anywhere_is_refused),
        scratch_test(other_zips_are_refused),
        scratch_test(safetensors_hold_the_same),
        scratch_test(a_file_without_tensors_is_no_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
