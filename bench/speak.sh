#!/bin/sh
# XTTS at its full size: time to speak, first sound and memory of the types q8_0 and f16,
# beside coqui-tts on the same checkpoint and as many threads, turn by turn in one run;
# medians. The weights are by formula (tests/make_xtts.c), so nothing is said and no sentence
# ends by itself: 150 codes are 7 s of sound. vanta streams; its time to 150 codes is from
# the start of the program, load included, until so much sound has come.
#
#     [VANTA_BENCH_COQUI=PYTHON] bench/speak.sh [RUNS]
#
# PYTHON has coqui-tts[codec], torch and six; without it the peer is left out. RUNS: 3.
# VANTA_THREADS: 2. TMPDIR has to have room for 3.5 GB.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
build=$(dirname -- "$VANTA")
if [ ! -x "$build/vanta-engine" ] || [ ! -x "$build/tests/make_xtts" ]; then
    echo "speak: not measured. vanta-engine is built by: make engine"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$build/tests/make_xtts" full "$work/made" q8_0 "$work/q8_0.gguf" f16 "$work/f16.gguf" \
    >/dev/null
for type in q8_0 f16; do
    "$VANTA" add "$work/$type.gguf" --type tts --id "$type" --link \
        --models-dir "$work/models" --quiet >/dev/null
done

export PYTHONPATH="$root/bench" PYTHONDONTWRITEBYTECODE=1
python3 - "$VANTA" "$work" "${1:-3}" "${VANTA_THREADS:-2}" <<'END'
import json
import os
import statistics
import subprocess
import sys
import time

from peers import verdict

vanta, work, runs, threads = sys.argv[1:]
python = os.environ.get("VANTA_BENCH_COQUI")
TEXT = "Good morning. The weather is fine today."
CODES, HZ = 150, 24000

# What coqui-tts wants of a checkpoint and a formula cannot give: the class of its settings
# with all that training set, and one embedding for each token of a whole vocabulary.
PEER = r"""
import json, resource, sys, time
import torch
import TTS.tts.models.xtts as xtts
from TTS.tts.configs.xtts_config import XttsConfig
folder, text, codes, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
xtts.load_fsspec = lambda path, *more, **named: torch.load(
    path, map_location="cpu", weights_only=False)
config = XttsConfig()
config.load_json(folder + "/config.json")
xtts.VoiceBpeTokenizer.get_number_tokens = lambda self: config.model_args.gpt_number_text_tokens
model = xtts.Xtts(config)
model.load_checkpoint(config, checkpoint_path=folder + "/model.pth",
                      vocab_path=folder + "/vocab.json",
                      speaker_file_path=folder + "/speakers_xtts.pth",
                      use_deepspeed=False, eval=True, strict=False)
voice = next(iter(model.speaker_manager.speakers.values()))
model.gpt.max_gen_mel_tokens = codes
for warm in (True, False):
    start = time.monotonic()
    wave = model.inference(text, "en", voice["gpt_cond_latent"], voice["speaker_embedding"])["wav"]
    took = time.monotonic() - start
print(json.dumps({"took": took, "sound": len(wave) / 24000,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""


def peer():
    done = subprocess.run([python, "-W", "ignore", "-c", PEER, work + "/made", TEXT, str(CODES),
                           threads], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


# The most memory that Linux has seen of the helper, a child of vanta.
def peak(pid, so_far):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        for child in children:
            with open(f"/proc/{child}/status") as f:
                line = next(l for l in f if l.startswith("VmHWM"))
            so_far = max(so_far, int(line.split()[1]) * 1024)
    except (OSError, StopIteration):
        pass
    return so_far


def ours(model):
    start = time.monotonic()
    child = subprocess.Popen([vanta, "run", model, TEXT, "--language", "en", "--seed", "3",
                              "-t", threads, "-o", "-", "--quiet", "--models-dir",
                              work + "/models"], stdout=subprocess.PIPE)
    # seconds of sound that make CODES codes, as the peer gives them
    want, have, marks, memory = 44 + int(wanted * HZ) * 2, 0, {}, 0
    while True:
        block = os.read(child.stdout.fileno(), 1 << 16)
        if not block:
            break
        have += len(block)
        now = time.monotonic() - start
        if have > 44:
            marks.setdefault("first", now)
        if have >= want:
            marks.setdefault("took", now)
        memory = peak(child.pid, memory)
    if child.wait() != 0 or "took" not in marks:
        sys.exit(f"speak: {model}: it stopped after {have} bytes")
    marks.update(peak=memory, all=time.monotonic() - start, sound=(have - 44) / 2 / HZ)
    return marks


wanted = 6.97  # of 150 codes; the last are shorter than 1,024 samples each at 22,050 Hz
seen = {"q8_0": [], "f16": [], "coqui-tts": []}
for turn in range(int(runs)):
    for model in ("q8_0", "f16"):
        seen[model].append(ours(model))
    if python:
        seen["coqui-tts"].append(peer())
middle = {name: {key: statistics.median(r[key] for r in runs_of) for key in runs_of[0]}
          for name, runs_of in seen.items() if runs_of}
for name, m in middle.items():
    more = (f", first sound after {m['first']:.2f} s; {m['sound']:.1f} s of sound in "
            f"{m['all']:.2f} s, real-time factor {m['all'] / m['sound']:.2f}"
            if "first" in m else "")
    print(f"speak {name}: {CODES} codes in {m['took']:.2f} s, real-time factor "
          f"{m['took'] / wanted:.2f}, {m['peak'] / 1e6:.0f} MB peak{more}")
verdict("speak q8_0: real-time factor", middle["q8_0"]["took"] / wanted, 1.0)
verdict("speak f16: real-time factor", middle["f16"]["took"] / wanted, 1.4)
verdict("speak q8_0: memory, GB", middle["q8_0"]["peak"] / 1e9, 0.9)
verdict("speak f16: memory, GB", middle["f16"]["peak"] / 1e9, 1.3)
verdict("speak q8_0: first sound, s", middle["q8_0"]["first"], 1.5)
if python:
    verdict("speak q8_0: times faster than coqui-tts",
            middle["coqui-tts"]["took"] / middle["q8_0"]["took"], 2.9, most=False)
else:
    print("speak: coqui-tts: not measured. VANTA_BENCH_COQUI has to name a python that has it.")
END
