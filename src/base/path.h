/*
 * path.h - names of files: joining them, and refusing those that would lead elsewhere.
 *
 * Paths are byte strings of at most VANTA_PATH_MAX - 1 bytes; buffers are the caller's.
 * Functions that can overflow return false and leave "" in out.
 */
#ifndef VANTA_BASE_PATH_H
#define VANTA_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "vanta_error.h"

#define VANTA_PATH_MAX 4096
#define VANTA_ID_MAX 64 /* bytes, without the NUL */

/* "a" + "b" is "a/b"; an empty a gives b; an absolute b is refused. */
bool vanta_path_join(char out[VANTA_PATH_MAX], const char *a, const char *b);
bool vanta_path_join3(char out[VANTA_PATH_MAX], const char *a, const char *b,
                      const char *c);
/* All before the last slash: "/a" for "/a/b", "." for "b", "/" for "/b". */
bool vanta_path_parent(char out[VANTA_PATH_MAX], const char *path);
/* Points into path, behind the last slash. */
const char *vanta_path_base(const char *path);

/* True for what may be created below a folder of ours: relative, one to 1,000 bytes, no
 * empty, "." or ".." component, no backslash, no control character, valid UTF-8. */
bool vanta_path_is_safe(const char *path);

/* Model ids: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool vanta_id_is_valid(const char *id);

/* Whether path, with all symbolic links followed, lies in root (itself followed too).
 * A path that does not exist yet is judged by its nearest existing parent; it may have no
 * ".." behind that and be no link to nowhere.
 * VANTA_ERR_FORMAT when it lies outside, IO or NOT_FOUND when it cannot be said. */
enum vanta_status vanta_path_inside(const char *root, const char *path,
                                    struct vanta_error *err);

/* Absolute form of path against the current folder, "." and ".." resolved by text. */
bool vanta_path_absolute(char out[VANTA_PATH_MAX], const char *path);

/* $XDG_DATA_HOME, $XDG_CONFIG_HOME or $XDG_CACHE_HOME with its default below HOME; a
 * relative value counts as unset, as the XDG Base Directory specification says. False
 * when HOME is unset too. */
bool vanta_path_xdg_data(char out[VANTA_PATH_MAX]);
bool vanta_path_xdg_config(char out[VANTA_PATH_MAX]);
bool vanta_path_xdg_cache(char out[VANTA_PATH_MAX]);

#endif
