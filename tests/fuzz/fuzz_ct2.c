/* Any bytes as a model.bin: the reader, and the plan that judges what it read. */
#include "convert/ct2.h"
#include "convert/whisper_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_error err = {0}, refused = {0};
    struct vanta_whisper_plan plan;
    struct vanta_ct2 model;
    struct vanta_cursor c;

    vanta_cursor_memory(&c, data, size, "input");
    if (vanta_ct2_read(&c, &model, &err) == VANTA_OK) {
        if (vanta_whisper_plan_make(&model, "input", &plan, &refused) == VANTA_OK)
            vanta_whisper_plan_free(&plan);
        vanta_ct2_free(&model);
    }
    vanta_cursor_close(&c);
    return 0;
}
