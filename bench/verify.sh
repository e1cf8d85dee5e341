#!/bin/sh
# vanta verify of a file of 1 GiB beside coreutils' sha256sum, in turns; the file is in
# the page cache for both.
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
if ! command -v sha256sum >/dev/null; then
    echo "verify: there is no sha256sum here to compare with"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/llm/big" "$work/registry"
dd if=/dev/urandom of="$work/llm/big/w.gguf" bs=1048576 count=1024 2>/dev/null
digest=$(sha256sum "$work/llm/big/w.gguf" | cut -d ' ' -f 1)
cat >"$work/registry/registry.json" <<END
{"version": 2, "models": [{"id": "big", "type": "llm", "path": "llm/big/w.gguf",
 "hash": "$digest", "files": [{"path": "w.gguf", "size_bytes": 1073741824, "sha256": "$digest"}]}]}
END

python3 - "$VANTA" "$work" <<'END'
import statistics, subprocess, sys, time

vanta, work = sys.argv[1:]
commands = {"vanta": [vanta, "verify", "--models-dir", work],
            "sha256sum": ["sha256sum", work + "/llm/big/w.gguf"]}
times = {name: [] for name in commands}
for _ in range(5):
    for name, command in commands.items():
        started = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times[name].append(time.monotonic() - started)
ratio = statistics.median(s / v for v, s in zip(times["vanta"], times["sha256sum"]))
print("verify: 1 GiB in %.2f s, sha256sum %.2f s: %.1f times faster "
      "(medians of 5; goal at least 3.5)"
      % (statistics.median(times["vanta"]), statistics.median(times["sha256sum"]), ratio))
END
