/* devices.c - what the engines can use here, as ggml reports it. */
#include <ggml-backend.h>
#include <string.h>

#include "base/cores.h"
#include "base/text.h"
#include "engines/helper/serve.h"

static const char *type_name(enum ggml_backend_dev_type type)
{
    switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU:
        return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU:
        return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU:
        return "integrated-gpu";
    case GGML_BACKEND_DEVICE_TYPE_ACCEL:
        return "accelerator";
    default:
        return "other";
    }
}

static bool is_gpu(ggml_backend_dev_t device)
{
    enum ggml_backend_dev_type type = ggml_backend_dev_type(device);

    return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

bool devices_have_gpu(void)
{
    size_t i;

    for (i = 0; i < ggml_backend_dev_count(); i++)
        if (is_gpu(ggml_backend_dev_get(i)))
            return true;
    return false;
}

void devices_in_use(bool no_gpu, int gpu_layers, char *out, size_t size)
{
    size_t i, used = 0;

    out[0] = '\0';
    for (i = 0; !no_gpu && gpu_layers != 0 && i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);

        if (is_gpu(device) &&
            vanta_format(out + used, size - used, "%s%s", used ? ", " : "",
                         ggml_backend_dev_name(device)))
            used = strlen(out);
    }
    if (used == 0)
        vanta_format(out, size, "CPU");
}

/* ggml's own list of what the processor has and the build uses: "AVX2": "1". */
static void add_features(json_t *features, ggml_backend_reg_t reg)
{
    ggml_backend_get_features_t get;
    struct ggml_backend_feature *feature;
    void *address = ggml_backend_reg_get_proc_address(reg, "ggml_backend_get_features");

    if (!address)
        return;
    memcpy(&get, &address, sizeof get);
    for (feature = get(reg); feature && feature->name; feature++)
        json_object_set_new(features, feature->name, json_string(feature->value));
}

static json_t *device_json(ggml_backend_dev_t device)
{
    size_t available = 0, total = 0;

    ggml_backend_dev_memory(device, &available, &total);
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", ggml_backend_dev_name(device),
                     "description", ggml_backend_dev_description(device), "type",
                     type_name(ggml_backend_dev_type(device)), "memory_bytes",
                     (json_int_t)total, "free_bytes", (json_int_t)available);
}

json_t *devices_json(const char *sandbox)
{
    json_t *backends = json_array(), *devices = json_array(), *features = json_object();
    struct vanta_cores cores;
    size_t i;

    vanta_cores_read(&cores);
    for (i = 0; i < ggml_backend_reg_count(); i++) {
        ggml_backend_reg_t reg = ggml_backend_reg_get(i);

        json_array_append_new(backends, json_string(ggml_backend_reg_name(reg)));
        add_features(features, reg);
    }
    for (i = 0; i < ggml_backend_dev_count(); i++)
        json_array_append_new(devices, device_json(ggml_backend_dev_get(i)));
    return json_pack("{s:o, s:o, s:o, s:{s:i, s:i, s:i, s:f}, s:s}", "backends", backends,
                     "devices", devices, "features", features, "cores", "usable",
                     (int)cores.usable, "physical", (int)cores.physical, "performance",
                     (int)cores.performance, "quota", cores.quota, "sandbox", sandbox);
}
