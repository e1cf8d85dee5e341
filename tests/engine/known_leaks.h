/* known_leaks.h - what libraries forget, so that the leak check sees ours alone. */
#ifndef VANTA_TESTS_KNOWN_LEAKS_H
#define VANTA_TESTS_KNOWN_LEAKS_H

/* Visible, since the sanitizer's library looks for it by name. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

/* libsndfile 1.2.0 forgets the setup of a Vorbis stream that ends within its headers. */
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\n";
}

#endif
