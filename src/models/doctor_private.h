/*
 * doctor_private.h - what the files behind doctor.h share; not for other modules.
 *
 * doctor.c: the folder, the machine and the report; doctor_network.c: where models can
 * come from; doctor_models.c: the registry, the models, and what was left lying about.
 */
#ifndef VANTA_MODELS_DOCTOR_PRIVATE_H
#define VANTA_MODELS_DOCTOR_PRIVATE_H

#include "models/doctor.h"
#include "models/registry.h"

struct doctor {
    const struct vanta_doctor_options *options;
    struct vanta_doctor_report *report;
    struct vanta_registry *registry; /* NULL: none, or it could not be read */
    bool no_memory;
    struct doctor_questions *asked; /* NULL: nothing could be asked */
};

/* Adds a line; the remedy belongs to the last one added. */
void doctor_say(struct doctor *d, enum vanta_check_level level, const char *topic,
                const char *fmt, ...) VANTA_PRINTF(4, 5);
void doctor_remedy(struct doctor *d, const char *fmt, ...) VANTA_PRINTF(2, 3);

/* Asks hub and indexes on threads, while other checks run; doctor_network waits for the
 * answers and tells. */
void doctor_network_ask(struct doctor *d);
void doctor_network(struct doctor *d);
/* Reads the registry too, which other checks then use. */
void doctor_registry(struct doctor *d);
void doctor_leftovers(struct doctor *d);
void doctor_models(struct doctor *d);
/* The inference helper, and whether the models fit together. */
void doctor_engine(struct doctor *d);

/* Address of a proxy without user name and password: "HOST:PORT". */
void doctor_proxy_shown(const char *value, char *out, size_t size);

#endif
