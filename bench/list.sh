#!/bin/sh
# vanta list as a process of its own, with 20 and with 1,000 models: the median of 31 runs.
set -eu
: "${VANTA:=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)/build/vanta}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vanta-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

python3 - "$VANTA" "$work" <<'END'
import json, os, statistics, subprocess, sys, time

vanta, work = sys.argv[1:]

def make(count):
    root = os.path.join(work, str(count))
    os.makedirs(root + "/registry")
    models = []
    for i in range(count):
        name, digest = "model-%04d" % i, "%064x" % i
        os.makedirs(root + "/llm/" + name)
        with open(root + "/llm/" + name + "/w.gguf", "w") as file:
            file.write("x" * 100)
        models.append({
            "id": name, "name": "Model %d" % i, "type": "llm", "version": "1",
            "path": "llm/%s/w.gguf" % name, "size": "100 B", "format": "gguf",
            "quantization": "Q4_K_M", "date_added": "2026-01-01T00:00:00Z",
            "hash": digest, "parameters": {"param_count": "7B"},
            "hardware_requirements": {"min_ram": "16GB", "gpu_recommended": True,
                                      "metal_supported": True},
            "metadata": {"source": "https://example.org", "description": "for timing"},
            "size_bytes": 100,
            "files": [{"path": "w.gguf", "size_bytes": 100, "sha256": digest}],
            "source": "hf:org/repo@revision/w.gguf",
            "preparation": {"id": "fetch", "version": 1},
            "license": {"id": "MIT", "accepted": None},
            "verified": {"at": "2026-01-01T00:00:00Z", "digest": digest}, "tests": []})
    with open(root + "/registry/registry.json", "w") as file:
        json.dump({"version": 2, "models": models}, file, indent=2)
    return root

for count, goal in (20, 10), (1000, 50):
    command = [vanta, "list", "--models-dir", make(count)]
    times = []
    for _ in range(31):
        started = time.monotonic()
        lines = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        times.append((time.monotonic() - started) * 1000)
        assert lines.count(b"\n") == count + 2 and lines.count(b" untested ") == count
    print("list: %5d models %6.1f ms (median of 31, least %.1f; goal under %d)"
          % (count, statistics.median(times), min(times), goal))
END
