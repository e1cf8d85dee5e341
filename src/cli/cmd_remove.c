#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "models/remove.h"

/* True: go on. */
static bool confirm(const struct vanta_entry *entry, const struct vanta_removal *removal,
                    bool yes, int *code)
{
    char path[VANTA_PATH_MAX], size[VANTA_SIZE_TEXT_MAX], question[VANTA_PATH_MAX + 256];

    if (yes)
        return true;
    if (!term_can_ask()) {
        *code = usage_error("remove", "%s would be removed: --yes says so where nobody can "
                                      "be asked",
                            entry->id);
        return false;
    }
    vanta_text_printable(removal->path, path, sizeof path);
    if (removal->kept[0])
        fprintf(stderr, "%s\n", removal->kept);
    if (path[0])
        snprintf(question, sizeof question, "Remove %s (%s in %s)?", entry->id,
                 vanta_size_text(removal->bytes, size), path);
    else
        snprintf(question, sizeof question, "Remove %s from the registry?", entry->id);
    if (term_ask(question, false))
        return true;
    fputs("Nothing was removed.\n", stderr);
    *code = EXIT_OK;
    return false;
}

static int remove_model(const struct session *s, const struct vanta_entry *entry, bool yes)
{
    struct vanta_error err = {0};
    struct vanta_removal removal;
    char size[VANTA_SIZE_TEXT_MAX];
    int code;

    if (vanta_model_removal(s->root, s->registry, entry->id, &removal, &err) != VANTA_OK)
        return report_error(&err);
    if (!confirm(entry, &removal, yes, &code))
        return code;
    if (vanta_model_remove(s->root, s->catalog, entry->id, &removal, &err) != VANTA_OK)
        return report_error(&err);
    printf("removed %s (%s)\n", entry->id, vanta_size_text(removal.bytes, size));
    if (removal.kept[0])
        warn("%s", removal.kept);
    return EXIT_OK;
}

int cmd_remove(int argc, char **argv)
{
    struct common_options common = {0};
    bool yes = false;
    const struct option_spec options[] = {
        {"yes", 'y', OPTION_FLAG, &yes, NULL, "do not ask"},
        COMMON_OPTIONS(common),
    };
    struct word_list operands = {0};
    const struct vanta_entry *entry;
    struct session s;
    int code;

    if (!command_parse("remove", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("remove", "one id is wanted");
    if (!session_open(&s, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    entry = session_entry(&s, operands.words[0]);
    code = entry ? remove_model(&s, entry, yes) : EXIT_CANNOT;
    session_close(&s);
    return code;
}
