#!/bin/sh
# The real models of profile lite, set up once and kept in $VANTA_BINARY_DIR/real-models;
# the tests link from there. Prints what is there, for the record. Exit 0: all of it; 4: a
# package was withdrawn by its publisher (not a failure of ours); else as vanta setup.
set -eu
: "${VANTA:?}" "${VANTA_BINARY_DIR:?}"
models=$VANTA_BINARY_DIR/real-models
log=$VANTA_BINARY_DIR/real-models.log
what=${1:---profile lite}

# The user's sources and client settings count; other vanta settings and models do not.
unset VANTA_MODELS_DIR VANTA_CLONE_DIR OPENAI_API_KEY OPENAI_API_KEY_FILE
status=0
# shellcheck disable=SC2086 # two words
"$VANTA" setup $what --models-dir "$models" >"$log" 2>&1 </dev/null || status=$?
if [ "$status" -ne 0 ]; then
    cat "$log"
    if grep -q withdrawn "$log"; then
        echo "WITHDRAWN: a package that held a real model is gone from its index (see above)"
        exit 4
    fi
    exit "$status"
fi
"$VANTA" list --models-dir "$models" | awk '
    NR > 2 && $1 != "tts-1" { n++; names = names (n > 1 ? ", " : "") $1 }
    END { printf "%d real models: %s\n", n, names }'
