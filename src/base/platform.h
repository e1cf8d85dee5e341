/*
 * platform.h - what Linux and macOS do differently, behind one name each.
 *
 * Also: what this machine is (for plans, doctor and test receipts). Sizes are bytes.
 */
#ifndef VANTA_BASE_PLATFORM_H
#define VANTA_BASE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* fsync that reaches the disk (F_FULLFSYNC on macOS). As fsync(2). */
int vanta_platform_fsync(int fd);
/* Starts the writing of these bytes to the disk and does not wait for it: a later fsync
 * has less to do. Does nothing where there is no way. */
void vanta_platform_write_back(int fd, uint64_t pos, uint64_t len);
/* Takes room on the disk for a file of so many bytes, whose size stays as it is. Best
 * effort: a file system that cannot is as good, and a full disk shows when it is written. */
void vanta_platform_reserve(int fd, uint64_t bytes);
/* Names this run of the system, "" when it does not say: what was written but not synced
 * is still there as long as it is the same. */
#define VANTA_BOOT_MAX 64
void vanta_platform_boot(char out[VANTA_BOOT_MAX]);
/* rename(2) that fails with EEXIST when to exists. */
int vanta_platform_rename_new(const char *from, const char *to);
/* Makes out (empty, open for writing) a reflink of in; false when that is not possible
 * here, with out still empty. */
bool vanta_platform_clone(int in, int out);
/* Tells the kernel that fd will be read once, in order. */
void vanta_platform_read_ahead(int fd);
/* Of the len bytes at pos (a multiple of the page size), those that are in memory; len
 * when the system does not say. */
size_t vanta_platform_cached_bytes(int fd, uint64_t pos, size_t len);
/* Tells the kernel that these bytes are wanted soon, and that they are not any more. */
void vanta_platform_want(int fd, uint64_t pos, size_t len);
void vanta_platform_forget(int fd, uint64_t pos, size_t len);

struct vanta_machine {
    char os[64];         /* "Linux 6.1.0", "macOS 15.1" */
    char arch[32];       /* "x86_64", "arm64" */
    char cpu[128];       /* "Apple M4 Pro"; "unknown" when the system does not say */
    unsigned cores;      /* that this process may use */
    uint64_t ram;        /* of the machine */
    uint64_t ram_limit;  /* of the container (cgroup), 0: none */
    uint64_t ram_usable; /* the smaller of the two */
    uint64_t ram_free;   /* usable without swapping, now */
};

void vanta_machine_read(struct vanta_machine *machine);

/* Absolute path of the running program; false when the system does not say. */
bool vanta_platform_self(char *out, size_t size);

/* Holds off idle sleep until released, where the system has a way (systemd-inhibit or
 * caffeinate as a child of ours that ends with us); token is 0 when there is none. */
int64_t vanta_platform_stay_awake(const char *why);
void vanta_platform_may_sleep(int64_t token);

#endif
