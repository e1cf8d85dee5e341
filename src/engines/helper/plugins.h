/*
 * plugins.h - ggml's backends that are run-time plug-ins (GGML_BACKEND_DL, as in
 * Homebrew's ggml), loaded from the engines' own places.
 *
 * Not responsible for what ggml reads from the environment and the current folder: the
 * caller clears GGML_BACKEND_PATH and changes to / before the first call.
 *
 * plugins_load: VANTA_ERR_TOOL when there is no backend to compute with after it.
 * One thread, before any other use of ggml. Cost: reads the folder, loads libraries.
 */
#ifndef VANTA_ENGINES_HELPER_PLUGINS_H
#define VANTA_ENGINES_HELPER_PLUGINS_H

#include "vanta_error.h"

enum vanta_status plugins_load(struct vanta_error *err);

#endif
