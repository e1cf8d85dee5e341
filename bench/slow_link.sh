#!/bin/sh
# vanta setup beside aria2c with 16 connections over a slow link: 200 ms away, one packet
# in a hundred lost, over https, turn by turn in one run; the best of RUNS counts. The link
# is linkd of the tests, between network namespaces of its own. The server's congestion
# control decides how much the loss hurts: cubic, which most have, and bbr, if it is here.
#
#     [VANTA_BENCH_MIB=64] bench/slow_link.sh [RUNS]
#
# RUNS: 3. VANTA_BENCH_NGINX, _ARIA2C and _OPENSSL name other programs than those on PATH.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
linkd=$root/build/tests/net/linkd
if [ ! -x "$linkd" ]; then
    echo "slow link: not measured. $linkd is built by: make (on Linux)"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

export PYTHONPATH="$root/bench" PYTHONDONTWRITEBYTECODE=1
python3 - "$VANTA" "$linkd" "$work" "${1:-3}" "${VANTA_BENCH_MIB:-64}" <<'END'
import os
import subprocess
import sys
import time

from peers import Hub, Race, digest, find, nginx, verdict

vanta, linkd, work, rounds, mib = sys.argv[1:]
BYTES, FILE = int(mib) << 20, "far.gguf"
aria2c = find("VANTA_BENCH_ARIA2C", "aria2c")
if not (nginx() and aria2c and find("VANTA_BENCH_OPENSSL", "openssl")):
    print("slow link: not measured. nginx, aria2c and openssl have to be there.")
    sys.exit(0)
link = subprocess.Popen([linkd, "--delay-ms", "200", "--loss-percent", "1", work],
                        stderr=subprocess.PIPE, text=True)
while link.poll() is None and not os.path.exists(work + "/link"):
    time.sleep(0.02)
if link.poll() is not None:
    print("slow link: not measured.", link.stderr.read().strip())
    sys.exit(0)
with open(work + "/link") as file:
    sides = dict(line.split() for line in file)


def at(side):
    user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
    return ["nsenter", "-t", sides[side], *user, "-n", "-m", "--"]


def check(name, out):
    path = os.path.join(out, "llm/far" if name == "vanta" else "", FILE)
    if digest(path) != hub.sha256[FILE]:
        raise SystemExit(f"{name}: {path} is wrong")


def compare(control):
    race = Race(work, hub, int(rounds))
    race.run({
        "vanta": lambda out: [*at("client"), vanta, "setup", "far", "--catalog", catalog,
                              "--models-dir", out, "--no-test", "--quiet"],
        "aria2c -x16": lambda out: [
            *at("client"), aria2c, "-q", "--no-conf", "-x16", "-s16", "-k1M",
            "--file-allocation=none", "--ca-certificate", hub.certificate, "-d", out,
            "-o", FILE, hub.url(FILE)],
    }, check)
    for name in race.runs:
        race.show(f"slow link {mib} MiB, {control}", name)
    verdict(f"slow link {mib} MiB, {control}: time beside aria2c -x16",
            race.best("vanta") / race.best("aria2c -x16"), 1.0)


hub = Hub(work, {FILE: BYTES}, "10.77.0.1:8443", tls=True, enter=at("server"))
try:
    catalog = hub.catalog({"far": [FILE]})
    for control in "cubic", "bbr":
        done = subprocess.run([*at("server"), "ip", "route", "replace", "10.77.0.0/24",
                               "dev", "link0", "src", "10.77.0.1", "congctl", control])
        if done.returncode:
            print(f"slow link {mib} MiB, {control}: not measured, it is not here")
            continue
        compare(control)
finally:
    hub.close()
    link.terminate()
    link.wait()
END
