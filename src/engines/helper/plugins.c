#define _GNU_SOURCE /* dladdr */
#include "engines/helper/plugins.h"

#include <dlfcn.h>
#include <ggml-backend.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"

/* The folder that libggml itself was loaded from; "" when the system does not say. */
static void library_folder(char folder[VANTA_PATH_MAX])
{
    Dl_info info;
    void *address;
    char *slash;

    folder[0] = '\0';
    address = dlsym(RTLD_DEFAULT, "ggml_backend_load_all");
    if (!address || !dladdr(address, &info) || !info.dli_fname ||
        strlen(info.dli_fname) >= VANTA_PATH_MAX)
        return;
    strcpy(folder, info.dli_fname);
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    else
        folder[0] = '\0';
}

static bool has_processor(void)
{
    return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) != NULL;
}

enum vanta_status plugins_load(struct vanta_error *err)
{
    char folder[VANTA_PATH_MAX];

    ggml_backend_load_all();
    /* The place that was compiled in is where the engines were built for; after `make
     * install` or a move they lie beside libggml. */
    if (!has_processor()) {
        library_folder(folder);
        if (folder[0])
            ggml_backend_load_all_from_path(folder);
    }
    if (has_processor())
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_TOOL, "ggml has no backend for this processor");
    vanta_hint(err, "build the engines anew: make engine");
    return VANTA_ERR_TOOL;
}
