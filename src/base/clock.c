#include "base/clock.h"

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

static int days_of_month(int y, int mon)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[mon - 1] + (mon == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

static bool seconds_of(int y, int mon, int d, int h, int min, int s, int64_t *out)
{
    if (y < 1970 || y > 9999 || mon < 1 || mon > 12 || d < 1 ||
        d > days_of_month(y, mon) || h > 23 || min > 59 || s > 60)
        return false;
    *out = days_from_civil(y, mon, d) * 86400 + h * 3600 + min * 60 + s;
    return true;
}

/* Takes exactly n digits and then the characters of behind (scanf would take signs and
 * spaces as well); NULL when they are not there. text may be NULL. */
static const char *take(const char *text, int n, int *out, const char *behind)
{
    size_t len = strlen(behind);

    for (*out = 0; text && n > 0; n--, text++) {
        if (*text < '0' || *text > '9')
            return NULL;
        *out = *out * 10 + (*text - '0');
    }
    return text && strncmp(text, behind, len) == 0 ? text + len : NULL;
}

bool vanta_time_parse_rfc3339(const char *text, int64_t *seconds)
{
    int y, mon, d, h, min, s, oh, om, sign;
    const char *p = text;

    p = take(p, 4, &y, "-");
    p = take(p, 2, &mon, "-");
    p = take(p, 2, &d, "T");
    p = take(p, 2, &h, ":");
    p = take(p, 2, &min, ":");
    p = take(p, 2, &s, "");
    if (!p || !seconds_of(y, mon, d, h, min, s, seconds))
        return false;
    if (*p == '.') {
        size_t digits = strspn(p + 1, "0123456789");

        if (digits == 0)
            return false;
        p += 1 + digits;
    }
    if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
        return true;
    if (*p != '+' && *p != '-')
        return false;
    sign = *p == '+' ? 1 : -1;
    p = take(p + 1, 2, &oh, ":");
    p = take(p, 2, &om, "");
    if (!p || *p || oh > 23 || om > 59)
        return false;
    *seconds -= sign * (oh * 3600 + om * 60);
    return true;
}

/* The one form that servers write today, RFC 9110's IMF-fixdate. */
bool vanta_time_parse_http(const char *text, int64_t *seconds)
{
    static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
    const char *p = strchr(text, ','), *found;
    char month[5] = "";
    int d, y, h, min, s;

    if (!p || p - text != 3 || p[1] != ' ')
        return false;
    p = take(p + 2, 2, &d, " ");
    if (!p || strlen(p) < 4)
        return false;
    memcpy(month, p, 4);
    found = strstr(months, month);
    if (!found || month[3] != ' ' || (found - months) % 4 != 0)
        return false;
    p = take(p + 4, 4, &y, " ");
    p = take(p, 2, &h, ":");
    p = take(p, 2, &min, ":");
    p = take(p, 2, &s, " GMT");
    return p && *p == '\0' &&
           seconds_of(y, (int)(found - months) / 4 + 1, d, h, min, s, seconds);
}
