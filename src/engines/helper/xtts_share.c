#include "engines/helper/xtts_share.h"

#include <pthread.h>
#include <stdbool.h>

struct part {
    xtts_share_body *body;
    void *user;
    size_t low, high;
    pthread_t thread;
    bool started;
};

static void *run_part(void *user)
{
    struct part *p = user;

    p->body(p->user, p->low, p->high);
    return NULL;
}

void xtts_share(unsigned threads, size_t n, xtts_share_body *body, void *user)
{
    struct part parts[XTTS_SHARE_MAX];
    size_t count = threads < XTTS_SHARE_MAX ? threads : XTTS_SHARE_MAX;

    count = count < n ? count : n;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct part){.body = body, .user = user, .low = n * i / count,
                                 .high = n * (i + 1) / count};
        parts[i].started =
            i > 0 && pthread_create(&parts[i].thread, NULL, run_part, &parts[i]) == 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!parts[i].started)
            run_part(&parts[i]);
    for (size_t i = 0; i < count; i++)
        if (parts[i].started)
            pthread_join(parts[i].thread, NULL);
}
