/* JSON as we read it is JSON as jansson reads it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *ours = NULL, *theirs;
    struct vanta_error err = {0};
    json_error_t where;
    char *a, *b;

    theirs = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &where);
    if ((vanta_json_load(data, size, "x", &ours, &err) == VANTA_OK) != (theirs != NULL))
        abort();
    if (!theirs)
        return 0;
    /* The dump also has the order of keys and the kind of numbers. */
    a = json_dumps(ours, JSON_COMPACT);
    b = json_dumps(theirs, JSON_COMPACT);
    if (!a || !b || strcmp(a, b) != 0 || !json_equal(ours, theirs))
        abort();
    free(a);
    free(b);
    json_decref(ours);
    json_decref(theirs);
    return 0;
}
