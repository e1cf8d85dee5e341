/*
 * engine_words.h - what the engines can use on this machine, in words.
 *
 * Not responsible for asking (vanta_engine_devices gives the document). Texts are made
 * printable, cut where there is no more room, and "" when nothing is known.
 */
#ifndef VANTA_MODELS_ENGINE_WORDS_H
#define VANTA_MODELS_ENGINE_WORDS_H

#include <jansson.h>
#include <stddef.h>

/* "CPU (AMD EPYC 7763, 25.3 GB, 20.1 GB free), Metal (Apple M4 Pro, ...)" */
const char *vanta_devices_text(const json_t *answer, char *out, size_t size);
/* "AVX2 FMA F16C": those that are on. */
const char *vanta_features_text(const json_t *answer, char *out, size_t size);
/* "12 cores, 8 of them fast; 24 processors", and the share that a container gives. */
const char *vanta_cores_text(const json_t *answer, char *out, size_t size);

#endif
