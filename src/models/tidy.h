/*
 * tidy.h - what is left beside a model that is right.
 *
 * A command that is killed between its last rename and its end leaves TYPE/.ID.partial,
 * which the next look at the model finds useless. Not responsible for knowing whether the
 * model is right: callers do.
 */
#ifndef VANTA_MODELS_TIDY_H
#define VANTA_MODELS_TIDY_H

#include "models/catalog.h"

/* Deletes it, unless another process works on the model; costs one look where there is
 * nothing. A failure is none of the caller's: doctor names what stays. */
void vanta_model_tidy(const char *root, enum vanta_model_type type, const char *id);

#endif
