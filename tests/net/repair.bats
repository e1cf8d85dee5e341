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
    "$VANTA" setup --catalog "$catalog" --no-test "$@" >/dev/null 2>&1
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
