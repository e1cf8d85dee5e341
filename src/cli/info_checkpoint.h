/* info_checkpoint.h - what vanta info shows of a PyTorch checkpoint: its tensors, and each
 * function that its pickle asks for and that a model does not need. Nothing of it is run. */
#ifndef VANTA_CLI_INFO_CHECKPOINT_H
#define VANTA_CLI_INFO_CHECKPOINT_H

#include <jansson.h>

/* A checkpoint that cannot be read is shown with the reason. */
void info_print_checkpoint(const char *path);
/* {"tensors": [{"name", "type", "shape"}], "refused": ["os.system"]}, or {"error"}. */
json_t *info_checkpoint_json(const char *path);

#endif
