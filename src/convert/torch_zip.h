/*
 * torch_zip.h - whether a zip holds a PyTorch checkpoint.
 *
 * Source of the format: PKWARE APPNOTE.TXT (end of central directory, central headers);
 * PyTorch writes NAME/data.pkl. Only names are read, nothing is unpacked. Not
 * responsible for taking archives apart (fetch/archive.h).
 */
#ifndef VANTA_CONVERT_TORCH_ZIP_H
#define VANTA_CONVERT_TORCH_ZIP_H

#include <stdbool.h>

#include "base/cursor.h"

#define VANTA_TORCH_ZIP_ENTRIES_MAX 65535

/* True when a member's name ends in ".pkl" or ".pickle". Where the directory cannot be
 * read the first member's name decides. Cost: the directory and the last 64 KiB. */
bool vanta_torch_zip_check(struct vanta_cursor *c);

#endif
