#!/bin/sh
# The memory of vanta while it fetches one large sparse file from nginx on the loopback,
# with the most connections it uses.
#
#     [VANTA_BENCH_GIB=20] bench/fetch_memory.sh
#
# What arrives is no longer sparse: TMPDIR has to have room for it. VANTA_BENCH_NGINX names
# another nginx than the one on PATH.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
: "${VANTA_BENCH_GIB:=20}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
free=$(df -Pk "$work" | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -le $((VANTA_BENCH_GIB + 1)) ]; then
    echo "fetch memory: not measured. $VANTA_BENCH_GIB GiB have to be free, not $free."
    exit 0
fi

export PYTHONPATH="$root/bench" PYTHONDONTWRITEBYTECODE=1
python3 - "$VANTA" "$work" "$VANTA_BENCH_GIB" <<'END'
import os
import subprocess
import sys

from peers import Hub, Run, environment, nginx, verdict

vanta, work, gib = sys.argv[1:]
if not nginx():
    print("fetch memory: not measured. nginx serves the file: a package of most systems.")
    sys.exit(0)
hub = Hub(work, {"vast.gguf": int(gib) << 30}, sparse=True)
try:
    os.mkdir(work + "/home")
    catalog = hub.catalog({"vast": ["vast.gguf"]})
    command = [vanta, "setup", "vast", "--catalog", catalog, "--models-dir", work + "/models",
               "--no-test", "--quiet"]
    told = subprocess.run([vanta, "setup", "--help"], capture_output=True, text=True).stdout
    if "--connections" in told:
        command += ["--connections", "16"]
    else:
        print("fetch memory: this vanta has no --connections")
    run = Run(command, environment(work, hub), work)
    print(f"fetch memory: {gib} GiB in {run.seconds:.1f} s, {run.cpu:.1f} CPU s")
    verdict("fetch memory: MB at the peak", run.memory / 1e6, 64.0)
finally:
    hub.close()
END
