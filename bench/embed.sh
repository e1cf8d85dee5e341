#!/bin/sh
# 1,000 sentences of 12 words to vectors, beside sentence-transformers on torch: the same
# sentences, tokenizing included, as many threads, turn by turn in one run; medians of the
# pairs' ratios, peak memory of each process.
#
#     VANTA_BENCH_PYTHON=PYTHON VANTA_BENCH_ENCODERS=FOLDER... bench/embed.sh [RUNS]
#
# PYTHON has sentence-transformers; each FOLDER is a model as sentence-transformers saves it
# (vanta setup embedding --models all-MiniLM-L6-v2; vanta path all-MiniLM-L6-v2). RUNS: 5.
# VANTA_THREADS: 2.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
driver=$(dirname -- "$VANTA")/tests/real/encoder_driver
runs=${1:-5}
if [ -z "${VANTA_BENCH_PYTHON:-}" ] || [ -z "${VANTA_BENCH_ENCODERS:-}" ]; then
    echo "embed: not measured. VANTA_BENCH_PYTHON has to name a python with" \
        "sentence-transformers, VANTA_BENCH_ENCODERS folders of its models."
    exit 0
fi
if [ ! -x "$driver" ]; then
    echo "embed: not measured. $driver is built with VANTA_ENGINE=ON."
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

for model in $VANTA_BENCH_ENCODERS; do
    for type in f32 f16 q8_0; do
        "$VANTA" convert "$model" --to gguf --type "$type" -o "$work/$type.gguf" --force \
            -q >/dev/null
    done
    "$VANTA_BENCH_PYTHON" - "$driver" "$model" "$work" "$runs" "${VANTA_THREADS:-2}" <<'END'
import os
import random
import resource
import statistics
import subprocess
import sys
import time

driver, model, work, runs, threads = sys.argv[1:]
name = os.path.basename(model.rstrip("/"))
words = """morning river engine paper window green quiet seven carry always bread station
mountain letter under music farmer yellow bridge measure winter simple answer garden coffee
doctor between listen market orange travel cotton circle island handle reason
photosynthesis Reykjavik unbelievable telescope""".split()
chance = random.Random(12)
texts = [" ".join(chance.choice(words) for _ in range(12)) + "." for _ in range(1000)]
lines = ("\n".join(texts) + "\n").encode()

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from sentence_transformers import SentenceTransformer

torch.set_num_threads(int(threads))
peer = SentenceTransformer(model, device="cpu")
peer.encode(texts[:64], batch_size=32, show_progress_bar=False)
types = ["f32", "f16", "q8_0"]
seconds = {kind: [] for kind in ["peer"] + types}
peak = {}


def ours(kind):
    # Two repeats in one process: the first one warms up, as encode() above did.
    done = subprocess.run([driver, "texts", f"{work}/{kind}.gguf", "2"], input=lines,
                          capture_output=True, env={**os.environ, "VANTA_THREADS": threads})
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stderr.decode().splitlines()]
    peak[kind] = max(peak.get(kind, 0), *(int(v) for k, v in said if k == "peak"))
    return [float(v) for k, v in said if k == "seconds"][-1], done.stdout


for run in range(int(runs)):
    start = time.monotonic()
    wanted = peer.encode(texts, batch_size=32, show_progress_bar=False)
    seconds["peer"].append(time.monotonic() - start)
    for kind in types:
        took, vectors = ours(kind)
        seconds[kind].append(took)
        if run == 0:
            import numpy
            got = numpy.frombuffer(vectors, dtype="<f4").reshape(wanted.shape)
            cosine = float((got * wanted).sum(axis=1).min())
            print(f"embed {name} {kind}: least cosine {cosine:.6f}: "
                  f"{'ok' if cosine >= (0.9999 if kind == 'f32' else 0.999) else 'MISSED'}")
peak["peer"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak["peer"] *= 1 if sys.platform == "darwin" else 1024
print(f"embed {name}: sentence-transformers {statistics.median(seconds['peer']):.2f} s "
      f"median of {runs}, {peak['peer'] / 1e6:.0f} MB peak")
for kind in types:
    ratio = statistics.median(p / o for p, o in zip(seconds["peer"], seconds[kind]))
    goal = 1.0 if kind == "f32" else 1.5
    print(f"embed {name} {kind}: {statistics.median(seconds[kind]):.2f} s, "
          f"{ratio:.2f} times as fast (goal: {goal}): {'ok' if ratio >= goal else 'MISSED'}")
    share = peak[kind] / peak["peer"]
    print(f"embed {name} {kind}: {peak[kind] / 1e6:.0f} MB peak, {share:.2f} of its "
          f"(goal: under 0.25): {'ok' if share < 0.25 else 'MISSED'}")
END
done
