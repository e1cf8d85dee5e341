#!/bin/sh
# vanta setup beside curl, wget, aria2c and the hub's own client, from nginx with sendfile
# on the loopback: 1 GiB in one file, and 1,000 files of 4 KiB. Turn by turn in one run,
# the best of RUNS counts. vanta's time holds the SHA-256 and the fsync, the others' does
# not.
#
#     [VANTA_BENCH_HF=PROGRAM] bench/fetch.sh [RUNS]
#
# RUNS: 5. TMPDIR is where all of them write: 4 GB. Peers that are not there are said.
# VANTA_BENCH_NGINX, _CURL, _WGET, _ARIA2C, _HF name other programs than those on PATH; hf
# is `pip install huggingface_hub`, in an environment of its own.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
: "${VANTA:=$root/build/vanta}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

export PYTHONPATH="$root/bench" PYTHONDONTWRITEBYTECODE=1
python3 - "$VANTA" "$work" "${1:-5}" <<'END'
import os
import sys

from peers import COMMIT, REPO, Hub, Race, digest, find, nginx, verdict

vanta, work, rounds = sys.argv[1:]
SMALL, GIB = 1000, 1 << 30
if not nginx():
    print("fetch: not measured. nginx serves the files: a package of most systems, or "
          "VANTA_BENCH_NGINX.")
    sys.exit(0)
tools = {name: find("VANTA_BENCH_" + name.upper(), name)
         for name in ("curl", "wget", "aria2c", "hf", "openssl")}
tools["both"] = tools["curl"] and tools["openssl"]
for name, program in tools.items():
    if not program and name != "both":
        print(f"fetch: there is no {name} here to compare with")

big = "big.gguf"
small = [f"part-{i:04d}.json" for i in range(SMALL)]
hub = Hub(work, {big: GIB, **dict.fromkeys(small, 4096)})
# A model has at most 512 files.
catalog = hub.catalog({"big": [big], "small-1": small[:500], "small-2": small[500:]})


def setup(*models):
    return lambda out: [vanta, "setup", *models, "--catalog", catalog, "--models-dir",
                        out, "--no-test", "--quiet"]


def races(peers):
    return {name: command for name, (tool, command) in peers.items()
            if not tool or tools[tool]}


def big_check(name, out):
    path = os.path.join(out, "llm/big/big.gguf" if name == "vanta" else big)
    if name != "curl, openssl dgst" and os.path.getsize(path) != GIB:
        raise SystemExit(f"{name}: {path} is not whole")
    if name == "vanta" and digest(path) != hub.sha256[big]:
        raise SystemExit(f"vanta: {path} is wrong")


def small_check(name, out):
    for i, file in enumerate(small):
        folder = f"llm/small-{i // 500 + 1}" if name == "vanta" else ""
        if digest(os.path.join(out, folder, file)) != hub.sha256[file]:
            raise SystemExit(f"{name}: {file} is wrong")


def aria2c(connections):
    return lambda out: [tools["aria2c"], "-q", "--no-conf", f"-x{connections}",
                        f"-s{connections}", "-k1M", "--file-allocation=none",
                        "-d", out, "-o", big, hub.url(big)]


def hf(*files):
    return lambda out: [tools["hf"], "download", REPO, *files, "--revision", COMMIT,
                        "--local-dir", out, "--quiet"]


def listed(form):
    path = os.path.join(work, "list")
    with open(path, "w") as file:
        for name in small:
            file.write(form.format(url=hub.url(name), name=name))
    return path


try:
    race = Race(work, hub, int(rounds))
    race.run(races({
        "curl": ("curl", lambda out: [tools["curl"], "-sSfo", big, hub.url(big)]),
        "vanta": (None, setup("big")),
        "aria2c -x8": ("aria2c", aria2c(8)),
        "aria2c -x16": ("aria2c", aria2c(16)),
        "wget": ("wget", lambda out: [tools["wget"], "-qO", big, hub.url(big)]),
        "hf download": ("hf", hf(big)),
        "curl, openssl dgst": ("both", lambda out: [
            "sh", "-c", '"$1" -sSfo "$2" "$3" && "$4" dgst -sha256 "$2"', "sh",
            tools["curl"], big, hub.url(big), tools["openssl"]]),
    }), big_check)
    for name in race.runs:
        race.show("fetch 1 GiB", name)
    own = race.best("vanta")
    if "curl" in race.runs:
        verdict("fetch 1 GiB: time beside curl alone", own / race.best("curl"), 1.25)
    aria = [race.best(name) for name in race.runs if name.startswith("aria2c")]
    if aria:
        verdict("fetch 1 GiB: time beside aria2c without a check", own / min(aria), 1.0)
    if "hf download" in race.runs:
        verdict("fetch 1 GiB: times faster than hf", race.best("hf download") / own, 2.5,
                most=False)
    if "curl, openssl dgst" in race.runs:
        verdict("fetch 1 GiB: CPU seconds beside curl and openssl dgst",
                race.cpu("vanta") / race.cpu("curl, openssl dgst"), 1.0)

    race = Race(work, hub, int(rounds))
    race.run(races({
        "curl -Z": ("curl", lambda out: [
            tools["curl"], "-sSfZ", "--parallel-max", "16", "-K",
            listed('url = "{url}"\noutput = "{name}"\n')]),
        "vanta": (None, setup("small-1", "small-2")),
        "aria2c -j16": ("aria2c", lambda out: [
            tools["aria2c"], "-q", "--no-conf", "-j16", "-d", out, "-i",
            listed("{url}\n  out={name}\n")]),
        "wget": ("wget", lambda out: [tools["wget"], "-q", "-i", listed("{url}\n")]),
        "hf download": ("hf", hf()),
    }), small_check)
    for name in race.runs:
        race.show("fetch 1,000 files", name)
    if "hf download" in race.runs:
        verdict("fetch 1,000 files: times faster than hf",
                race.best("hf download") / race.best("vanta"), 3.0, most=False)
finally:
    hub.close()
END
