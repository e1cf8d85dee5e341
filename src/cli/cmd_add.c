#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/speed.h"
#include "cli/term.h"
#include "models/add.h"

#define REDRAW_MS 100
#define PLAIN_LINE_MS 5000

/* The line that tells how far it is: redrawn on a terminal, else one now and then. */
struct talk {
    bool quiet, terminal, drawn;
    int64_t start_ms, told_ms;
};

static void wipe(struct talk *t)
{
    if (t->drawn)
        fputs("\r\033[K", stderr);
    t->drawn = false;
}

static void on_progress(void *arg, const char *what, uint64_t bytes, int64_t total)
{
    struct talk *t = arg;
    char have[VANTA_SIZE_TEXT_MAX], all[VANTA_SIZE_TEXT_MAX], shown[256];
    int64_t now = vanta_clock_ms();

    if (t->quiet || now - t->told_ms < (t->terminal ? REDRAW_MS : PLAIN_LINE_MS))
        return;
    t->told_ms = now;
    vanta_text_printable(what, shown, sizeof shown);
    if (total > 0)
        snprintf(all, sizeof all, "%s", vanta_size_text((uint64_t)total, have));
    else
        snprintf(all, sizeof all, "?");
    fprintf(stderr, "%s%.48s  %s of %s%s", t->terminal ? "\r\033[K" : "", shown,
            vanta_size_text(bytes, have), all, t->terminal ? "" : "\n");
    t->drawn = t->terminal;
}

static void on_notice(void *arg, const char *message)
{
    struct talk *t = arg;

    wipe(t);
    if (!t->quiet)
        fprintf(stderr, "%s\n", message);
}

static void print_choices(const struct vanta_add_result *r)
{
    struct table *t = table_new(2);
    size_t i;

    for (i = 0; i < r->n_choices; i++) {
        char size[VANTA_SIZE_TEXT_MAX] = "?";
        const char *cells[2] = {r->choices[i].text, size};

        if (r->choices[i].bytes >= 0)
            vanta_size_text((uint64_t)r->choices[i].bytes, size);
        table_row(t, cells, NULL);
    }
    table_print(t, stderr, false);
    table_free(t);
}

static int print_added(const struct session *s, const struct vanta_add_result *r,
                       bool json, bool quiet)
{
    const struct vanta_entry *e = &r->entry;
    char path[VANTA_PATH_MAX], why[256], shown[VANTA_PATH_MAX];
    enum vanta_state state;

    if (json)
        return print_document(json_pack("{s:i, s:o, s:b, s:o}", "version",
                                        JSON_OUTPUT_VERSION, "root", path_output(s->root),
                                        "in_catalog", (int)r->known, "model",
                                        entry_output(s, e)));
    state = vanta_entry_state(s->root, e, s->catalog, why);
    printf("added %s (%s, %s%s%s, %s): %s%s%s\n", e->id, entry_type(e), e->format,
           e->quantization ? " " : "", e->quantization ? e->quantization : "", e->size,
           term_style(stdout, state_style(state)), vanta_state_name(state),
           term_style(stdout, STYLE_NONE));
    if (quiet)
        return EXIT_OK;
    if (r->known)
        fprintf(stderr, "It is the catalog's model %s, byte for byte.\n", e->id);
    if (vanta_entry_path(s->root, e, path)) {
        vanta_text_printable(path, shown, sizeof shown);
        fprintf(stderr, "%s%s\n", shown,
                e->external ? " (stays yours: never changed)" : "");
    }
    return EXIT_OK;
}

static int add_model(struct session *s, struct vanta_add_options *options,
                     const struct common_options *common)
{
    struct talk talk = {common->quiet || common->json, term_is_terminal(stderr), false,
                        vanta_clock_ms(), vanta_clock_ms()};
    struct vanta_add_result result;
    struct vanta_error err = {0};
    enum vanta_status status;
    int code;

    options->root = s->root;
    options->catalog = s->catalog;
    options->progress = on_progress;
    options->notice = on_notice;
    options->arg = &talk;
    options->cancel = &cancelled;
    status = vanta_model_add(options, &result, &err);
    wipe(&talk);
    if (status == VANTA_OK) {
        code = print_added(s, &result, common->json, common->quiet);
    } else {
        code = report_error(&err);
        print_choices(&result);
    }
    vanta_add_result_free(&result);
    return code;
}

/* One of the three ways; -1 when several were named. */
static int way_of(bool copy, bool move, bool link)
{
    if (copy + move + link > 1)
        return -1;
    return move ? VANTA_ADD_MOVE : link ? VANTA_ADD_LINK : VANTA_ADD_COPY;
}

int cmd_add(int argc, char **argv)
{
    struct common_options common = {0};
    struct vanta_add_options add = {.type = VANTA_TYPE_UNKNOWN};
    const char *type = NULL;
    struct speed_options speed = {0};
    bool copy = false, move = false, link = false;
    const struct option_spec options[] = {
        {"type", 't', OPTION_TEXT, &type, "TYPE",
         "whisper, llm, embedding or tts (default: by the file's header)"},
        {"id", 0, OPTION_TEXT, &add.id, "ID", "what to call it (default: by its name)"},
        {"name", 0, OPTION_TEXT, &add.name, "TEXT", "its name for people"},
        {"license", 0, OPTION_TEXT, &add.license, "ID", "its licence"},
        {"sha256", 0, OPTION_TEXT, &add.sha256, "DIGEST", "what its file must be"},
        {"copy", 0, OPTION_FLAG, &copy, NULL, "copy the file or folder (the default)"},
        {"move", 0, OPTION_FLAG, &move, NULL, "move it"},
        {"link", 0, OPTION_FLAG, &link, NULL,
         "leave it where it is; it is read, never changed or deleted"},
        {"offline", 0, OPTION_FLAG, &add.offline, NULL, "open no connection"},
        SPEED_OPTIONS(speed),
        {"quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "say less"},
        JSON_OPTION(common),
        COMMON_OPTIONS(common),
    };
    struct word_list operands = {0};
    struct session s;
    int code, way;

    if (!command_parse("add", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("add", "one file, folder, address or hf:ORG/REPO is wanted");
    if (type && !parse_type("add", type, &add.type))
        return EXIT_USAGE;
    if (!speed_parse("add", &speed, &code))
        return code;
    way = way_of(copy, move, link);
    if (way < 0)
        return usage_error("add", "--copy, --move and --link exclude each other");
    add.connections = (unsigned)speed.connections;
    add.limit_rate_bytes = speed.bytes_per_second;
    add.what = operands.words[0];
    add.way = (enum vanta_add_way)way;
    if (!session_open(&s, &common, SESSION_CATALOG, &code))
        return code;
    code = add_model(&s, &add, &common);
    session_close(&s);
    return code;
}
