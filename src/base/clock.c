#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t vanta_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool vanta_clock_sleep_ms(int64_t ms, const atomic_bool *cancel)
{
    int64_t end = vanta_clock_ms() + ms, left;

    while ((left = end - vanta_clock_ms()) > 0) {
        int64_t slice = left < 50 ? left : 50;
        struct timespec pause = {0, (long)slice * 1000000};

        if (cancel && atomic_load(cancel))
            return false;
        nanosleep(&pause, NULL);
    }
    return !(cancel && atomic_load(cancel));
}

void vanta_time_now(char out[VANTA_TIME_TEXT_MAX])
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(out, VANTA_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar (months 1 to 12): years are
 * counted from March so that the leap day comes last. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era, year_of_era, day_of_year;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    year_of_era = y - era * 400;
    day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

static bool seconds_of(int y, int mon, int d, int h, int min, int s, int64_t *out)
{
    if (y < 1970 || y > 9999 || mon < 1 || mon > 12 || d < 1 || d > 31 || h < 0 ||
        h > 23 || min < 0 || min > 59 || s < 0 || s > 60)
        return false;
    *out = days_from_civil(y, mon, d) * 86400 + h * 3600 + min * 60 + s;
    return true;
}

bool vanta_time_parse_rfc3339(const char *text, int64_t *seconds)
{
    int y, mon, d, h, min, s, used = 0, oh = 0, om = 0;
    const char *p;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mon, &d, &h, &min, &s, &used) !=
            6 ||
        !seconds_of(y, mon, d, h, min, s, seconds))
        return false;
    p = text + used;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            continue;
    if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
        return true;
    if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d%n", &oh, &om, &used) == 2 &&
        p[1 + used] == '\0' && oh < 24 && om < 60) {
        *seconds -= (*p == '+' ? 1 : -1) * (oh * 3600 + om * 60);
        return true;
    }
    return false;
}

bool vanta_time_parse_http(const char *text, int64_t *seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4];
    const char *found;
    int d, y, h, min, s;

    if (sscanf(text, "%*3c, %2d %3s %4d %2d:%2d:%2d GMT", &d, month, &y, &h, &min, &s) !=
        6)
        return false;
    found = strstr(months, month);
    if (!found || (found - months) % 3 != 0)
        return false;
    return seconds_of(y, (int)(found - months) / 3 + 1, d, h, min, s, seconds);
}
