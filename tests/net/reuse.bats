# Bytes that are in the models folder already are copied, not fetched again.
load ../helpers
load ../models
load server

COMMIT=0123456789abcdef0123456789abcdef01234567
BYTES=1500000

setup() {
    fresh_home
    start_server
    export HF_ENDPOINT=$URL VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    models=$VANTA_MODELS_DIR
    catalog=$BATS_TEST_TMPDIR/catalog.json
    make_file first.gguf "$BYTES" same
    make_file second.gguf "$BYTES" same
    # Different names at different places of the hub; the same bytes.
    printf '{"format": "vanta-catalog", "version": 1, "models": [%s,\n%s]}' \
        "$(model first)" "$(model second)" >"$catalog"
}

teardown() {
    stop_server
}

model() {
    cat <<JSON
{"id": "$1", "name": "$1", "type": "llm", "version": "1", "format": "gguf",
 "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
 "files": [{"path": "$1.gguf", "size_bytes": $BYTES,
            "sha256": "$(sha "$FILES/$1.gguf")",
            "sources": ["hf:good/repo@$COMMIT/$1.gguf"]}]}
JSON
}

vanta_setup() {
    "$VANTA" setup --no-test --catalog "$catalog" "$@"
}

# there ID...: right, registered as right, and nothing unfinished is left beside them.
there() {
    local id

    for id in "$@"; do
        cmp "$FILES/$id.gguf" "$models/llm/$id/$id.gguf"
        [ "$(find "$models/llm/$id" -type f | wc -l)" -eq 1 ]
    done
    run "$VANTA" verify "$@" --catalog "$catalog"
    exits 0
    [ -z "$(find "$models/llm" -name '.*.partial*')" ]
}

@test "a model with the bytes of another is copied from it" {
    vanta_setup first
    : >"$LOG"
    run vanta_setup second
    exits 0
    contains "1.50 MB reused"
    lacks "To download"
    [ ! -s "$LOG" ] || { cat "$LOG"; false; }
    there first second
}

@test "a copy is no hard link: an edit of one leaves the other alone" {
    vanta_setup first
    vanta_setup second
    printf 'edited' | dd of="$models/llm/second/second.gguf" conv=notrunc 2>/dev/null
    cmp "$FILES/first.gguf" "$models/llm/first/first.gguf"
}

@test "two models with the same bytes at once: fetched once" {
    run vanta_setup first second
    exits 0
    contains "1.50 MB reused"
    [ "$(requests /good/repo/resolve/)" -eq 1 ] || { cat "$LOG"; false; }
    there first second
}

@test "what is copied needs no network" {
    vanta_setup first
    stop_server
    run vanta_setup second --offline
    exits 0
    there first second
}

@test "a file that only says it has the bytes is not believed" {
    vanta_setup first
    printf 'damaged' | dd of="$models/llm/first/first.gguf" conv=notrunc bs=1 seek=777 2>/dev/null
    : >"$LOG"
    run vanta_setup second
    exits 0
    contains "which should be the same, is not"
    [ "$(requests /good/repo/resolve/)" -eq 1 ]
    there second

    # And the right one is now what the damaged one is mended with.
    : >"$LOG"
    run "$VANTA" verify first --catalog "$catalog"
    exits 1
    run vanta_setup first
    exits 0
    there first second
    [ ! -s "$LOG" ] || { cat "$LOG"; false; }
}

@test "a file that is gone from under the registry is fetched" {
    vanta_setup first
    rm "$models/llm/first/first.gguf"
    run vanta_setup second
    exits 0
    there second
    [ "$(requests /good/repo/resolve/)" -eq 2 ]
}

@test "what a killed copying left is swept away" {
    vanta_setup first
    mkdir -p "$models/llm/second"
    echo left >"$models/llm/second/.second.gguf.tmp-999999999-0"
    run vanta_setup second
    exits 0
    there second
}

@test "an added model is copied, too" {
    unset HF_ENDPOINT
    make_gguf "$FILES/mine.gguf"
    digest=$(sha "$FILES/mine.gguf")
    "$VANTA" add "$URL/ok/mine.gguf" --id one --sha256 "$digest"
    : >"$LOG"
    run "$VANTA" add "$URL/ok/mine.gguf" --id two --sha256 "$digest"
    exits 0
    cmp "$FILES/mine.gguf" "$models/llm/two/mine.gguf"
    [ ! -s "$LOG" ] || { cat "$LOG"; false; }
}

# shared PATH: every extent of the file is another file's, too.
shared() {
    filefrag -v "$1" >frag
    grep -q 'shared' frag
    [ "$(grep -c '^ *[0-9]*: ' frag)" -eq "$(grep -c '^ *[0-9]*: .*shared' frag)" ]
}

on_btrfs() {
    vanta_setup first --offline --quiet
    sync -f "$models"
    vanta_setup second --offline
    sync -f "$models"
    shared "$models/llm/second/second.gguf" || { cat frag; return 1; }
    printf 'edited' | dd of="$models/llm/second/second.gguf" conv=notrunc 2>/dev/null
    cmp "$FILES/first.gguf" "$models/llm/first/first.gguf"
}

@test "where the file system can, a copy shares its room and is a file of its own" {
    local image=$BATS_TEST_TMPDIR/image

    command -v mkfs.btrfs >/dev/null || skip "there is no mkfs.btrfs"
    truncate -s 128M "$image"
    mkfs.btrfs -q "$image"
    mkdir -p "$models"
    unshare -m mount -o loop "$image" "$models" 2>/dev/null || skip "no rights to mount, or no btrfs"
    vanta_setup first # what the namespace's own folder copies from
    mv "$models" here
    mkdir "$models"
    export models catalog FILES VANTA
    unshare -m bash -e -c "$(declare -f shared on_btrfs vanta_setup)"'
        mount -o loop "$1" "$models"
        mkdir -p "$models/llm"
        cp -r here/. "$models"
        on_btrfs' bash "$image"
}
