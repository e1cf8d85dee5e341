#include "models/word_error_rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/words.h"

enum vanta_status vanta_words_read(const char *text, struct vanta_words *out,
                                   struct vanta_error *err)
{
    struct vanta_words split = {0}, open = {0};
    enum vanta_status status = VANTA_OK;

    if (strlen(text) > VANTA_WORDS_TEXT_MAX)
        status = vanta_fail(err, VANTA_ERR_LIMIT, "a text of more than %d bytes",
                            VANTA_WORDS_TEXT_MAX);
    if (status == VANTA_OK)
        status = vanta_words_split(text, &split, err);
    if (status == VANTA_OK)
        status = vanta_words_open(&split, &open, err);
    if (status == VANTA_OK)
        status = vanta_words_count(&open, out, err);
    vanta_words_free(&split);
    vanta_words_free(&open);
    return status;
}

enum vanta_status vanta_words_normalize(const char *text, struct vanta_buf *out,
                                        struct vanta_error *err)
{
    struct vanta_words words = {0};
    enum vanta_status status = vanta_words_read(text, &words, err);
    size_t before = out->len, i;

    for (i = 0; status == VANTA_OK && i < words.n; i++)
        if ((i && !vanta_buf_puts(out, " ")) ||
            !vanta_buf_puts(out, vanta_words_at(&words, i)))
            status = vanta_fail(err, VANTA_ERR_LIMIT,
                                "the words do not fit into %zu bytes", out->max);
    if (status == VANTA_OK && !vanta_buf_reserve(out, 0)) /* a string, even if empty */
        status = vanta_fail_memory(err);
    if (status != VANTA_OK && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    vanta_words_free(&words);
    return status;
}

/* The least edits up to one pair of words, and of which kind they are. */
struct edits {
    uint32_t all, substituted, deleted, inserted;
};

/* The last of the rows that were made from up (above) and now (being written). */
static const struct edits *align(const struct vanta_words *reference,
                                 const struct vanta_words *heard, struct edits *up,
                                 struct edits *now)
{
    size_t i, j;

    for (j = 0; j <= heard->n; j++)
        up[j] = (struct edits){.all = (uint32_t)j, .inserted = (uint32_t)j};
    for (i = 0; i < reference->n; i++) {
        const char *word = vanta_words_at(reference, i);
        struct edits *swap;

        now[0] = up[0];
        now[0].all++;
        now[0].deleted++;
        for (j = 0; j < heard->n; j++) {
            bool same = strcmp(word, vanta_words_at(heard, j)) == 0;

            /* Of equals a substitution wins, as one edit that explains both words. */
            if (up[j].all + !same <= up[j + 1].all + 1 &&
                up[j].all + !same <= now[j].all + 1) {
                now[j + 1] = up[j];
                now[j + 1].all += !same;
                now[j + 1].substituted += !same;
            } else if (up[j + 1].all <= now[j].all) {
                now[j + 1] = up[j + 1];
                now[j + 1].all++;
                now[j + 1].deleted++;
            } else {
                now[j + 1] = now[j];
                now[j + 1].all++;
                now[j + 1].inserted++;
            }
        }
        swap = up;
        up = now;
        now = swap;
    }
    return &up[heard->n];
}

enum vanta_status vanta_word_error_rate(const char *reference, const char *heard,
                                        struct vanta_word_errors *out,
                                        struct vanta_error *err)
{
    struct vanta_words spoken = {0}, written = {0};
    const struct edits *edits;
    struct edits *rows = NULL;
    enum vanta_status status = vanta_words_read(reference, &spoken, err);

    if (status == VANTA_OK)
        status = vanta_words_read(heard, &written, err);
    if (status != VANTA_OK)
        goto out;
    rows = calloc(2 * (written.n + 1), sizeof *rows);
    if (!rows) {
        status = vanta_fail_memory(err);
        goto out;
    }
    edits = align(&spoken, &written, rows, rows + written.n + 1);
    *out = (struct vanta_word_errors){
        .words = (uint32_t)spoken.n,
        .substituted = edits->substituted,
        .deleted = edits->deleted,
        .inserted = edits->inserted,
        .rate = spoken.n ? (double)edits->all / (double)spoken.n : written.n > 0,
    };
out:
    free(rows);
    vanta_words_free(&spoken);
    vanta_words_free(&written);
    return status;
}
