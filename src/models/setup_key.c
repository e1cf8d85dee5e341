/* setup_key.c - is the key of an API one that its server takes? */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engines/speech.h"
#include "models/setup_internal.h"

/* One short question: a set-up does not wait for a server that does not answer. */
#define CONNECT_MS 4000
#define STALL_MS 6000
#define DEADLINE_MS 15000

static void tell(struct vanta_setup *setup, const struct setup_work *work,
                 const struct vanta_error *err)
{
    const char *id = work->item->model->id;

    switch (err->status) {
    case VANTA_ERR_NOT_FOUND:
    case VANTA_ERR_AUTH:
    case VANTA_ERR_USAGE:
        setup_warning(setup, work->item, "warning: %s: %s%s%s", id, err->message,
                      err->hint[0] ? ": " : "", err->hint);
        break;
    case VANTA_ERR_CANCELLED:
        break;
    default:
        setup_notice(setup, work->item, "%s: the key was not checked: %s", id, err->message);
    }
}

void setup_check_key(struct vanta_setup *setup, const struct setup_work *work)
{
    const struct vanta_catalog_model *model = work->item->model;
    struct vanta_speech_options options = {.key_variable = model->key_variable,
                                           .connect_timeout_ms = CONNECT_MS,
                                           .stall_timeout_ms = STALL_MS,
                                           .deadline_ms = DEADLINE_MS,
                                           .attempts_max = 1,
                                           .cancel = setup->options.cancel};
    struct vanta_speech *speech = NULL;
    struct vanta_error err = {0};
    enum vanta_status status;

    if (!model->provider || !vanta_streq_nocase(model->provider, "openai"))
        return;
    status = vanta_speech_new(&options, &speech, &err);
    if (status == VANTA_ERR_NOT_FOUND)
        return; /* none is set: the summary says so */
    if (status == VANTA_OK && setup->options.offline) {
        vanta_speech_free(speech);
        return;
    }
    if (status == VANTA_OK)
        status = vanta_speech_check_key(speech, model->id, &err);
    if (status == VANTA_OK)
        setup_notice(setup, work->item,
                     "%s: %s takes the key from %s (a free request; nothing was spoken)",
                     model->id, vanta_speech_origin(speech), vanta_speech_key_from(speech));
    else
        tell(setup, work, &err);
    vanta_speech_free(speech);
}
