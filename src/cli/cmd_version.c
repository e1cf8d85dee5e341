#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "vanta.h"

int cmd_version(int argc, char **argv)
{
    bool json = false;
    const struct option_spec options[] = {
        {"json", 0, OPTION_FLAG, &json, NULL, "print JSON for programs"},
    };
    struct word_list operands = {0};
    int code;

    if (!command_parse("version", argc, argv, options, sizeof options / sizeof options[0],
                       &operands, &code))
        return code;
    if (operands.n != 0)
        return usage_error("version", "no operand is wanted, and %s is one",
                           operands.words[0]);
    if (json)
        return print_document(json_pack("{s:i, s:s, s:s}", "version", JSON_OUTPUT_VERSION,
                                        "program", "vanta", "program_version",
                                        vanta_version()));
    printf("vanta %s\n", vanta_version());
    return EXIT_OK;
}
