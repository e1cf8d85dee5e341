/* llama_quantize.c - the request "quantize": a GGUF in another quantization, by
 * llama.cpp, which reads and writes the files itself. It cannot be stopped on its way: a
 * cancel ends the process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engines/helper/llama_private.h"

static const struct vanta_json_doc request_doc = {"request"};

static const struct {
    const char *name;
    enum llama_ftype type;
} types[] = {
    {"F32", LLAMA_FTYPE_ALL_F32},           {"F16", LLAMA_FTYPE_MOSTLY_F16},
    {"BF16", LLAMA_FTYPE_MOSTLY_BF16},      {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},
    {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K},      {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M},
    {"Q5_K_S", LLAMA_FTYPE_MOSTLY_Q5_K_S},  {"Q5_1", LLAMA_FTYPE_MOSTLY_Q5_1},
    {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},      {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M},
    {"Q4_K_S", LLAMA_FTYPE_MOSTLY_Q4_K_S},  {"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1},
    {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},      {"Q3_K_L", LLAMA_FTYPE_MOSTLY_Q3_K_L},
    {"Q3_K_M", LLAMA_FTYPE_MOSTLY_Q3_K_M},  {"Q3_K_S", LLAMA_FTYPE_MOSTLY_Q3_K_S},
    {"Q2_K", LLAMA_FTYPE_MOSTLY_Q2_K},
};

static bool type_named(const char *name, enum llama_ftype *type)
{
    size_t i;

    for (i = 0; i < sizeof types / sizeof types[0]; i++)
        if (vanta_streq_nocase(types[i].name, name)) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* llama.cpp logs "[  12/ 291] blk.0.attn_q.weight ..." as it begins a tensor. */
static void log_tensor(enum ggml_log_level level, const char *text, void *user)
{
    int at, of;

    (void)level;
    if (sscanf(text, "[%d/%d]", &at, &of) == 2 && of > 0 && at > 0)
        job_progress(user, (double)(at - 1) / of);
    fputs(text, stderr);
}

static void log_plain(enum ggml_log_level level, const char *text, void *user)
{
    log_sizes_callback((int)level, text, user);
}

enum vanta_status llm_quantize(void *state, struct job *job, struct answer *answer,
                               struct vanta_error *err)
{
    struct llama_model_quantize_params params = llama_model_quantize_default_params();
    const char *path = NULL, *output = NULL, *name = NULL;
    int64_t threads = 0;
    enum vanta_status status =
        vanta_json_string(&request_doc, job->request, "", "path", true, &path, err);

    (void)state;
    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, job->request, "", "output", true,
                                   &output, err);
    if (status == VANTA_OK)
        status = vanta_json_string(&request_doc, job->request, "", "quantization", true,
                                   &name, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&request_doc, job->request, "", "threads", false, 0,
                                    1024, &threads, err);
    if (status == VANTA_OK && !type_named(name, &params.ftype))
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED, "no quantization is named %s",
                            name);
    if (status != VANTA_OK)
        return status;
    params.nthread = (int32_t)threads;
    llama_log_set(log_tensor, job);
    llama_backend_init();
    if (llama_model_quantize(path, output, &params) != 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: llama.cpp could not quantize it",
                            path);
    llama_log_set(log_plain, NULL);
    if (status == VANTA_OK && !(answer->ok = json_object()))
        status = vanta_fail_memory(err);
    return status;
}
