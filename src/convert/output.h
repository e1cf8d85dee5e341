/*
 * output.h - a new file that is written and hashed while more of it is made.
 *
 * The bytes go into blocks; a full block is written and hashed on a second thread while
 * the next one is filled, so that a full disk shows with one of the next calls; the file
 * is held by flock(2) meanwhile, which vanta_file_sweep respects. Memory:
 * VANTA_OUTPUT_BLOCKS blocks.
 *
 *     vanta_output_open(path, &out, err);          // must not exist
 *     vanta_output_write(out, data, len, err);
 *     p = vanta_output_room(out, &room);           // or filled in place
 *     vanta_output_filled(out, n, err);            // n <= room
 *     vanta_output_finish(out, &result, err);      // on the disk, hashed
 *     vanta_output_close(out);                     // deletes the file if unfinished
 *
 * Statuses: VANTA_ERR_EXISTS, IO, NO_SPACE, NO_MEMORY. One thread at a time.
 */
#ifndef VANTA_CONVERT_OUTPUT_H
#define VANTA_CONVERT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "convert/convert.h"
#include "vanta_error.h"

#define VANTA_OUTPUT_BLOCK_BYTES ((size_t)1 << 20)
#define VANTA_OUTPUT_BLOCKS 4

struct vanta_output;

/* Whether a new file of this size has room: VANTA_ERR_NO_SPACE says how much is free. */
enum vanta_status vanta_output_check_disk(const char *path, uint64_t bytes,
                                          struct vanta_error *err);
enum vanta_status vanta_output_open(const char *path, struct vanta_output **out,
                                    struct vanta_error *err);
/* Free bytes of the block in hand; at least one. Valid until the next call. */
uint8_t *vanta_output_room(struct vanta_output *o, size_t *room);
enum vanta_status vanta_output_filled(struct vanta_output *o, size_t n,
                                      struct vanta_error *err);
enum vanta_status vanta_output_write(struct vanta_output *o, const void *data, size_t len,
                                     struct vanta_error *err);
enum vanta_status vanta_output_u32(struct vanta_output *o, uint32_t value,
                                   struct vanta_error *err); /* little-endian */
uint64_t vanta_output_bytes(const struct vanta_output *o);
/* Opens it with room on the disk for total_bytes and writes the first of them; and
 * finishes it when it has got as many. */
enum vanta_status vanta_output_begin(const char *path, uint64_t total_bytes,
                                     const void *head, size_t head_bytes,
                                     struct vanta_output **out, struct vanta_error *err);
enum vanta_status vanta_output_complete(struct vanta_output *o, uint64_t total_bytes,
                                        struct vanta_convert_result *result,
                                        struct vanta_error *err);
enum vanta_status vanta_output_finish(struct vanta_output *o,
                                      struct vanta_convert_result *result,
                                      struct vanta_error *err);
/* NULL is fine. */
void vanta_output_close(struct vanta_output *o);

#endif
