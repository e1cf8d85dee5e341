/*
 * serve.h - the helper's side of the protocol: handshake, confinement, requests.
 *
 * serve_channel never returns: the process ends with the channel (docs/engine-protocol.md
 * has the order of things). The main thread runs requests, one at a time; a reader thread
 * sees a cancel or the end of the channel at any moment, in the middle of inference too.
 * Not responsible for what a request computes (backend.h).
 */
#ifndef VANTA_ENGINES_HELPER_SERVE_H
#define VANTA_ENGINES_HELPER_SERVE_H

#include <jansson.h>

#include "engines/helper/backend.h"

_Noreturn void serve_channel(int fd);

/* --- requests that need no model --- */

/* "devices": what ggml reports, the processor's features and cores, the sandbox. */
json_t *devices_json(const char *sandbox);
/* Names of the devices that a model runs on: "CPU", "Metal". */
void devices_in_use(bool no_gpu, int gpu_layers, char *out, size_t size);
bool devices_have_gpu(void);

backend_request audio_request; /* "audio"; state is not used */

#endif
