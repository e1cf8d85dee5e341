#!/bin/sh
# Runs every benchmark of this folder: one line a figure, each with its goal.
set -eu
cd "$(dirname -- "$0")/.."
failed=0
for script in bench/*.sh; do
    [ "$script" = bench/run.sh ] && continue
    "$script" || {
        echo "$script: failed with exit $?"
        failed=1
    }
done
exit $failed
