#!/bin/sh
# faster-whisper base to whisper.cpp's file: seconds and peak memory, against the goals.
# VANTA_BENCH_FASTER_WHISPER names a folder with model.bin and tokenizer.json.
set -eu
vanta=${VANTA:-build/vanta}
dir=${VANTA_BENCH_FASTER_WHISPER:-}
if [ -z "$dir" ]; then
    echo "convert: VANTA_BENCH_FASTER_WHISPER is not set; it wants the folder of a"
    echo "         faster-whisper base model (model.bin, tokenizer.json)"
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for run in 1 2 3; do
    rm -f "$out/ggml"
    /usr/bin/time -o "$out/time" -f '%e %M' "$vanta" convert "$dir" --to whisper-ggml \
        -o "$out/ggml" >/dev/null 2>&1
    cat "$out/time"
done | sort -n | awk '
    NR == 1 { least = $1 } NR == 2 { median = $1 }
    { if ($2 > memory) memory = $2 }
    END {
        printf "convert: %.2f s (median of 3, least %.2f; goal under 0.5)", median, least
        printf ", %.0f MB peak (goal under 64)\n", memory / 1000
    }'
