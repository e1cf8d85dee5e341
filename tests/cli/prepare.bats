# vanta setup of a model that has to be made first: converted, or taken out of an archive.
load ../helpers

setup() {
    fresh_home
    upstream=$BATS_TEST_TMPDIR/upstream
    models=$BATS_TEST_TMPDIR/models
    catalog=$BATS_TEST_TMPDIR/catalog.json
    export VANTA_MODELS_DIR=$models
}

facts() {
    printf '"size_bytes": %d, "sha256": "%s"' "$(wc -c <"$1")" "$(digest_of "$1")"
}

# whisper_catalog [FACTS]: the model "spoken", made of the faster-whisper folder $upstream;
# FACTS of the result, where they are not the right ones.
whisper_catalog() {
    local name inputs='' made
    [ -e whole.bin ] || "$VANTA" convert "$upstream" --to whisper-ggml -o whole.bin 2>/dev/null
    made=${1:-$(facts whole.bin)}
    for name in model.bin tokenizer.json; do
        inputs="$inputs${inputs:+, }{\"path\": \"$name\", $(facts "$upstream/$name"),
            \"sources\": [\"file:$upstream/$name\"]}"
    done
    cat >"$catalog" <<END
{"format": "vanta-catalog", "version": 1, "models": [
  {"id": "spoken", "name": "Spoken", "type": "whisper", "version": "1",
   "format": "whisper-ggml", "license": "MIT",
   "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [{"path": "ggml.bin", $made}],
   "preparations": [{"id": "from-weights", "version": 1, "kind": "ct2-whisper",
     "output": "ggml.bin", "inputs": [$inputs]}]}]}
END
}

# archive_catalog ARCHIVE MEMBER: the model "packed", a member of a local archive.
archive_catalog() {
    cat >"$catalog" <<END
{"format": "vanta-catalog", "version": 1, "models": [
  {"id": "packed", "name": "Packed", "type": "llm", "version": "1", "format": "gguf",
   "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [{"path": "packed.gguf", $(facts weights),
     "sources": ["file:$1!/$2"]}]}]}
END
}

vanta_setup() {
    "$VANTA" setup --catalog "$catalog" "$@"
}

@test "a model is made of other weights, and nothing of the making stays" {
    "$VANTA_BINARY_DIR/tests/cli/make_faster_whisper" "$upstream"
    whisper_catalog
    run vanta_setup spoken
    exits 0
    cmp whole.bin "$models/whisper/spoken/ggml.bin"
    [ "$(ls -A "$models/whisper/spoken")" = ggml.bin ]
    [ ! -e "$models/whisper/.spoken.partial" ]
    run "$VANTA" verify spoken --catalog "$catalog"
    exits 0
    rm -r "$upstream"
    run vanta_setup spoken
    exits 0
    contains "was there"
}

@test "a result with another digest never gets the name" {
    "$VANTA_BINARY_DIR/tests/cli/make_faster_whisper" "$upstream"
    printf 'another model' >other
    whisper_catalog "$(facts other)"
    run vanta_setup spoken
    exits 1
    contains "$(digest_of whole.bin)"
    contains "$(digest_of other)"
    [ ! -e "$models/whisper/spoken/ggml.bin" ]
    run "$VANTA" path spoken --catalog "$catalog"
    exits 3
}

@test "kill -9 while it converts: no half file, and the same command goes on" {
    local try pid code killed=0
    "$VANTA_BINARY_DIR/tests/cli/make_faster_whisper" "$upstream" f32 192
    whisper_catalog
    for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
        rm -rf "$models"
        "$VANTA" setup --catalog "$catalog" spoken >log 2>&1 &
        pid=$!
        while kill -0 "$pid" 2>/dev/null; do
            if ls -A "$models/whisper/.spoken.partial" 2>/dev/null | grep -q converted; then
                break
            fi
        done
        kill -9 "$pid" 2>/dev/null || true
        code=0
        wait "$pid" || code=$?
        if [ -e "$models/whisper/.spoken.partial" ]; then
            [ ! -e "$models/whisper/spoken/ggml.bin" ]
            killed=1
            break
        fi
    done
    [ "$killed" -eq 1 ] || { echo "no run was caught in the midst" >&2; return 1; }
    run vanta_setup spoken
    exits 0
    cmp whole.bin "$models/whisper/spoken/ggml.bin"
    [ ! -e "$models/whisper/.spoken.partial" ]
}

@test "archives that are cut, or hold links or ways out, write nothing but the member" {
    printf 'the weights' >weights
    python3 - <<'END'
import stat, zipfile
with zipfile.ZipFile("good.zip", "w") as z:
    z.write("weights", "in/weights")
data = open("good.zip", "rb").read()
open("cut.zip", "wb").write(data[:45])
with zipfile.ZipFile("slip.zip", "w") as z:
    z.writestr("../../../../slipped", b"x")
    z.write("weights", "in/weights")
link = zipfile.ZipInfo("in/weights")
link.create_system = 3
link.external_attr = (stat.S_IFLNK | 0o777) << 16
with zipfile.ZipFile("link.zip", "w") as z:
    z.writestr(link, "/etc/passwd")
END
    for name in cut link slip; do
        archive_catalog "$PWD/$name.zip" in/weights
        rm -rf "$models"
        run vanta_setup packed
        # Another member's hostile name harms nobody: only the named one is written.
        if [ "$name" = slip ]; then exits 0; else exits 3; fi
        contains "packed"
        [ -z "$(find "$BATS_TEST_TMPDIR" -name slipped)" ]
        [ -z "$(find "$models" -type l)" ]
        [ "$name" = slip ] || [ ! -e "$models/llm/packed/packed.gguf" ]
    done
    rm -rf "$models"
    archive_catalog "$PWD/good.zip" in/weights
    run vanta_setup packed
    exits 0
    cmp weights "$models/llm/packed/packed.gguf"
    archive_catalog "$PWD/good.zip" ../weights
    run vanta_setup packed
    [ "$status" -ne 0 ]
    contains "$catalog"
}
