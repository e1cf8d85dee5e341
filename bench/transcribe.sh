#!/bin/sh
# whisper-base on a recording, beside whisper-cli of the same build and settings: language,
# threads and width of the search are the same; whole processes, one after the other, turn
# by turn in one run; medians of the pairs' ratios.
#
#     VANTA_BENCH_WHISPER_CLI=PROGRAM VANTA_BENCH_WHISPER=FILE VANTA_BENCH_RECORDING=FILE \
#         bench/transcribe.sh [RUNS]
#
# PROGRAM: PREFIX/bin/whisper-cli of deps/build-engines.sh --peers. The first FILE is
# `vanta path whisper-base`, the second a 16 kHz WAV of about 11 s (tests/real/recording.sh
# has one). RUNS: 5. VANTA_THREADS: 2.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
if [ -z "${VANTA_BENCH_WHISPER_CLI:-}" ] || [ -z "${VANTA_BENCH_WHISPER:-}" ] ||
    [ -z "${VANTA_BENCH_RECORDING:-}" ]; then
    echo "transcribe: not measured. VANTA_BENCH_WHISPER_CLI has to name whisper-cli," \
        "VANTA_BENCH_WHISPER a model, VANTA_BENCH_RECORDING a WAV."
    exit 0
fi
if [ ! -x "$(dirname -- "$VANTA")/vanta-engine" ]; then
    echo "transcribe: not measured. vanta-engine is built by: make engine"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$VANTA" add "$VANTA_BENCH_WHISPER" --type whisper --id bench --link --models-dir "$work" \
    -q >/dev/null

python3 - "$VANTA" "$work" "$VANTA_BENCH_WHISPER_CLI" "$VANTA_BENCH_WHISPER" \
    "$VANTA_BENCH_RECORDING" "${1:-5}" "${VANTA_THREADS:-2}" <<'END'
import json
import re
import statistics
import subprocess
import sys
import time
import wave

vanta, root, cli, model, recording, runs, threads = sys.argv[1:]
with wave.open(recording) as f:
    audio = f.getnframes() / f.getframerate()
work = {"cli": [], "ours": []}   # seconds of the engine's own work
rest = {"cli": [], "ours": []}   # of the process besides: start, load, end


def run(command):
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    took = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(done.stderr)
    return took, done.stdout, done.stderr


def peer(beam):
    took, text, log = run([cli, "-m", model, "-f", recording, "-t", threads, "-l", "en",
                           "-bs", beam, "-bo", beam, "-nt"])
    log += text
    ms = {k: float(v) for k, v in re.findall(r"(load|total) time = +([0-9.]+) ms", log)}
    inside = (ms["total"] - ms["load"]) / 1000
    work["cli"].append(inside)
    rest["cli"].append(took - inside)
    return " ".join(re.findall(r"[a-z']+", text.split("whisper_print")[0].lower()))


def ours(beam):
    took, text, _ = run([vanta, "run", "bench", recording, "--models-dir", root, "-t",
                         threads, "--language", "en", "--beam", beam, "--json", "-q"])
    said = json.loads(text)
    work["ours"].append(said["engine_ms"] / 1000)
    rest["ours"].append(took - work["ours"][-1])
    return " ".join(re.findall(r"[a-z']+", said["text"].lower()))


for beam, name in (("1", "greedy"), ("5", "beam of 5")):
    for kind in work:
        work[kind], rest[kind] = [], []
    for i in range(int(runs) + 1):
        order = (peer, ours) if i % 2 else (ours, peer)
        texts = {f.__name__: f(beam) for f in order}
        if i == 0: # warms the files up
            for kind in work:
                work[kind], rest[kind] = [], []
            same = "the same words" if texts["peer"] == texts["ours"] else "OTHER WORDS"
    ratio = statistics.median(o / p for o, p in zip(work["ours"], work["cli"]))
    print(f"transcribe {name}: {statistics.median(work['ours']):.2f} s of {audio:.1f} s, "
          f"whisper-cli {statistics.median(work['cli']):.2f} s, {same}; ratio {ratio:.3f} "
          f"(goal: at most 1.02): {'ok' if ratio <= 1.02 else 'MISSED'}")
    over = statistics.median((o - p) * 1000 for o, p in zip(rest["ours"], rest["cli"]))
    print(f"transcribe {name}: start, load and end {over:+.0f} ms beside whisper-cli's "
          f"(goal: under 150): {'ok' if over < 150 else 'MISSED'}")
END
