#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "base/cores.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "base/path.h"
#include "base/text.h"

/* Cores of at least this share of the fastest one's capacity are of its class: a chip
 * with one fastest core has others that are nearly so. */
#define FAST_SHARE 0.6

static bool first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    bool found = file && fgets(out, (int)size, file);

    if (file)
        fclose(file);
    if (found)
        out[strcspn(out, "\n")] = '\0';
    return found;
}

/* The first number of a processor's file, or otherwise. */
static long cpu_number(const char *root, unsigned cpu, const char *name, long otherwise)
{
    char path[VANTA_PATH_MAX], line[256];

    if (!vanta_format(path, sizeof path, "%s/sys/devices/system/cpu/cpu%u/%s", root, cpu,
                      name) ||
        !first_line(path, line, sizeof line))
        return otherwise;
    return strtol(line, NULL, 10);
}

/* Whether cpu is in a list as "0-3,8". */
static bool in_list(const char *list, unsigned cpu)
{
    while (*list) {
        char *end;
        unsigned long from = strtoul(list, &end, 10), to = from;

        if (end == list)
            return false;
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        if (cpu >= from && cpu <= to)
            return true;
        if (*end != ',')
            return false;
        list = end + 1;
    }
    return false;
}

/* Processors with the same first sibling share a core. */
static bool is_first_of_core(const char *root, const unsigned *cpus, size_t i)
{
    long core = cpu_number(root, cpus[i], "topology/thread_siblings_list", cpus[i]);
    size_t j;

    for (j = 0; j < i; j++)
        if (cpu_number(root, cpus[j], "topology/thread_siblings_list", cpus[j]) == core)
            return false;
    return true;
}

static void read_classes(const char *root, const unsigned *cpus, size_t n,
                         struct vanta_cores *cores)
{
    char path[VANTA_PATH_MAX], fast[1024] = "";
    long capacity, most = 0;
    size_t i;

    if (vanta_format(path, sizeof path, "%s/sys/devices/cpu_core/cpus", root))
        first_line(path, fast, sizeof fast);
    for (i = 0; i < n; i++) {
        capacity = cpu_number(root, cpus[i], "cpu_capacity", 0);
        most = capacity > most ? capacity : most;
    }
    for (i = 0; i < n; i++) {
        if (!is_first_of_core(root, cpus, i))
            continue;
        cores->physical++;
        capacity = cpu_number(root, cpus[i], "cpu_capacity", 0);
        if (fast[0] ? in_list(fast, cpus[i])
                    : (double)capacity >= FAST_SHARE * (double)most)
            cores->performance++;
    }
}

static double quota_of(const char *path)
{
    char line[128], *end;
    double quota, period;

    if (!first_line(path, line, sizeof line))
        return 0;
    quota = strtod(line, &end);
    if (end == line) /* "max" */
        return 0;
    period = strtod(end, NULL);
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* cpu.max of the cgroup and of all above it: the least of them holds. */
static double read_quota(const char *root)
{
    char path[VANTA_PATH_MAX], group[VANTA_PATH_MAX / 2] = "", line[VANTA_PATH_MAX / 2];
    double least = 0, here, period;
    FILE *file;
    char *slash;

    if (!vanta_format(path, sizeof path, "%s/proc/self/cgroup", root) ||
        !(file = fopen(path, "r")))
        return 0;
    while (fgets(line, sizeof line, file))
        if (vanta_has_prefix(line, "0::"))
            vanta_format(group, sizeof group, "%s", line + 3);
    fclose(file);
    group[strcspn(group, "\n")] = '\0';
    do {
        if (vanta_format(path, sizeof path, "%s/sys/fs/cgroup%s/cpu.max", root, group)) {
            here = quota_of(path);
            if (here > 0 && (least <= 0 || here < least))
                least = here;
        }
        slash = strrchr(group, '/');
        if (slash)
            *slash = '\0';
    } while (slash);
    if (least > 0)
        return least;
    /* Version 1. */
    if (!vanta_format(path, sizeof path, "%s/sys/fs/cgroup/cpu/cpu.cfs_quota_us", root) ||
        !first_line(path, line, sizeof line))
        return 0;
    here = strtod(line, NULL);
    if (!vanta_format(path, sizeof path, "%s/sys/fs/cgroup/cpu/cpu.cfs_period_us",
                      root) ||
        !first_line(path, line, sizeof line))
        return 0;
    period = strtod(line, NULL);
    return here > 0 && period > 0 ? here / period : 0;
}

void vanta_cores_read_below(const char *root, const unsigned *cpus, size_t n,
                            struct vanta_cores *cores)
{
    memset(cores, 0, sizeof *cores);
    cores->usable = (unsigned)n;
    read_classes(root, cpus, n, cores);
    if (cores->performance == 0) /* none of the fast ones is ours */
        cores->performance = cores->physical;
    cores->quota = read_quota(root);
}

#if defined(__APPLE__)
static unsigned sysctl_number(const char *name, unsigned otherwise)
{
    int value = 0;
    size_t size = sizeof value;

    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value > 0 ? (unsigned)value
                                                                        : otherwise;
}
#endif

void vanta_cores_read(struct vanta_cores *cores)
{
#if defined(__linux__)
    unsigned cpus[CPU_SETSIZE];
    size_t n = 0, i;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                cpus[n++] = (unsigned)i;
        vanta_cores_read_below("", cpus, n, cores);
        return;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    memset(cores, 0, sizeof *cores);
    cores->usable = cores->physical = online > 0 ? (unsigned)online : 1;
#if defined(__APPLE__)
    cores->physical = sysctl_number("hw.physicalcpu", cores->usable);
    cores->performance = sysctl_number("hw.perflevel0.physicalcpu", cores->physical);
#else
    cores->performance = cores->physical;
#endif
}

unsigned vanta_cores_threads(const struct vanta_cores *cores)
{
    unsigned threads = cores->performance ? cores->performance : cores->physical, most;

    if (cores->quota > 0 && cores->quota < threads) {
        most = (unsigned)cores->quota;
        threads = cores->quota > most ? most + 1 : most;
    }
    return threads > 0 ? threads : 1;
}
