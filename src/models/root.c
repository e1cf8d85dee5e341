/* root.c - where the models are. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry.h"

/* From the current folder upwards. */
static bool find_upwards(char root[VANTA_PATH_MAX])
{
    char at[VANTA_PATH_MAX], registry[VANTA_PATH_MAX], up[VANTA_PATH_MAX];

    if (!getcwd(at, sizeof at))
        return false;
    for (;;) {
        if (vanta_path_join(registry, at, "models/registry") &&
            vanta_file_is_dir(registry))
            return vanta_path_join(root, at, "models");
        if (strcmp(at, "/") == 0 || !vanta_path_parent(up, at))
            return false;
        memcpy(at, up, sizeof at);
    }
}

static enum vanta_status take(const char *path, const char *reason, char root[4096],
                              const char **why, struct vanta_error *err)
{
    if (!vanta_path_absolute(root, path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    *why = reason;
    return VANTA_OK;
}

enum vanta_status vanta_root_find(const char *given, char root[4096], const char **why,
                                  struct vanta_error *err)
{
    const char *variable = getenv("VANTA_MODELS_DIR"), *clone = getenv("VANTA_CLONE_DIR");
    char path[VANTA_PATH_MAX], data[VANTA_PATH_MAX];

    if (given && !*given)
        return vanta_fail(err, VANTA_ERR_USAGE, "--models-dir is empty");
    if (given)
        return take(given, "from --models-dir", root, why, err);
    if (variable && *variable)
        return take(variable, "from VANTA_MODELS_DIR", root, why, err);
    if (find_upwards(path))
        return take(path, "found from the current folder", root, why, err);
    if (clone && *clone) {
        if (!vanta_path_join(path, clone, "models"))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", clone);
        return take(path, "the clone's own", root, why, err);
    }
    if (vanta_path_xdg_data(data) && vanta_path_join(path, data, "vanta/models"))
        return take(path, "the default", root, why, err);
    vanta_fail(err, VANTA_ERR_USAGE, "no models folder: neither HOME nor XDG_DATA_HOME "
                                     "is set");
    vanta_hint(err, "Name it with --models-dir or VANTA_MODELS_DIR.");
    return VANTA_ERR_USAGE;
}
