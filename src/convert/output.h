/*
 * output.h - a new file that is hashed while it is written.
 *
 * Buffers writes, hashes them on a second thread while the next ones are prepared, and
 * makes the file last when it is finished. One thread at a time.
 */
#ifndef VANTA_CONVERT_OUTPUT_H
#define VANTA_CONVERT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "convert/convert.h"
#include "vanta_error.h"

struct vanta_output;

/* Creates path, which must not exist. */
enum vanta_status vanta_output_open(const char *path, struct vanta_output **out,
                                    struct vanta_error *err);
enum vanta_status vanta_output_write(struct vanta_output *o, const void *data, size_t len,
                                     struct vanta_error *err);
enum vanta_status vanta_output_u32(struct vanta_output *o, uint32_t value,
                                   struct vanta_error *err);
uint64_t vanta_output_bytes(const struct vanta_output *o);
/* Flushes and fsyncs; result gets digest and size. vanta_output_close is still due. */
enum vanta_status vanta_output_finish(struct vanta_output *o,
                                      struct vanta_convert_result *result,
                                      struct vanta_error *err);
/* Frees; deletes the file unless it was finished. NULL is fine. */
void vanta_output_close(struct vanta_output *o);

#endif
