/*
 * run_say.h - what the files behind `vanta run` of a speech model on this machine share.
 */
#ifndef VANTA_CLI_RUN_SAY_H
#define VANTA_CLI_RUN_SAY_H

#include <limits.h>

#include "cli/run.h"
#include "engines/speak.h"
#include "models/wav.h"

#define CLONE_MAX 16

struct saying {
    struct run *run;
    struct vanta_engine *engine;
    struct vanta_speak request;
    struct vanta_voice voice; /* kept or cloned */
    char name[VANTA_VOICE_NAME_MAX]; /* of the model's voice, as the model writes it */
    char *text;
    uint64_t heard;     /* samples so far, */
    int64_t start_ms;   /* since then */
    double fraction;    /* spoken of the text */
    char phase[64];     /* what the line on the terminal says */
    struct vanta_wav wav;
    struct vanta_error failed; /* of the output, while it was spoken */
    char paths[CLONE_MAX][PATH_MAX];
    const char *readable[CLONE_MAX];
    size_t n_paths;
};

/* Of the request: the voice that the options name, or one made of their recordings, which
 * is kept where they say so. */
enum vanta_status say_choose_voice(struct saying *s, struct vanta_error *err);
/* Prints them; the exit code. */
int say_list_voices(struct saying *s);

#endif
