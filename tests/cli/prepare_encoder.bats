# vanta setup of a sentence encoder: its folder is fetched and stays, its GGUF is made.
load ../helpers
load ../scripted

setup() {
    fresh_home
    install_engine
    upstream=$BATS_TEST_TMPDIR/upstream
    models=$BATS_TEST_TMPDIR/models
    catalog=$BATS_TEST_TMPDIR/catalog.json
    folder=$models/embeddings/finder
    gguf=$folder/model.f16.gguf
    export VANTA_MODELS_DIR=$models
    "$VANTA_BINARY_DIR/tests/cli/make_encoder" "$upstream"
    encoder_catalog "$(digest_of /dev/null)"
}

# encoder_catalog DIGEST: the model "finder", whose GGUF has it.
encoder_catalog() {
    local file files=''

    for file in $(cd "$upstream" && find . -type f | sed 's|^\./||' | sort); do
        files="$files{\"path\": \"$file\", \"size_bytes\": $(wc -c <"$upstream/$file"),
            \"sha256\": \"$(digest_of "$upstream/$file")\",
            \"sources\": [\"file:$upstream/$file\"]}, "
    done
    cat >"$catalog" <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1, "models": [
  {"id": "finder", "name": "Finder", "type": "embedding", "version": "1",
   "format": "safetensors", "license": "MIT",
   "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [$files {"path": "model.f16.gguf", "sha256": "$1"}],
   "preparations": [{"id": "fetch-and-convert", "version": 3, "kind": "encoder-gguf",
     "output": "model.f16.gguf", "weights": "f16"}]}]}
END_OF_CATALOG
}

vanta_setup() {
    "$VANTA" setup finder --catalog "$catalog" --no-test "$@"
}

# A catalog that is wrong of the GGUF says what was made in its place.
right_catalog() {
    local made

    made=$(vanta_setup 2>&1 | sed -n 's/.*gave the digest \([0-9a-f]*\), not .*/\1/p' | head -n 1)
    [ "${#made}" -eq 64 ]
    encoder_catalog "$made"
}

# What is in the model's folder is upstream's, byte for byte, and more of names.
fetched_and() {
    local file

    for file in $(cd "$upstream" && find . -type f); do
        cmp "$upstream/$file" "$folder/$file"
    done
    [ "$(cd "$folder" && find . -type f | sort)" = \
        "$( (cd "$upstream" && find . -type f; for file in "$@"; do echo "./$file"; done) | sort)" ]
}

@test "another digest than the catalog's is thrown away, and what was fetched is kept" {
    run vanta_setup
    exits 1
    contains "model.f16.gguf: converting (fetch-and-convert) gave the digest "
    contains "not $(digest_of /dev/null), and was thrown away"
    fetched_and
    [ -z "$(find "$models" -name 'converted*')" ]
    run "$VANTA" path finder --catalog "$catalog"
    exits 3
}

@test "the GGUF is made beside the files, which stay as they are; the folder is the model" {
    right_catalog
    rm -r "$models"
    run vanta_setup
    exits 0
    fetched_and model.f16.gguf
    [ "$(head -c 4 "$gguf")" = GGUF ]
    [ -z "$(find "$models" -name '.finder.partial')" ]
    run "$VANTA" path finder --catalog "$catalog"
    [ "$output" = "$folder" ]
    run "$VANTA" verify finder --catalog "$catalog"
    exits 0
    run "$VANTA" info finder --catalog "$catalog"
    contains "fetch-and-convert, version 3"
    rm -r "$upstream"
    run vanta_setup
    exits 0
    contains "was there"
}

@test "what was fetched is there: a second set-up only converts" {
    right_catalog
    mv "$upstream" "$upstream.away"
    run vanta_setup
    exits 0
    [ -e "$gguf" ]
    made=$(digest_of "$gguf")
    rm "$gguf"
    run "$VANTA" list --catalog "$catalog"
    contains missing
    run vanta_setup
    exits 0
    [ "$(digest_of "$gguf")" = "$made" ]
}

@test "a GGUF that was changed is made again; a changed file is fetched again" {
    right_catalog
    run vanta_setup
    exits 0
    made=$(digest_of "$gguf")
    printf 'x' >>"$gguf"
    run vanta_setup
    exits 0
    [ "$(digest_of "$gguf")" = "$made" ]
    printf ' ' >>"$folder/config.json"
    run "$VANTA" verify finder --catalog "$catalog"
    exits 1
    run vanta_setup
    exits 0
    fetched_and model.f16.gguf
    [ "$(digest_of "$gguf")" = "$made" ]
    run "$VANTA" verify finder --catalog "$catalog"
    exits 0
}

@test "a folder that cannot be converted: the cause, and no half file" {
    sed -i.bak 's/"model_type": *"bert"/"model_type": "gpt9"/' "$upstream/config.json"
    rm "$upstream/config.json.bak"
    encoder_catalog "$(digest_of /dev/null)"
    run vanta_setup
    [ "$status" -ne 0 ]
    contains gpt9
    fetched_and
    [ -z "$(find "$models" -name 'converted*')" ]
}

@test "a set that lacks the GGUF has it made without a network" {
    right_catalog
    vanta_setup
    rm "$gguf"
    sed -i.bak 's|"file:[^"]*/|"https://127.0.0.1:1/|' "$catalog"
    run vanta_setup --offline
    exits 0
    run "$VANTA" verify finder --catalog "$catalog"
    exits 0
    # One of the files that it is made of is needed just so, too.
    rm "$gguf" "$folder/config.json"
    run vanta_setup --offline
    exits 3
    contains "offline nothing is fetched"
}

@test "it is tested by its GGUF" {
    right_catalog
    printf '{%s, "embed": [{"rows": [[1, 0], [0.8, 0.6], [0, 1]]}]}' "$(loaded)" \
        >"$BIN/vanta-engine.script"
    run "$VANTA" setup finder --catalog "$catalog" --require-ready
    exits 0
    contains "passed its test: 2 dimensions"
}

@test "a folder of the user's has a GGUF made for the test, and loses it again" {
    printf '{%s, "embed": [{"rows": [[1, 0], [0.8, 0.6], [0, 1]]}]}' "$(loaded)" \
        >"$BIN/vanta-engine.script"
    "$VANTA" add "$upstream" --type embedding --id mine
    before=$(find "$models" "$upstream" -type f | sort)
    run "$VANTA" test mine
    exits 0
    contains passed
    run "$VANTA" run mine hello
    exits 0
    [ "$output" = '1 0' ]
    run "$VANTA" bench mine -r 1
    exits 0
    [ "$(find "$models" "$upstream" -type f ! -path '*/registry/*' | sort)" = \
        "$(grep -v /registry/ <<<"$before")" ]
    # One that is read where it is, too.
    "$VANTA" remove mine --yes || "$VANTA" remove mine
    "$VANTA" add "$upstream" --type embedding --id mine --link
    run "$VANTA" test mine
    exits 0
    [ -z "$(find "$upstream" -name '*.gguf')" ]
    [ -z "$(find "$models" -name '*.gguf')" ]
    # A helper that dies leaves none behind either.
    printf '{%s, "embed": [{"do": "abort"}]}' "$(loaded)" >"$BIN/vanta-engine.script"
    run "$VANTA" test mine
    exits 1
    [ -z "$(find "$models" "$upstream" -name '*.gguf')" ]
}

@test "verify --repair converts again what a conversion made, and says so before" {
    right_catalog
    vanta_setup
    made=$(digest_of "$gguf")
    "$VANTA" verify -q --catalog "$catalog"
    printf 'X' | dd of="$gguf" bs=1 seek=100 conv=notrunc 2>/dev/null
    run "$VANTA" verify --repair --catalog "$catalog"
    exits 0
    contains "model.f16.gguf: its bytes differ"
    contains "repair finder: converted again"
    contains "finder: repaired, 0 B fetched"
    [ "$(digest_of "$gguf")" = "$made" ]
    # A file that it was made of is fetched again, and what was made of it stays right.
    printf 'X' | dd of="$folder/config.json" bs=1 seek=2 conv=notrunc 2>/dev/null
    run "$VANTA" verify --repair --catalog "$catalog"
    exits 0
    contains "config.json: its bytes differ"
    fetched_and model.f16.gguf
    [ "$(digest_of "$gguf")" = "$made" ]
}
