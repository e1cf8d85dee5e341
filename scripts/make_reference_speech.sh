#!/bin/sh
# Makes the clips of src/models/recipes/ anew: the sentences of speech.json, spoken by flite
# (free software, voices slt and rms of its own), 16 kHz, one channel, FLAC.
#
#     scripts/make_reference_speech.sh [FOLDER]      # default: src/models/recipes
#
# Needs flite, flac and python3 (Debian: flite, flac, python3). With --check it compares
# the samples of what it would make with what is there and writes nothing.
set -eu
cd "$(dirname "$0")/.."
check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
folder=${1:-src/models/recipes}
list=src/models/recipes/speech.json
for program in flite flac python3; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "$0: no $program here" >&2
        exit 3
    fi
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 3' HUP INT TERM

# Peak at half of full scale; the lowest five bits are dropped, which takes the noise that
# nobody hears and a quarter of the bytes out of a FLAC.
cat >"$scratch/level.py" <<'PYTHON'
import array, sys, wave

PEAK, STEP = 16384, 32
with wave.open(sys.argv[1]) as spoken:
    assert spoken.getparams()[:3] == (1, 2, 16000), spoken.getparams()
    samples = array.array("h", spoken.readframes(spoken.getnframes()))
if sys.byteorder == "big":
    samples.byteswap()
peak = max(map(abs, samples))
samples = array.array("h", (round(s * PEAK / peak / STEP) * STEP for s in samples))
if sys.byteorder == "big":
    samples.byteswap()
with wave.open(sys.argv[2], "wb") as level:
    level.setparams((1, 2, 16000, 0, "NONE", ""))
    level.writeframes(samples.tobytes())
PYTHON

python3 -c '
import json, sys
for clip in json.load(open(sys.argv[1]))["clips"]:
    print(clip["file"], clip["voice"], clip["text"])
' "$list" >"$scratch/list"
failed=0
while read -r file voice text; do
    flite -voice "$voice" -t "$text" -o "$scratch/spoken.wav"
    python3 "$scratch/level.py" "$scratch/spoken.wav" "$scratch/level.wav"
    if [ -z "$check" ]; then
        flac --silent --force --best --exhaustive-model-search --no-padding \
            --no-seektable -o "$folder/$file" "$scratch/level.wav"
        echo "$folder/$file"
    else
        flac --silent --force --decode -o "$scratch/there.wav" "$folder/$file"
        if ! cmp -s "$scratch/there.wav" "$scratch/level.wav"; then
            echo "$folder/$file: differs from what is made of its text" >&2
            failed=1
        fi
    fi
done <"$scratch/list"
exit $failed
