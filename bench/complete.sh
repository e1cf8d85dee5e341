#!/bin/sh
# Prompt and generation speed of a language model, beside llama-bench of the same build:
# 512 tokens of prompt, 128 generated, as many threads, turn by turn in one run; medians of
# the pairs' ratios. A prompt is read twice: by vanta run as the first work of a new process,
# beside llama-bench without its warm-up, and by vanta bench, beside llama-bench as it is.
#
#     VANTA_BENCH_LLAMA_BENCH=PROGRAM VANTA_BENCH_LLM=FILE.gguf bench/complete.sh [RUNS]
#
# PROGRAM: PREFIX/bin/llama-bench of deps/build-engines.sh --peers; FILE: vanta path ID.
# RUNS: 5. VANTA_THREADS: 2.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
if [ -z "${VANTA_BENCH_LLAMA_BENCH:-}" ] || [ -z "${VANTA_BENCH_LLM:-}" ]; then
    echo "complete: not measured. VANTA_BENCH_LLAMA_BENCH has to name llama-bench," \
        "VANTA_BENCH_LLM a GGUF."
    exit 0
fi
if [ ! -x "$(dirname -- "$VANTA")/vanta-engine" ]; then
    echo "complete: not measured. vanta-engine is built by: make engine"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$VANTA" add "$VANTA_BENCH_LLM" --type llm --id bench --link --models-dir "$work" -q >/dev/null

python3 - "$VANTA" "$work" "$VANTA_BENCH_LLAMA_BENCH" "$VANTA_BENCH_LLM" "${1:-5}" \
    "${VANTA_THREADS:-2}" <<'END'
import json
import statistics
import subprocess
import sys

vanta, root, peer_program, model, runs, threads = sys.argv[1:]
PROMPT, GENERATED = 512, 128


def output(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


def llama_bench(prompt, generated, *more):
    said = json.loads(output([peer_program, "-m", model, "-t", threads, "-p", str(prompt),
                              "-n", str(generated), "-r", "1", "-ngl", "0", "-o", "json",
                              *more]))
    return said[0]["avg_ts"]


def peer():
    return (llama_bench(PROMPT, 0, "--no-warmup"), llama_bench(PROMPT, 0),
            llama_bench(0, GENERATED))


def complete(words, tokens):
    text = " ".join(("one two three four " * words).split()[:words])
    return json.loads(output(
        [vanta, "run", "bench", "--models-dir", root, "-t", threads, "--no-gpu", "--plain",
         "-n", str(tokens), "--json", "-q"], input=text))


# As llama-bench has it, the prompt is read into an empty context and so is the text that
# is generated.
def ours():
    read, written = complete(words, 1), complete(1, GENERATED)
    if written["generated_tokens"] != GENERATED:
        sys.exit("complete: the model stopped after %d tokens" % written["generated_tokens"])
    # The first token comes of the prompt.
    warm = json.loads(output([vanta, "bench", "bench", "--models-dir", root, "-t", threads,
                              "--no-gpu", "-r", "1", "--json", "-q"]))["figures"]
    return (read["prompt_tokens"] * 1000 / read["prompt_ms"],
            next(f["median"] for f in warm if f["name"] == "prompt_tokens_per_s"),
            (GENERATED - 1) * 1000 / written["generate_ms"])


# A word is a token of most vocabularies; what a model puts in front is taken off.
words = 2 * PROMPT - complete(PROMPT, 1)["prompt_tokens"]
tokens = complete(words, 1)["prompt_tokens"]
print(f"complete: {tokens} tokens of prompt (llama-bench: {PROMPT}), {GENERATED} generated")
theirs, mine = [], []
for i in range(int(runs)):
    if i % 2:
        theirs.append(peer())
        mine.append(ours())
    else:
        mine.append(ours())
        theirs.append(peer())
for i, what in enumerate(("first prompt", "prompt", "generation")):
    ratio = statistics.median(m[i] / t[i] for m, t in zip(mine, theirs))
    best = max(m[i] for m in mine) / max(t[i] for t in theirs)
    print(f"complete {what}: {statistics.median(m[i] for m in mine):.1f} tokens/s, "
          f"llama-bench {statistics.median(t[i] for t in theirs):.1f}; ratio {ratio:.3f}, of "
          f"the best runs {best:.3f} (goal: 0.98): {'ok' if ratio >= 0.98 else 'MISSED'}")
END
