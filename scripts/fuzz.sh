#!/bin/sh
# Runs every libFuzzer target of a build folder: fuzz.sh BUILD_FOLDER SECONDS_EACH
# What is found new is kept in BUILD_FOLDER/fuzz-corpus; a crash is a file beside it.
set -eu
build=$1 seconds=$2
here=$(cd "$(dirname "$0")/.." && pwd)
failed=0 ran=0
for target in "$build"/tests/fuzz_*; do
    if [ ! -f "$target" ] || [ ! -x "$target" ]; then continue; fi
    ran=$((ran + 1))
    name=${target##*/fuzz_}
    found=$build/fuzz-corpus/$name
    mkdir -p "$found"
    printf '%s: ' "$name"
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len=65536 -artifact_prefix="$found-" -print_final_stats=1 \
        "$found" "$here/tests/fuzz/corpus/$name" >"$found.log" 2>&1; then
        awk '/number_of_executed_units/ {print $2 " inputs, no failure"}' "$found.log"
    else
        echo "FAILED"
        tail -n 30 "$found.log"
        failed=1
    fi
done
if [ "$ran" -eq 0 ]; then
    echo "no fuzz targets in $build/tests: cmake --preset fuzz builds them" >&2
    exit 1
fi
exit $failed
