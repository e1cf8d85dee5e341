/*
 * license.h - the text of a licence, the answer to it, and where both are kept.
 *
 * Text and answer lie beside the model in <model folder>/.license/: LICENSE.txt and
 * accepted.json {"version", "license", "digest", "date"}, hidden, and never among the
 * model's files. The digest is the text's SHA-256; where no text could be had it is that
 * of the notice, the few lines that were shown in its place.
 * Not responsible for asking.
 */
#ifndef VANTA_MODELS_LICENSE_H
#define VANTA_MODELS_LICENSE_H

#include "base/buf.h"
#include "models/catalog.h"
#include "models/registry.h"

#define VANTA_LICENSE_BYTES_MAX ((size_t)256 * 1024)

struct vanta_license_answer {
    char digest[VANTA_SHA256_HEX]; /* "": none */
    char date[VANTA_TIME_TEXT_MAX];
};

/* Fetches the text to out, through a private folder that is deleted again.
 * VANTA_ERR_NOT_FOUND: the catalog names none; else what fetching gave. */
enum vanta_status vanta_license_fetch(struct vanta_fetcher *fetcher,
                                      const struct vanta_license *license,
                                      struct vanta_buf *out, struct vanta_error *err);
/* The lines that stand for the text where there is none: name, summary, address. */
enum vanta_status vanta_license_notice(const struct vanta_license *license,
                                       struct vanta_buf *out, struct vanta_error *err);

/* The answer given before, by the entry (may be NULL) or by the record in model_dir. */
bool vanta_license_answered(const char *model_dir, const struct vanta_license *license,
                            const struct vanta_entry *entry,
                            struct vanta_license_answer *out);
/* Whether it still holds: the text is the one that was accepted. text may be NULL (not
 * fetched); then a digest that the catalog states decides, and without one nothing says
 * that the text has changed. */
bool vanta_license_holds(const struct vanta_license_answer *answer,
                         const struct vanta_license *license, const char *text);

/* Writes text and answer to model_dir, which is created; answer gets digest and date. */
enum vanta_status vanta_license_store(const char *model_dir,
                                      const struct vanta_license *license,
                                      const char *text,
                                      struct vanta_license_answer *answer,
                                      struct vanta_error *err);

#endif
