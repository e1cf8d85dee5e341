#include "cli/speed.h"

#include "base/text.h"
#include "cli/output.h"

#define CONNECTIONS_MAX 32
/* Less would time out where it is meant to go on. */
#define RATE_MIN 1000

bool speed_parse(const char *command, struct speed_options *speed, int *code)
{
    uint64_t bytes = 0;

    if (speed->connections > CONNECTIONS_MAX) {
        *code = usage_error(command, "--connections is at most %d", CONNECTIONS_MAX);
        return false;
    }
    if (speed->rate && (!vanta_size_parse(speed->rate, &bytes) || bytes < RATE_MIN ||
                        bytes > INT64_MAX)) {
        *code = usage_error(command, "--limit-rate %s: bytes a second are wanted, as 500k "
                                     "or 2M, 1k at least",
                            speed->rate);
        return false;
    }
    speed->bytes_per_second = (int64_t)bytes;
    return true;
}
