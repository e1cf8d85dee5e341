/* planted.c - a library under the name of one of ggml's backends: it tells when it is
 * loaded. */
#include <stdio.h>

__attribute__((constructor)) static void tell(void)
{
    fputs("the planted library was loaded\n", stderr);
    fflush(stderr);
}
