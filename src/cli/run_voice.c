/* run_voice.c - the voices of a speech model: its own, kept ones, and those of recordings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/run_say.h"

/* False: the name cannot be a file's. */
static bool kept_path(const char *name, char out[VANTA_PATH_MAX])
{
    char folder[VANTA_PATH_MAX];

    return strlen(name) < VANTA_VOICE_NAME_MAX && !strchr(name, '/') && vanta_path_is_safe(name) &&
           vanta_path_xdg_data(folder) &&
           vanta_format(out, VANTA_PATH_MAX, "%s/vanta/voices/%s.voice", folder, name);
}

/* *found: there is a kept voice of that name, and it was read. */
static enum vanta_status read_kept(struct saying *s, const char *name, bool *found,
                                   struct vanta_error *err)
{
    struct vanta_buf buf = VANTA_BUF(VANTA_VOICE_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    *found = kept_path(name, path) && vanta_file_exists(path);
    if (!*found)
        return VANTA_OK;
    status = vanta_file_read(path, &buf, err);
    if (status == VANTA_OK)
        status = vanta_voice_decode(buf.data, buf.len, path, &s->voice, err);
    vanta_buf_free(&buf);
    return status;
}

/* A kept voice is values of the model that heard it, and noise to any other of the same
 * sizes. Where one of the two does not say which it is, it has to be believed. */
static enum vanta_status check_model(struct saying *s, const char *name,
                                     struct vanta_error *err)
{
    static const uint8_t unknown[VANTA_SHA256_BYTES];
    uint8_t model[VANTA_SHA256_BYTES];
    const char *hex;
    json_t *voices = NULL;
    enum vanta_status status = vanta_engine_voices(s->engine, &voices, err);

    if (status != VANTA_OK)
        return status;
    hex = json_string_value(json_object_get(voices, "source_sha256"));
    if (hex && vanta_sha256_from_hex(hex, model) &&
        memcmp(s->voice.model, unknown, sizeof unknown) != 0 &&
        memcmp(s->voice.model, model, sizeof model) != 0) {
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "the voice \"%s\" was made with another model than %s", name,
                            s->run->entry->id);
        vanta_hint(err, "Speak with that model, or --clone the recordings with this one.");
    }
    json_decref(voices);
    return status;
}

static enum vanta_status keep(struct saying *s, const char *name, struct vanta_error *err)
{
    struct vanta_buf buf = VANTA_BUF(VANTA_VOICE_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!kept_path(name, path))
        return vanta_fail(err, VANTA_ERR_USAGE, "\"%s\" cannot be the name of a voice",
                          name);
    snprintf(s->voice.name, sizeof s->voice.name, "%s", name);
    status = vanta_voice_encode(&s->voice, &buf, err);
    *strrchr(path, '/') = '\0';
    if (status == VANTA_OK)
        status = vanta_dir_make(path, err);
    path[strlen(path)] = '/';
    if (status == VANTA_OK)
        status = vanta_file_replace(path, buf.data, buf.len, err);
    vanta_buf_free(&buf);
    vanta_hint_named(err);
    if (status == VANTA_ERR_IO) {
        err->hint[0] = '\0';
        vanta_hint(err, "Voices are kept below XDG_DATA_HOME, else ~/.local/share: make that "
                        "writable, or name another folder by it.");
    }
    if (status == VANTA_OK && !s->run->options->common.quiet)
        fprintf(stderr, "kept as %s: --voice \"%s\" speaks with it\n", path, name);
    return status;
}

/* The model's voice of that name, in any case; else the nearest is in the message. */
static enum vanta_status find_voice(struct saying *s, const char *name,
                                    struct vanta_error *err)
{
    const char *names[4096], *nearest;
    const json_t *list;
    json_t *voices = NULL;
    enum vanta_status status = vanta_engine_voices(s->engine, &voices, err);
    size_t n, i;

    if (status != VANTA_OK)
        return status;
    list = json_object_get(voices, "voices");
    for (n = 0; n < json_array_size(list) && n < 4096; n++)
        names[n] = json_string_value(json_array_get(list, n));
    for (i = 0; i < n && !vanta_streq_nocase(names[i], name); i++)
        ;
    if (i < n) {
        snprintf(s->name, sizeof s->name, "%s", names[i]);
        s->request.voice = s->name;
    } else {
        nearest = vanta_nearest(name, names, n);
        status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has no voice \"%s\"%s%s%s",
                            s->run->entry->id, name,
                            nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                            nearest ? "\"?" : "");
        vanta_hint(err, "vanta run %s --list-voices shows all.", s->run->entry->id);
    }
    json_decref(voices);
    return status;
}

static enum vanta_status clone_voice(struct saying *s, struct vanta_error *err)
{
    double audio_s = 0;
    enum vanta_status status;

    s->run->phase = "listening";
    status = vanta_engine_clone(s->engine, s->readable, s->n_paths, &s->voice, &audio_s,
                                err);
    vanta_hint_named(err);
    if (status != VANTA_OK)
        return status;
    test_line_clear(&s->run->line);
    if (!s->run->options->common.quiet)
        fprintf(stderr, "a voice from %.1f s of recordings; use it only with the "
                        "speaker's agreement\n",
                audio_s);
    return s->run->options->save_voice ? keep(s, s->run->options->save_voice, err)
                                       : VANTA_OK;
}

enum vanta_status say_choose_voice(struct saying *s, struct vanta_error *err)
{
    const char *name = s->run->options->voice;
    enum vanta_status status = VANTA_OK;
    bool kept = false;

    if (s->n_paths > 0)
        status = clone_voice(s, err);
    else if (name)
        status = read_kept(s, name, &kept, err);
    if (status == VANTA_OK && kept)
        status = check_model(s, name, err);
    if (status == VANTA_OK && name && s->n_paths == 0 && !kept)
        status = find_voice(s, name, err);
    if (s->voice.values) {
        s->request.made = s->voice.values;
        s->request.n_made = vanta_voice_floats(&s->voice);
    }
    return status;
}

int say_list_voices(struct saying *s)
{
    struct vanta_error err = {0};
    json_t *voices = NULL;
    const json_t *name;
    size_t i;

    if (vanta_engine_voices(s->engine, &voices, &err) != VANTA_OK)
        return report_error(&err);
    test_line_clear(&s->run->line);
    if (s->run->options->common.json) {
        json_object_set_new(voices, "version", json_integer(JSON_OUTPUT_VERSION));
        json_object_set_new(voices, "model", json_string(s->run->entry->id));
        return run_write_document(s->run->options->output, voices);
    }
    json_array_foreach(json_object_get(voices, "voices"), i, name)
        puts(json_string_value(name));
    json_decref(voices);
    return EXIT_OK;
}
