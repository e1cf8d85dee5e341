#!/bin/sh
# Fails when a file of src/ includes a layer that is above its own (see CONTRIBUTING.md),
# or when a file is longer than the house style allows.
set -eu
cd "$(dirname "$0")/.."

grep -rnE '^#include "[a-z]+/' src include --include='*.c' --include='*.h' |
    sed -E 's/^src\/([a-z]+)\/([^:]*):([0-9]+):#include "([a-z]+)\/.*/\1 \4 src\/\1\/\2:\3/' |
    awk '
    BEGIN {
        allow["base"] = " base "
        allow["http"] = " base http "
        allow["fetch"] = " base http fetch "
        allow["convert"] = " base convert "
        allow["engines"] = " base http engines "
        allow["models"] = " base http fetch convert engines models "
        allow["share"] = " base http fetch models share "
        allow["cli"] = " base fetch convert engines models share cli "
    }
    !index(allow[$1], " " $2 " ") { print $3 ": " $1 " may not include " $2; bad = 1 }
    END { exit bad }' || failed=1

find src include -name '*.[ch]' -exec wc -l {} + | awk '
    $2 == "total" { next }
    { limit = $2 ~ /src\/cli\/cmd_/ ? 300 : $2 ~ /\.h$/ ? 260 : 1000 }
    $1 > limit { print $2 ": " $1 " lines; at most " limit; bad = 1 }
    END { exit bad }' || failed=1

[ -z "${failed:-}" ] && echo "layers and sizes: ok"
