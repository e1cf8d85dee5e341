/* doctor_engine.c - the inference engines: are they there, and what can they use here? */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/platform.h"
#include "base/text.h"
#include "engines/engine.h"
#include "models/doctor_private.h"
#include "models/engine_words.h"
#include "models/fit.h"

static void ask_engine(struct doctor *d)
{
    struct vanta_engine_options options = {.kind = VANTA_ENGINE_NONE,
                                           .cancel = d->options->cancel};
    const struct vanta_engine_info *info;
    struct vanta_engine *engine = NULL;
    struct vanta_error err = {0};
    json_t *devices = NULL;
    char list[600], cores[128], features[400];

    if (vanta_engine_open(&engine, &options, &err) != VANTA_OK ||
        vanta_engine_devices(engine, &devices, &err) != VANTA_OK) {
        doctor_say(d, VANTA_CHECK_FAIL, "engines", "%s", err.message);
        doctor_remedy(d, "%s", err.hint[0] ? err.hint : "Build them anew: make engine");
        vanta_engine_close(engine);
        return;
    }
    info = vanta_engine_info(engine);
    vanta_devices_text(devices, list, sizeof list);
    vanta_cores_text(devices, cores, sizeof cores);
    vanta_features_text(devices, features, sizeof features);
    doctor_say(d, VANTA_CHECK_OK, "engines", "%s", info->build);
    doctor_say(d, VANTA_CHECK_OK, "devices", "%s", list[0] ? list : "none reported");
    if (cores[0] || features[0])
        doctor_say(d, VANTA_CHECK_OK, "cores", "%s%s%s", cores,
                   cores[0] && features[0] ? "; the engines use " : "", features);
    if (strcmp(info->sandbox, "none") == 0 || !info->sandbox[0]) {
        doctor_say(d, VANTA_CHECK_WARN, "sandbox",
                   "the engines' helper cannot be confined on this system");
        doctor_remedy(d, "Only run models whose files you trust.");
    } else {
        doctor_say(d, VANTA_CHECK_OK, "sandbox", "the helper is confined by %s",
                   info->sandbox);
    }
    json_decref(devices);
    vanta_engine_close(engine);
}

static void check_fit(struct doctor *d)
{
    const struct vanta_doctor_options *o = d->options;
    struct vanta_machine machine;
    struct vanta_fit fit;
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX];

    if (!d->registry || !o->root)
        return;
    vanta_machine_read(&machine);
    vanta_fit_registry(o->root, d->registry, o->catalog, &machine, &fit);
    if (fit.n == 0)
        return;
    doctor_say(d, fit.fits ? VANTA_CHECK_OK : VANTA_CHECK_WARN, "fit",
               "the models here, the largest of each type, need %s together%s; %s can be "
               "had",
               vanta_size_text(fit.needed, needed),
               fit.all_measured ? "" : " (estimated before their test)",
               vanta_size_text(fit.available, have));
    if (!fit.fits)
        doctor_remedy(d, "%s", fit.advice);
}

void doctor_engine(struct doctor *d)
{
    struct vanta_error err = {0};
    char program[4096];

    if (vanta_engine_find(program, &err) != VANTA_OK) {
        doctor_say(d, VANTA_CHECK_WARN, "engines", "%s", err.message);
        doctor_remedy(d, "%s", err.hint[0] ? err.hint : "Build them: make engine");
    } else {
        ask_engine(d);
    }
    check_fit(d);
}
