#!/bin/sh
# vanta verify of one file of 4 GiB in the page cache (VANTA_BENCH_MIB sets another size):
# - with chunk digests, by all cores, beside coreutils' sha256sum and beside what openssl's
#   SHA-256 gives on all cores at once;
# - the first time, when the chunk digests are made, beside openssl dgst of the file;
# - and out of a cold cache, with what is in the cache afterwards.
# All in turns, best of 5 with the spread.
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
for tool in sha256sum openssl python3; do
    if ! command -v $tool >/dev/null; then
        echo "verify: there is no $tool here to compare with"
        exit 0
    fi
done
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/llm/big" "$work/registry"
file=$work/llm/big/w.gguf
mib=${VANTA_BENCH_MIB:-4096}
dd if=/dev/urandom of="$file" bs=1048576 count="$mib" 2>/dev/null
sync "$file" 2>/dev/null || sync
digest=$(openssl dgst -sha256 -r "$file" | cut -d ' ' -f 1)
cat >"$work/registry/registry.json" <<END
{"version": 2, "models": [{"id": "big", "type": "llm", "path": "llm/big/w.gguf",
 "hash": "$digest", "files": [{"path": "w.gguf", "size_bytes": $((mib << 20)), "sha256": "$digest"}]}]}
END

python3 - "$VANTA" "$work" "$mib" <<'END'
import os, re, resource, shutil, subprocess, sys, time

vanta, work, mib = sys.argv[1], sys.argv[2], int(sys.argv[3])
file, chunks = work + "/llm/big/w.gguf", work + "/registry/chunks"
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
verify = [vanta, "verify", "--models-dir", work]
ROUNDS = 5


def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command):
    started, before = time.monotonic(), cpu()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started, cpu() - before


def first():
    shutil.rmtree(chunks, ignore_errors=True)
    return run(verify)


def forget():
    with open(file, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold():
    forget()
    return run(verify)


def warm():
    subprocess.run(["cat", file], stdout=subprocess.DEVNULL, check=True)


def openssl_speed():
    """Bytes a second of SHA-256 on all cores, as openssl measures itself."""
    text = subprocess.run(["openssl", "speed", "-multi", str(cores), "-evp", "sha256",
                           "-bytes", "131072", "-seconds", "2"], check=True,
                          capture_output=True, text=True).stdout
    return float(re.search(r"^(?:evp|sha256)\s+([0-9.]+)k", text, re.M | re.I).group(1)) * 1000


what = {
    "first": first,
    "chunks": lambda: run(verify),
    "quick": lambda: run(verify + ["--quick"]),
    "openssl dgst": lambda: run(["openssl", "dgst", "-sha256", file]),
    "sha256sum": lambda: run(["sha256sum", file]),
}
times = {name: [] for name in what}
speeds = []
warm()
for _ in range(ROUNDS):
    for name, measure in what.items():
        times[name].append(measure())
    speeds.append(openssl_speed())


def best(name):
    return min(times[name])[0]


def show(name, note):
    walls = [wall for wall, _ in times[name]]
    print("verify: %-26s %6.2f s (to %.2f), %5.2f CPU s, %5.2f GB/s%s"
          % (name, min(walls), max(walls), min(times[name])[1],
             mib * 1048576 / min(walls) / 1e9, note))


show("sha256sum", "")
show("openssl dgst", "")
show("first", "  chunk digests made; %.2f times openssl dgst" % (best("first") / best("openssl dgst")))
speed = mib * 1048576 / best("chunks")
show("chunks", "  %.1f times faster than sha256sum (goal at least 6 on two cores)"
     % (best("sha256sum") / best("chunks")))
print("verify: openssl's SHA-256 on %d cores %.2f GB/s; vanta is at %.0f %% of it "
      "(goal at least 90)" % (cores, max(speeds) / 1e9, 100 * speed / max(speeds)))
show("quick", "")
if hasattr(os, "posix_fadvise"):
    times["cold"] = [cold() for _ in range(3)]
    show("cold", "  out of the disk")
    forget()
    times["cold first"] = [first()]
    show("cold first", "")
END
