#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

static int print_path(const struct session *s, const struct vanta_entry *entry)
{
    struct vanta_error err = {0};
    char path[VANTA_PATH_MAX], why[256];
    enum vanta_state state = vanta_entry_state(s->root, entry, s->catalog, why);

    if (vanta_entry_is_api(entry)) {
        vanta_fail(&err, VANTA_ERR_UNSUPPORTED,
                   "%s is served by an API: it has no file here", entry->id);
        return report_error(&err);
    }
    if (state == VANTA_STATE_MISSING || !vanta_entry_path(s->root, entry, path)) {
        vanta_fail(&err, VANTA_ERR_NOT_FOUND, "%s is missing: %s", entry->id, why);
        vanta_hint(&err, "vanta setup %s fetches a model of the catalog again.",
                   entry->id);
        return report_error(&err);
    }
    if (state == VANTA_STATE_CORRUPT)
        warn("%s is corrupt: %s", entry->id, why);
    puts(path);
    return EXIT_OK;
}

int cmd_path(int argc, char **argv)
{
    struct common_options common = {0};
    const struct option_spec options[] = {COMMON_OPTIONS(common)};
    struct word_list operands = {0};
    const struct vanta_entry *entry;
    struct session s;
    int code;

    if (!command_parse("path", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 1)
        return usage_error("path", "one id is wanted");
    if (!session_open(&s, &common, SESSION_CATALOG | SESSION_REGISTRY, &code))
        return code;
    entry = session_entry(&s, operands.words[0]);
    code = entry ? print_path(&s, entry) : EXIT_CANNOT;
    session_close(&s);
    return code;
}
