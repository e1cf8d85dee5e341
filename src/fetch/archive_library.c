#include "fetch/archive_library.h"

#include <pthread.h>
#include <stddef.h>

#include "base/error.h"
#include "base/library.h"

static struct vanta_archive_library library;
static struct vanta_error load_error;
static locale_t utf8; /* 0: the system has none */

static void load(void)
{
    /* macOS carries one of its own; what is used here has not changed between them. */
    static const char *const names[] = {
        VANTA_ARCHIVE_LIBRARY, "libarchive.so.13", "/usr/lib/libarchive.2.dylib", NULL};
    const struct vanta_library_symbol symbols[] = {
        {"archive_read_new", &library.read_new},
        {"archive_read_free", &library.read_free},
        {"archive_read_support_filter_gzip", &library.support_gzip},
        {"archive_read_support_format_tar", &library.support_tar},
        {"archive_read_support_format_zip", &library.support_zip},
        {"archive_read_set_format_option", &library.set_format_option},
        {"archive_read_set_callback_data", &library.set_callback_data},
        {"archive_read_set_read_callback", &library.set_read_callback},
        {"archive_read_set_seek_callback", &library.set_seek_callback},
        {"archive_read_set_skip_callback", &library.set_skip_callback},
        {"archive_read_open1", &library.open},
        {"archive_read_next_header", &library.next_header},
        {"archive_read_data_block", &library.data_block},
        {"archive_read_data_skip", &library.data_skip},
        {"archive_format", &library.format},
        {"archive_error_string", &library.error_string},
        {"archive_entry_pathname", &library.pathname},
        {"archive_entry_filetype", &library.filetype},
        {"archive_entry_hardlink", &library.hardlink},
        {"archive_entry_size", &library.size},
        {"archive_entry_size_is_set", &library.size_is_set},
        {"archive_entry_is_data_encrypted", &library.is_encrypted},
    };

    vanta_library_load(names, "libarchive", symbols, sizeof symbols / sizeof symbols[0],
                       &load_error);
}

const struct vanta_archive_library *vanta_archive_library(struct vanta_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    if (load_error.status == VANTA_OK)
        return &library;
    vanta_fail(err, load_error.status, "%s", load_error.message);
    vanta_hint(err, "%s", load_error.hint);
    return NULL;
}

static void load_locale(void)
{
    static const char *const names[] = {"C.UTF-8", "en_US.UTF-8", "UTF-8"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0] && !utf8; i++)
        utf8 = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
}

locale_t vanta_archive_locale_enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load_locale);
    return uselocale(utf8);
}

void vanta_archive_locale_leave(locale_t before)
{
    uselocale(before);
}
