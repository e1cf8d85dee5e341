/*
 * fetch.h - bringing files from their sources to their final place, verified.
 *
 * The contract between the model layer and the download engine; what is behind it may
 * change (ranges, journals, peers) without anything above noticing. Not responsible for
 * which files a model has, for licences, conversion or the registry.
 *
 *     struct vanta_fetcher *f;
 *     vanta_fetcher_new(&options, &f, err);
 *     vanta_fetch_files(f, items, n, partial_dir, err);     // as often as wanted
 *     vanta_fetcher_free(f);
 *
 * Ownership: everything in options and items that is a pointer stays the caller's and
 * must live as long as the fetcher or the call.
 *
 * Promises: an item's dest appears only with all its bytes, on the disk and equal to
 * sha256 (where that is known). Until then they are in partial_dir (same file system as
 * dest), from which a later call with the same item resumes after a kill, a dropped
 * connection or a full disk. Bytes of different versions of a file are never mixed.
 * A dest that exists is adopted when its digest is right (hashed, no connection opened);
 * when it is wrong it is replaced, and stays in place until the new one is complete.
 *
 * The same bytes are not fetched twice: what this fetcher brought before, or what
 * options.find_copy names, is copied (a reflink where the file system has them) and judged
 * by its digest. While one thread fetches them, others that want them wait.
 *
 * Sources are tried in the item's order; a host whose connection failed is put off while
 * another source exists; with none left it is retried with backoff until the deadline,
 * when options.patient says so. Sources that wait for nothing more (404, 401, wrong
 * digest) are not tried again.
 *
 * Threads: a fetcher may be used by many threads at once; it never moves more than
 * options.jobs files at a time over all of them. Callbacks come from any of its threads,
 * one at a time per fetcher.
 */
#ifndef VANTA_FETCH_FETCH_H
#define VANTA_FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunks.h"
#include "base/digest.h"
#include "fetch/source.h"
#include "vanta_error.h"

/* What the first bytes must look like; judged before the rest is fetched. */
enum vanta_magic {
    VANTA_MAGIC_ANY = 0,      /* still refuses HTML pages and LFS pointers */
    VANTA_MAGIC_GGUF,         /* "GGUF" */
    VANTA_MAGIC_WHISPER_GGML, /* 0x67676d6c */
    VANTA_MAGIC_SAFETENSORS,  /* u64 header length, then '{' */
    VANTA_MAGIC_ZIP,          /* "PK" */
    VANTA_MAGIC_JSON          /* '{' or '[' after white space */
};

/* What a catalog knows of a package that sources name. */
struct vanta_package {
    const char *index;     /* "pypi" or "npm" */
    const char *name;      /* normalized */
    const char *version;
    int64_t size_bytes;    /* -1: unknown */
    const char *sha256;    /* of the wheel; NULL: unknown, then it cannot be fetched */
    const char *integrity; /* npm: "sha512-<base64>"; NULL: unknown */
};

enum vanta_fetch_event_kind {
    VANTA_FETCH_START,    /* bytes start to move: source is set (of a copy: its path) */
    VANTA_FETCH_PROGRESS, /* at most ten a second a file */
    VANTA_FETCH_NOTICE,   /* something to tell: a source failed and what comes next */
    VANTA_FETCH_DONE      /* ended; item->status says how */
};

struct vanta_fetch_item;

struct vanta_fetch_event {
    enum vanta_fetch_event_kind kind;
    const struct vanta_fetch_item *item;
    const char *source;   /* as vanta_source_text; NULL when there is none */
    uint64_t bytes;       /* of the file that are there */
    int64_t bytes_total;  /* -1: unknown */
    uint64_t bytes_moved; /* over the network in this call; NOTICE: 0 */
    uint64_t bytes_resumed, bytes_reused; /* as in the item; NOTICE: 0 */
    const char *message;  /* NOTICE */
};

typedef void vanta_fetch_listener(void *arg, const struct vanta_fetch_event *event);

struct vanta_fetch_item {
    /* What is wanted. */
    const char *label;        /* for messages: "whisper-base/ggml-base.bin" */
    const char *dest;         /* absolute; its folder is created */
    int64_t size_bytes;       /* -1: unknown */
    const char *sha256;       /* NULL: unknown; then only the first source is used, and
                                 only a hf: one at a pinned revision or an https: one */
    enum vanta_magic magic;
    const struct vanta_source *sources;
    size_t n_sources;
    const struct vanta_chunks *chunks; /* of the file with that sha256, or NULL: of a
                                 damaged dest and of a partial file whose journal is lost
                                 the good chunks are taken, the bad ones fetched */
    struct vanta_chunks *found_chunks; /* NULL: not wanted. Zeroed, or of an earlier call;
                                 when the file was brought it gets its chunks, which the
                                 caller frees; else (adopted, failed) it is zeroed */
    void *user;               /* the caller's */

    /* What came of it. */
    enum vanta_status status;
    struct vanta_error error; /* when status is not VANTA_OK: of all sources tried */
    char found_sha256[VANTA_SHA256_HEX];
    uint64_t found_bytes;
    const struct vanta_source *used; /* NULL: dest was right already */
    uint64_t moved_bytes;            /* over the network in this call */
    uint64_t resumed_bytes;          /* that an earlier call had left */
    uint64_t reused_bytes;           /* copied from another file of this disk, or good
                                        chunks of a damaged dest */
};

/* Names a file, other than dest, that is said to have these bytes; size_bytes -1: unknown.
 * False: none is known. From any thread, several at once. */
typedef bool vanta_fetch_find_copy(void *arg, const char *sha256, int64_t size_bytes,
                                   const char *dest, char path[4096]);

struct vanta_fetch_options {
    unsigned jobs;         /* files at once; 0: 4 */
    unsigned connections;  /* for one file at once, at most 32; 0: as many as help, at most
                              16 over all files */
    int64_t limit_rate_bytes; /* a second, over all files; 0: no limit */
    unsigned classes;      /* bit set of enum vanta_source_class; 0: all */
    bool offline;          /* nothing may open a connection or run a client */
    bool allow_plain_http; /* http:// besides loopback (only with a known digest) */
    const char *hf_endpoint; /* NULL: HF_ENDPOINT, else the public hub */
    const char *hf_token;    /* NULL: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the token file */
    const struct vanta_package *packages;
    size_t n_packages;
    int64_t connect_timeout_ms; /* 0: 10,000 */
    int64_t stall_timeout_ms;   /* 0: 30,000; no byte for so long */
    int64_t deadline_ms;        /* 0: 120,000; how long an unreachable last source is
                                   retried without a byte moving */
    vanta_fetch_listener *listener; /* may be NULL */
    void *listener_arg;
    vanta_fetch_find_copy *find_copy; /* may be NULL */
    void *find_copy_arg;
    const atomic_bool *cancel;      /* may be NULL; set: calls end soon, all resumable */
};

struct vanta_fetcher;

enum vanta_status vanta_fetcher_new(const struct vanta_fetch_options *options,
                                    struct vanta_fetcher **out, struct vanta_error *err);
void vanta_fetcher_free(struct vanta_fetcher *fetcher); /* NULL is fine */

/* Fetches all items. Returns VANTA_OK when every item has it, else the first item's
 * status (err gets that item's error); the others are still tried. patient: see above.
 * Files of one package or archive are taken from one download of it. What is in
 * partial_dir and no longer needed is deleted as items complete; the folder too when it
 * is empty. */
enum vanta_status vanta_fetch_files(struct vanta_fetcher *fetcher,
                                    struct vanta_fetch_item *items, size_t n,
                                    const char *partial_dir, bool patient,
                                    struct vanta_error *err);

/* Whether sources of this class can be reached now, asked once and remembered: a HEAD of
 * the hub's endpoint, or that a package client is installed (its index is not asked).
 * VANTA_OK; or VANTA_ERR_NETWORK, TOOL, with the reason. */
enum vanta_status vanta_fetcher_probe(struct vanta_fetcher *fetcher,
                                      const struct vanta_source *source,
                                      struct vanta_error *err);

/* Bytes of temporary space that fetching the item from this source takes besides the
 * file itself (wheels, their copies): for the disk check before the first byte. */
uint64_t vanta_fetch_scratch_bytes(const struct vanta_fetcher *fetcher,
                                   const struct vanta_fetch_item *item,
                                   const struct vanta_source *source);
/* Bytes that fetching would move: the file, or the packages it is in. */
uint64_t vanta_fetch_network_bytes(const struct vanta_fetcher *fetcher,
                                   const struct vanta_fetch_item *item,
                                   const struct vanta_source *source);

/* A repository's listing from the hub, for `add hf:ORG/REPO`: calls visit with each
 * file's path, bytes (-1 unknown) and sha256 ("" unknown); commit gets the 40 digits. */
typedef enum vanta_status vanta_hub_visit(void *arg, const char *path, int64_t bytes,
                                          const char *sha256, struct vanta_error *err);
enum vanta_status vanta_hub_list(struct vanta_fetcher *fetcher, const char *repo,
                                 const char *revision, char commit[41],
                                 vanta_hub_visit *visit, void *arg,
                                 struct vanta_error *err);

/* What doctor reports. */
struct vanta_reach {
    bool reached;
    int64_t milliseconds;
    char what[256]; /* the endpoint's host or the client's path; never an index's address */
    struct vanta_error error;
};
void vanta_reach_hub(struct vanta_fetcher *fetcher, struct vanta_reach *out);
void vanta_reach_pip(struct vanta_fetcher *fetcher, struct vanta_reach *out);
void vanta_reach_npm(struct vanta_fetcher *fetcher, struct vanta_reach *out);
/* Whether the user's own client gets an answer about this package: asked for its versions,
 * nothing is downloaded; at most some 12 seconds. error: NOT_FOUND when the index answers
 * and does not have it, UNSUPPORTED when the client is too old to be asked. */
void vanta_reach_index(struct vanta_fetcher *fetcher, const struct vanta_package *package,
                       struct vanta_reach *out);

#endif
