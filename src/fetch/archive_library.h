/*
 * archive_library.h - the functions of libarchive that archive.c uses, loaded when the
 * first archive is opened.
 *
 * Threads: vanta_archive_library may be called by many at once. Cost: the first call
 * loads the library, the others read a pointer.
 */
#ifndef VANTA_FETCH_ARCHIVE_LIBRARY_H
#define VANTA_FETCH_ARCHIVE_LIBRARY_H

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

#include "vanta_error.h"

/* Each has the type that libarchive's own header declares. */
struct vanta_archive_library {
    __typeof__(archive_read_new) *read_new;
    __typeof__(archive_read_free) *read_free;
    __typeof__(archive_read_support_filter_gzip) *support_gzip;
    __typeof__(archive_read_support_format_tar) *support_tar;
    __typeof__(archive_read_support_format_zip) *support_zip;
    __typeof__(archive_read_set_format_option) *set_format_option;
    __typeof__(archive_read_set_callback_data) *set_callback_data;
    __typeof__(archive_read_set_read_callback) *set_read_callback;
    __typeof__(archive_read_set_seek_callback) *set_seek_callback;
    __typeof__(archive_read_set_skip_callback) *set_skip_callback;
    __typeof__(archive_read_open1) *open;
    __typeof__(archive_read_next_header) *next_header;
    __typeof__(archive_read_data_block) *data_block;
    __typeof__(archive_read_data_skip) *data_skip;
    __typeof__(archive_format) *format;
    __typeof__(archive_error_string) *error_string;
    __typeof__(archive_entry_pathname) *pathname;
    __typeof__(archive_entry_filetype) *filetype;
    __typeof__(archive_entry_hardlink) *hardlink;
    __typeof__(archive_entry_size) *size;
    __typeof__(archive_entry_size_is_set) *size_is_set;
    __typeof__(archive_entry_is_data_encrypted) *is_encrypted;
};

/* NULL when it cannot be loaded, with the reason in err (VANTA_ERR_TOOL). */
const struct vanta_archive_library *vanta_archive_library(struct vanta_error *err);

/* libarchive gives names in the thread's character set, and none at all for a name that
 * this set lacks. Between enter and leave the calling thread's is UTF-8 (where the system
 * has such a locale), whatever the user's is. leave takes what enter gave. */
locale_t vanta_archive_locale_enter(void);
void vanta_archive_locale_leave(locale_t before);

#endif
