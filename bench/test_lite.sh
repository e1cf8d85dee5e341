#!/bin/sh
# The test of the whole profile lite, as `vanta test` runs it: hashing, loading, recipes.
#
#     VANTA_BENCH_LITE=FOLDER bench/test_lite.sh [RUNS]
#
# FOLDER is a models folder with the profile (vanta setup --profile lite --models-dir
# FOLDER); its registry is left as it is. RUNS: 3.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
if [ ! -f "${VANTA_BENCH_LITE:-}/registry/registry.json" ]; then
    echo "test lite: not measured. VANTA_BENCH_LITE has to name a models folder with the" \
        "profile lite."
    exit 0
fi
if [ ! -x "$(dirname -- "$VANTA")/vanta-engine" ]; then
    echo "test lite: not measured. vanta-engine is built by: make engine"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -R "$VANTA_BENCH_LITE/registry" "$work/registry"
(cd "$VANTA_BENCH_LITE" && find . -type f ! -name '*.lock' ! -path './registry/*') |
    while IFS= read -r file; do
        mkdir -p "$work/$(dirname -- "$file")"
        # On another file system a link cannot be made.
        ln "$VANTA_BENCH_LITE/$file" "$work/$file" 2>/dev/null ||
            cp "$VANTA_BENCH_LITE/$file" "$work/$file"
    done

python3 - "$VANTA" "$work" "${1:-3}" <<'END'
import json
import os
import statistics
import subprocess
import sys
import time

vanta, root, runs = sys.argv[1:]
for name in ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE"): # speech would cost, and is no model here
    os.environ.pop(name, None)
seconds, parts = [], []
for _ in range(int(runs)):
    start = time.monotonic()
    done = subprocess.run([vanta, "test", "--models-dir", root, "--json"],
                          capture_output=True, text=True)
    seconds.append(time.monotonic() - start)
    if done.returncode != 0:
        sys.exit(done.stderr + done.stdout)
    models = [m for m in json.loads(done.stdout)["models"] if m["type"] != "tts"]
    assert len(models) >= 3 and all(m["passed"] for m in models), models
    parts.append(", ".join(f"{m['id']} {m['seconds']:.1f} s" for m in models))
middle = statistics.median(seconds)
print(f"test lite: {middle:.1f} s median of {runs} ({parts[-1]}), {os.cpu_count()} cores "
      f"(goal: under 60): {'ok' if middle < 60 else 'MISSED'}")
END
