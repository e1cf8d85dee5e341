#include "models/tidy.h"

#include "base/file.h"
#include "base/lock.h"
#include "base/path.h"
#include "base/text.h"

void vanta_model_tidy(const char *root, enum vanta_model_type type, const char *id)
{
    char path[VANTA_PATH_MAX], lock_path[VANTA_PATH_MAX];
    const char *folder = vanta_type_folder(type);
    struct vanta_lock lock = {0};

    if (!vanta_format(path, sizeof path, "%s/%s/.%s.partial", root, folder, id) ||
        !vanta_format(lock_path, sizeof lock_path, "%s/%s/.%s.lock", root, folder, id) ||
        !vanta_file_is_dir(path) || vanta_path_inside(root, path, NULL) != VANTA_OK ||
        vanta_lock_acquire(&lock, lock_path, 0, NULL, NULL, NULL, NULL) != VANTA_OK)
        return;
    (void)vanta_remove_tree(path, NULL);
    vanta_lock_release(&lock);
}
