#include "vanta.h"

const char *vanta_version(void)
{
    return VANTA_VERSION;
}
