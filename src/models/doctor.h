/*
 * doctor.h - is this machine fit for its models, and if not, what helps?
 *
 *     struct vanta_doctor_options options = {.root = root, .catalog = catalog};
 *     struct vanta_doctor_report report;
 *     vanta_doctor_run(&options, &report, err);
 *     vanta_doctor_free(&report);
 *
 * Looks and tells; changes nothing, hashes nothing. Works with whatever is broken: a
 * missing or unwritable root, a damaged registry, no catalog. Keys and tokens are never
 * part of a text, nor are credentials of proxies. At most a few connections with short
 * time limits, made on threads of its own while the other checks run; none when offline.
 * One caller.
 */
#ifndef VANTA_MODELS_DOCTOR_H
#define VANTA_MODELS_DOCTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "models/catalog.h"
#include "vanta_error.h"

enum vanta_check_level {
    VANTA_CHECK_OK,
    VANTA_CHECK_WARN, /* something is off, or will be; nothing breaks now */
    VANTA_CHECK_FAIL  /* something does not work */
};

/* "ok", "warn", "fail". */
const char *vanta_check_level_name(enum vanta_check_level level);

struct vanta_check {
    enum vanta_check_level level;
    const char *topic; /* "disk"; static */
    char *text;        /* one line: what was found */
    char *remedy;      /* what to do; NULL: nothing */
};

struct vanta_doctor_options {
    const char *root; /* NULL: none was found, and root_error says why */
    const char *root_why;
    const struct vanta_error *root_error;
    const struct vanta_catalog *catalog; /* NULL: catalog_error says why */
    const struct vanta_error *catalog_error;
    bool offline;
    const atomic_bool *cancel; /* may be NULL */
};

struct vanta_doctor_report {
    struct vanta_check *checks;
    size_t n, warnings, failures;
};

/* VANTA_ERR_NO_MEMORY; what was found is in the report, whatever it is. */
enum vanta_status vanta_doctor_run(const struct vanta_doctor_options *options,
                                   struct vanta_doctor_report *report,
                                   struct vanta_error *err);
void vanta_doctor_free(struct vanta_doctor_report *report); /* zeroed is fine */

#endif
