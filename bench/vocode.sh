#!/bin/sh
# XTTS's vocoder on 150 codes (7 s of speech) and its cloning path on 30 s of recording, with
# weights by formula in each type; beside the same vocoder written in torch. Turn by turn in
# one run; medians. What counts is processor time, of which the GPT wants the rest.
#
#     VANTA_BENCH_XTTS=FOLDER VANTA_BENCH_PYTHON=PYTHON bench/vocode.sh [RUNS]
#
# FOLDER has f32.gguf, f16.gguf, q8_0.gguf (tests/engine/xtts_models.sh makes them; default
# build/xtts-models). PYTHON has torch; without it the peer is left out. RUNS: 5.
# VANTA_THREADS: 2.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
driver=$(dirname -- "$VANTA")/tests/real/vocoder_driver
models=${VANTA_BENCH_XTTS:-$(dirname -- "$VANTA")/xtts-models}
runs=${1:-5}
threads=${VANTA_THREADS:-2}
if [ ! -x "$driver" ] || [ ! -f "$models/q8_0.gguf" ]; then
    echo "vocode: not measured. $driver is built with VANTA_ENGINE=ON," \
        "$models is made by tests/engine/xtts_models.sh."
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The same sizes with weights of its own: the time does not depend on them.
peer() {
    "$VANTA_BENCH_PYTHON" - "$threads" <<'END'
import resource
import sys
import time

import torch
from torch import nn
from torch.nn.functional import leaky_relu


class Block(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        self.first = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel // 2))
            for d in (1, 3, 5))
        self.second = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in range(3))

    def forward(self, x):
        for first, second in zip(self.first, self.second):
            x = x + second(leaky_relu(first(leaky_relu(x, 0.1)), 0.1))
        return x


torch.set_num_threads(int(sys.argv[1]))
pre, post = nn.Conv1d(1024, 512, 7, padding=3), nn.Conv1d(32, 1, 7, padding=3, bias=False)
ups = [nn.ConvTranspose1d(512 >> i, 256 >> i, 2 * r, r, padding=r // 2)
       for i, r in enumerate((8, 8, 2, 2))]
blocks = [[Block(256 >> i, k) for k in (3, 7, 11)] for i in range(4)]


def run(x):
    x = pre(x)
    for up, three in zip(ups, blocks):
        x = up(leaky_relu(x, 0.1))
        x = sum(block(x) for block in three) / 3
    return torch.tanh(post(leaky_relu(x)))


with torch.inference_mode():
    run(torch.randn(1, 1024, 50))
    wall, processor = time.monotonic(), time.process_time()
    samples = run(torch.randn(1, 1024, 653)).numel()
    wall, processor = time.monotonic() - wall, time.process_time() - processor
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak *= 1 if sys.platform == "darwin" else 1024
print(f"{samples / 24000:.3f} {wall:.3f} {processor:.3f} {peak}")
END
}

run=0
while [ "$run" -lt "$runs" ]; do
    for type in f32 f16 q8_0; do
        "$driver" speak "$models/$type.gguf" 150 "$threads" >>"$work/vocoder-$type"
    done
    "$driver" clone "$models/q8_0.gguf" 30 "$threads" >>"$work/cloning-q8_0"
    [ -z "${VANTA_BENCH_PYTHON:-}" ] || peer >>"$work/vocoder-torch"
    run=$((run + 1))
done

# median FILE COLUMN
median() {
    sort -n -k "$2,$2" "$1" | awk -v column="$2" '{v[NR] = $column}
        END {print v[int((NR + 1) / 2)]}'
}

# report NAME GOAL: of processor seconds for each second of sound; "": none
report() {
    awk -v name="$1" -v goal="$2" -v sound="$(median "$work/$1" 1)" \
        -v wall="$(median "$work/$1" 2)" -v processor="$(median "$work/$1" 3)" \
        -v peak="$(median "$work/$1" 4)" 'BEGIN {
        verdict = goal == "" ? "" : sprintf(" (goal: %s): %s", goal,
            processor / sound <= goal ? "ok" : "MISSED")
        printf "vocode %s: %.1f s of sound in %.2f s, %.2f s of processor, %.0f MB peak; " \
            "%.3f of a processor%s\n", name, sound, wall, processor, peak / 1e6,
            processor / sound, verdict}'
}

report vocoder-f32 0.8
report vocoder-f16 0.5
report vocoder-q8_0 0.5
report cloning-q8_0 0.5
[ ! -f "$work/vocoder-torch" ] || report vocoder-torch ""
