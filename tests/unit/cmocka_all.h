/* cmocka_all.h - cmocka.h with the headers it asks for, in the order it asks for. */
#ifndef VANTA_TESTS_CMOCKA_ALL_H
#define VANTA_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
