/* load_planted.c - loads the library that it is given: shows that planted.c tells. */
#include <dlfcn.h>

int main(int argc, char **argv)
{
    return argc == 2 && dlopen(argv[1], RTLD_NOW) ? 0 : 1;
}
