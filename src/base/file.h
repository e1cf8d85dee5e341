/*
 * file.h - files that are whole or absent: atomic writing, moving, copying, deleting.
 *
 * The promise kept here: a file gets its final name only when all its bytes are on the
 * disk, and the name itself is on the disk when the function returns. Folders are
 * created 0777 and files 0666, both less the umask. Unless said otherwise a failure
 * leaves the target as it was and no temporary file behind; after a kill a temporary
 * file named ".NAME.tmp-PID-N" can stay, which doctor finds and vanta_file_sweep deletes.
 * Statuses: VANTA_ERR_IO, NO_SPACE, NOT_FOUND, LIMIT, EXISTS, NO_MEMORY.
 */
#ifndef VANTA_BASE_FILE_H
#define VANTA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/path.h"
#include "vanta_error.h"

/* Appends the file's bytes to buf; VANTA_ERR_LIMIT when they exceed buf's cap. */
enum vanta_status vanta_file_read(const char *path, struct vanta_buf *buf,
                                  struct vanta_error *err);

/* Whether path is there and neither a file nor a folder, but a device, a pipe or a socket:
 * what is written goes into it, and no file may take its place. */
bool vanta_file_is_channel(const char *path);
/* A descriptor to write into the channel; waits for a pipe's reader. -1: errno. */
int vanta_file_open_channel(const char *path);

/* Replaces path by len bytes of data: temporary file beside it, fsync, rename, fsync of
 * the folder. */
enum vanta_status vanta_file_replace(const char *path, const void *data, size_t len,
                                     struct vanta_error *err);
/* The same for a name that the user gave: data goes into a channel that is there, what a
 * killed run left of path goes, and hints are not about the models folder. */
enum vanta_status vanta_file_put(const char *path, const void *data, size_t len,
                                 struct vanta_error *err);

/* Creates the temporary file beside path that vanta_file_move then gives its name to;
 * out has its name. Its descriptor for writing, or -1 with errno set. */
int vanta_file_create_beside(const char *path, char out[VANTA_PATH_MAX]);
/* The same for a file that is written at length: it is held by a flock(2) until it is
 * closed, and what a killed run left of path goes first. */
int vanta_file_create_held(const char *path, char out[VANTA_PATH_MAX]);
/* A new name of that form beside path, for a file that is written at length and moved to
 * path in the end; its writer holds a flock(2) on it. False: too long. */
bool vanta_file_temporary(char out[VANTA_PATH_MAX], const char *path);
/* Deletes temporary files for path whose process is gone and that nobody holds; returns
 * how many. Best effort: one whose number belongs to another process by now stays. */
unsigned vanta_file_sweep(const char *path);

/* Renames from to to (same file system) and makes it last; from's bytes are fsynced
 * first. clobber false: VANTA_ERR_EXISTS when to exists, and nothing is changed. */
enum vanta_status vanta_file_move(const char *from, const char *to, bool clobber,
                                  struct vanta_error *err);
/* Renames from, whose bytes were synced already, to to, which is replaced. The name lasts
 * once the caller has synced its folder. */
enum vanta_status vanta_file_place(const char *from, const char *to,
                                   struct vanta_error *err);

/* Copies a regular file by reflink where the file system can, else by its bytes; the
 * target must not exist and is fsynced. */
enum vanta_status vanta_file_copy(const char *from, const char *to,
                                  struct vanta_error *err);

/* write(2) until all is written; name is for messages. */
enum vanta_status vanta_file_write_all(int fd, const void *data, size_t len,
                                       const char *name, struct vanta_error *err);

/* mkdir -p. Folders that exist are fine, symbolic links to folders included. */
enum vanta_status vanta_dir_make(const char *path, struct vanta_error *err);
/* fsync of a folder, so that names in it last. */
enum vanta_status vanta_dir_sync(const char *path, struct vanta_error *err);
/* Deletes a file or a folder with all in it; symbolic links are deleted, never
 * followed. A path that does not exist is fine. */
enum vanta_status vanta_remove_tree(const char *path, struct vanta_error *err);

bool vanta_file_exists(const char *path); /* follows symbolic links */
bool vanta_file_is_dir(const char *path); /* follows symbolic links */
bool vanta_file_is_link(const char *path);
/* Bytes of a regular file, -1 when there is none. */
int64_t vanta_file_size(const char *path);

/* Calls visit for every regular file below dir (symbolic links and hidden names are
 * passed over), with its path relative to dir, in the order of the paths' bytes, as
 * sort(1) has it under LC_ALL=C. A visit that returns anything but VANTA_OK ends the walk
 * with that status. */
typedef enum vanta_status vanta_visit(void *arg, const char *relative, uint64_t bytes,
                                      struct vanta_error *err);
enum vanta_status vanta_dir_walk(const char *dir, vanta_visit *visit, void *arg,
                                 struct vanta_error *err);

/* Sum of the sizes of all regular files below dir, hidden ones too; 0 when unreadable. */
uint64_t vanta_dir_bytes(const char *dir);

/* Bytes that this user may still write on the file system of path, or of its nearest
 * existing parent. */
enum vanta_status vanta_disk_free(const char *path, uint64_t *bytes,
                                  struct vanta_error *err);

#endif
