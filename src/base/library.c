#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

enum vanta_status vanta_library_load(const char *const *names, const char *package,
                                     const struct vanta_library_symbol *symbols, size_t n,
                                     struct vanta_error *err)
{
    void *library = NULL, *symbol;
    const char *reason;
    size_t i;

    for (i = 0; names[i] && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        reason = dlerror();
        vanta_fail(err, VANTA_ERR_TOOL, "the library %s cannot be loaded: %s", package,
                   reason ? reason : "no reason given");
        vanta_hint(err, "install %s with the system's package manager", package);
        return VANTA_ERR_TOOL;
    }
    for (i = 0; i < n; i++) {
        symbol = dlsym(library, symbols[i].name);
        if (!symbol)
            return vanta_fail(err, VANTA_ERR_TOOL, "%s has no %s: it is too old", package,
                              symbols[i].name);
        memcpy(symbols[i].slot, &symbol, sizeof symbol);
    }
    return VANTA_OK;
}
