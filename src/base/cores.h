/*
 * cores.h - the processors that this process may use, by class.
 *
 * Linux: the affinity mask, /sys/devices/system/cpu (topology, cpu_capacity, the hybrid
 * lists of Intel), the CPU quota of the cgroup and those above it. macOS: hw.perflevel*.
 * Not responsible for how busy they are. Cost: a few small files a processor.
 */
#ifndef VANTA_BASE_CORES_H
#define VANTA_BASE_CORES_H

#include <stddef.h>

struct vanta_cores {
    unsigned usable;      /* processors as the system counts them, hyper-threads too */
    unsigned physical;    /* cores among them */
    unsigned performance; /* physical cores of the fast class; all when there is one */
    double quota;         /* processors' worth of time that a container gives; 0: all */
};

void vanta_cores_read(struct vanta_cores *cores);

/* What is best for arithmetic: one thread for each performance core, no more than the
 * quota gives; at least 1. */
unsigned vanta_cores_threads(const struct vanta_cores *cores);

/* For tests: as Linux has it, of the n processors of cpus, with root ("" for the real
 * one) before every path. */
void vanta_cores_read_below(const char *root, const unsigned *cpus, size_t n,
                            struct vanta_cores *cores);

#endif
