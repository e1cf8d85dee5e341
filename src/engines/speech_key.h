/*
 * speech_key.h - the key of the speech API and the account it belongs to, and where it may
 * go.
 *
 * Not responsible for requests (speech.h), nor for whether a key is right: only the server
 * knows that.
 *
 *     struct vanta_speech_key key;
 *     status = vanta_speech_key_read("OPENAI_API_KEY", &key, err);
 *     ...
 *     vanta_speech_key_wipe(&key);
 *
 * The key comes from the variable, else from the file that VARIABLE_FILE names, with white
 * space around it cut off. The file must belong to the user of this process and be closed
 * to all others (mode & 077 is 0), as ssh demands of its keys. What could not stand in a
 * header line is refused, and never quoted.
 *
 * Limits: a key has at most VANTA_SPEECH_KEY_MAX - 1 bytes, its file 4,096. Nothing
 * allocates but the reading of the file. Threads: as getenv. Cost: one small file.
 */
#ifndef VANTA_ENGINES_SPEECH_KEY_H
#define VANTA_ENGINES_SPEECH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/path.h"
#include "http/url.h"
#include "vanta_error.h"

#define VANTA_SPEECH_KEY_VARIABLE "OPENAI_API_KEY"
#define VANTA_SPEECH_ENDPOINT "https://api.openai.com/v1"
#define VANTA_SPEECH_KEY_MAX 1024

struct vanta_speech_key {
    char text[VANTA_SPEECH_KEY_MAX];
    char from[VANTA_PATH_MAX + 16]; /* "OPENAI_API_KEY", "the file /home/me/key" */
};

/* VANTA_ERR_NOT_FOUND: none is set (an empty variable counts as not set).
 * VANTA_ERR_AUTH: what is set cannot be used; the message says why. key is empty then. */
enum vanta_status vanta_speech_key_read(const char *variable, struct vanta_speech_key *key,
                                        struct vanta_error *err);
void vanta_speech_key_wipe(struct vanta_speech_key *key);

/* Replaces every part of the key in text (8 bytes of it or more; of a shorter key the
 * whole), and every word with "***" in it, as servers show keys: a server's words are not
 * trusted to keep the key to themselves. key may be NULL. */
void vanta_speech_key_hide(const struct vanta_speech_key *key, char *text);

/* Where requests go, and for whom: OPENAI_BASE_URL, OPENAI_ORG_ID (or OPENAI_ORGANIZATION)
 * and OPENAI_PROJECT_ID (or OPENAI_PROJECT). */
struct vanta_speech_account {
    char base[VANTA_URL_MAX]; /* without a slash at its end */
    char origin[VANTA_URL_ORIGIN_MAX];
    bool is_openai; /* the API's own address, not a server that speaks like it */
    char organization[128]; /* "": none */
    char project[128];
};

/* base_url NULL: the variable, else the API's own. VANTA_ERR_USAGE: an address that the key
 * may not go to (plain http to another machine), or text that is no identifier. */
enum vanta_status vanta_speech_account_read(const char *base_url,
                                            struct vanta_speech_account *account,
                                            struct vanta_error *err);

#endif
