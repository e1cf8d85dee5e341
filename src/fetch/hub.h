/*
 * hub.h - what is particular to the model hub: its address, its token, its refusals.
 *
 * Sources: the hub's documented HTTP interface (resolve addresses, X-Repo-Commit,
 * X-Linked-Etag, X-Linked-Size, X-Error-Code, X-Error-Message) and its client's
 * environment: HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME,
 * HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE.
 *
 * The token belongs to the endpoint's origin and is sent nowhere else. A struct that was
 * read is read-only and may be shared by threads.
 */
#ifndef VANTA_FETCH_HUB_H
#define VANTA_FETCH_HUB_H

#include <stdbool.h>

#include "base/buf.h"
#include "fetch/source.h"
#include "http/http.h"
#include "vanta_error.h"

struct vanta_hub {
    char endpoint[512]; /* without a slash at its end */
    struct vanta_url url;
    char origin[VANTA_URL_ORIGIN_MAX];
    char token[512];    /* "": none */
    const char *token_from; /* for messages: "HF_TOKEN", "the token file", ... */
    bool offline;       /* HF_HUB_OFFLINE */
    struct vanta_error error; /* why it cannot be used; status VANTA_OK: it can */
};

/* From the options (may be NULL), else the environment. Errors are kept in hub->error,
 * for the moment the hub is needed. */
void vanta_hub_read(struct vanta_hub *hub, const char *endpoint, const char *token);

/* The address of a hf: locator's file. */
enum vanta_status vanta_hub_file_url(const struct vanta_hub *hub,
                                     const struct vanta_locator *locator,
                                     char url[VANTA_URL_MAX], struct vanta_error *err);
/* The hub's page of a repository, for hints. */
void vanta_hub_page(const struct vanta_hub *hub, const char *repo, char *out, size_t size);

/* What an answer that is not 2xx means: AUTH, NOT_FOUND or SERVER, with the page that
 * grants access or what else to do. what is the locator for messages; path may be "". */
enum vanta_status vanta_hub_refusal(const struct vanta_hub *hub,
                                    const struct vanta_http_headers *headers,
                                    const char *what, const char *repo,
                                    const char *revision, struct vanta_error *err);

/* 40 hexadecimal digits: a commit, which cannot change. */
bool vanta_hub_is_commit(const char *revision);

#endif
