#include "base/path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

bool vanta_path_join(char out[VANTA_PATH_MAX], const char *a, const char *b)
{
    size_t n = strlen(a), more = strlen(b);
    bool slash = n > 0 && a[n - 1] != '/';

    if ((n && b[0] == '/') || n + slash + more >= VANTA_PATH_MAX) {
        out[0] = '\0';
        return false;
    }
    memcpy(out, a, n);
    if (slash)
        out[n++] = '/';
    memcpy(out + n, b, more + 1);
    return true;
}

bool vanta_path_join3(char out[VANTA_PATH_MAX], const char *a, const char *b,
                      const char *c)
{
    char ab[VANTA_PATH_MAX];

    out[0] = '\0';
    return vanta_path_join(ab, a, b) && vanta_path_join(out, ab, c);
}

bool vanta_path_parent(char out[VANTA_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash)
        return vanta_format(out, VANTA_PATH_MAX, ".");
    if (len == 0)
        len = 1;
    if (len >= VANTA_PATH_MAX) {
        out[0] = '\0';
        return false;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return true;
}

const char *vanta_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool vanta_path_is_safe(const char *path)
{
    char printable[VANTA_PATH_MAX];
    const char *p = path;

    if (!*path || strlen(path) > 1000 || strchr(path, '\\'))
        return false;
    vanta_text_printable(path, printable, sizeof printable);
    if (strcmp(path, printable) != 0)
        return false;
    for (;;) {
        size_t len = strcspn(p, "/");

        if (len == 0 || len > 255 || (len == 1 && p[0] == '.') ||
            (len == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        if (!p[len])
            return true;
        p += len + 1;
    }
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool vanta_id_is_valid(const char *id)
{
    size_t i;

    if (!is_alnum(id[0]))
        return false;
    for (i = 1; id[i]; i++)
        if (i >= VANTA_ID_MAX || !(is_alnum(id[i]) || strchr("._-", id[i])))
            return false;
    return true;
}

/* realpath of path or of its nearest parent that exists; false sets errno. What does not
 * exist is refused where it would lead elsewhere once it does: a link to nowhere (creating
 * through it creates at its target) and "..". */
static bool resolve_existing(char out[VANTA_PATH_MAX], const char *path)
{
    char at[VANTA_PATH_MAX], up[VANTA_PATH_MAX];
    struct stat st;

    if (!vanta_format(at, sizeof at, "%s", path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (;;) {
        char *real = realpath(at, NULL);

        if (real) {
            bool fits = vanta_format(out, VANTA_PATH_MAX, "%s", real);

            free(real);
            errno = ENAMETOOLONG;
            return fits;
        }
        if (errno != ENOENT || (lstat(at, &st) == 0 && S_ISLNK(st.st_mode)))
            return false;
        if (strcmp(vanta_path_base(at), "..") == 0) {
            errno = EINVAL;
            return false;
        }
        if (!vanta_path_parent(up, at) || strcmp(up, at) == 0)
            return false;
        memcpy(at, up, sizeof at);
    }
}

enum vanta_status vanta_path_inside(const char *root, const char *path,
                                    struct vanta_error *err)
{
    char real_root[VANTA_PATH_MAX], real[VANTA_PATH_MAX];
    size_t n;

    if (!resolve_existing(real_root, root))
        return vanta_fail_errno(err, errno, "%s", root);
    if (!resolve_existing(real, path))
        return vanta_fail_errno(err, errno, "%s", path);
    n = strlen(real_root);
    if (strncmp(real, real_root, n) == 0 &&
        (real[n] == '/' || real[n] == '\0' || strcmp(real_root, "/") == 0))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_FORMAT, "%s leads out of %s, to %s", path, root,
                      real);
}

bool vanta_path_absolute(char out[VANTA_PATH_MAX], const char *path)
{
    char full[VANTA_PATH_MAX * 2], cwd[VANTA_PATH_MAX];
    char *part, *save = NULL;
    size_t len = 0;

    if (path[0] == '/') {
        if (!vanta_format(full, sizeof full, "%s", path))
            return false;
    } else if (!getcwd(cwd, sizeof cwd) ||
               !vanta_format(full, sizeof full, "%s/%s", cwd, path)) {
        return false;
    }
    out[0] = '\0';
    for (part = strtok_r(full, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (len > 0 && out[--len] != '/')
                continue;
            out[len] = '\0';
            continue;
        }
        if (!vanta_format(out + len, VANTA_PATH_MAX - len, "/%s", part)) {
            out[0] = '\0';
            return false;
        }
        len += strlen(out + len);
    }
    if (len == 0)
        memcpy(out, "/", 2);
    return true;
}

static bool xdg(char out[VANTA_PATH_MAX], const char *variable, const char *below_home)
{
    const char *value = getenv(variable), *home = getenv("HOME");

    if (value && value[0] == '/')
        return vanta_format(out, VANTA_PATH_MAX, "%s", value);
    if (!home || home[0] != '/')
        return false;
    return vanta_path_join(out, home, below_home);
}

bool vanta_path_xdg_data(char out[VANTA_PATH_MAX])
{
    return xdg(out, "XDG_DATA_HOME", ".local/share");
}

bool vanta_path_xdg_config(char out[VANTA_PATH_MAX])
{
    return xdg(out, "XDG_CONFIG_HOME", ".config");
}

bool vanta_path_xdg_cache(char out[VANTA_PATH_MAX])
{
    return xdg(out, "XDG_CACHE_HOME", ".cache");
}
