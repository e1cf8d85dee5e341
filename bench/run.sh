#!/bin/sh
# Runs every benchmark of this folder: one line a figure, each with its goal.
# Peers and models are named by VANTA_BENCH_ variables, told by each script's head; one that
# has not what it needs says so. whisper-cli and llama-bench of the same build:
# deps/build-engines.sh --peers.
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
