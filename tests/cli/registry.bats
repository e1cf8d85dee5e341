# What may happen to registry.json, seen from the command line; its JSON Schema.
load ../helpers

setup() {
    fresh_home
    make_models
    "$VANTA" verify --quiet --catalog "$CATALOG" # writes the registry in full
    registry=$MODELS/registry/registry.json
}

ids() {
    run --separate-stderr sh -c '"$VANTA" list --catalog "$1" | awk "NR>2 {print \$1}"' sh \
        "$CATALOG"
}

damaged() {
    cp "$registry" before
    ids
    exits 0
    [ "$output" = "spoken
writer
finder
tts-1" ]
    [[ $stderr == *"registry is damaged"* && $stderr == *"vanta registry rebuild"* ]]
    cmp before "$registry"
    # The guide's recovery loop goes on with verify.
    run --separate-stderr "$VANTA" verify writer --catalog "$CATALOG"
    exits 0
    cmp before "$registry"
}

@test "corrupt: ids come from the history, and the file is left as it is" {
    printf '\377\376 not JSON' >"$registry"
    damaged
}

@test "truncated" {
    head -c 700 "$registry" >cut && cat cut >"$registry"
    damaged
}

@test "empty" {
    : >"$registry"
    damaged
}

@test "huge" {
    dd if=/dev/zero of="$registry" bs=1 count=0 seek=80000000 2>/dev/null
    damaged
}

@test "no history either: exit 3 and the way out" {
    rm -r "$MODELS/registry/history"
    echo '{' >"$registry"
    run "$VANTA" list
    exits 3
    contains "registry.json:"
    contains "vanta registry rebuild"
}

@test "the guide's registry is upgraded at the next change, the old one kept" {
    mkdir -p "$MODELS/tts/XTTS-v2" "$MODELS/embeddings/all-MiniLM-L6-v2"
    : >"$MODELS/tts/XTTS-v2/SETUP_INSTRUCTIONS.md"
    cat >"$registry" <<END
{"models": [
  {"id": "llm-mistral-7b", "name": "LLM mistral-7b", "type": "llm", "version": "v1",
   "path": "$MODELS/llm/writer/writer.gguf", "size": "4.1GB", "format": "gguf",
   "quantization": "Q4_K_M", "date_added": "2024-05-01T10:11:12.123456",
   "hash": "$(digest_of "$MODELS/llm/writer/writer.gguf")", "parameters": {}},
  {"id": "tts-coqui-XTTS-v2", "type": "tts", "path": "$MODELS/tts/XTTS-v2",
   "metadata": {"placeholder": true}},
  {"id": "embedding-all-MiniLM-L6-v2", "type": "embedding",
   "path": "$MODELS/embeddings/all-MiniLM-L6-v2"},
  {"id": "tts-tts-1", "type": "tts", "path": "api", "size": "N/A", "format": "api",
   "parameters": {"provider": "openai"}}]}
END
    cp "$registry" before
    run "$VANTA" list
    exits 0
    contains "mistral-7b"
    [[ $output =~ coqui-XTTS-v2[^$'\n']*missing ]]
    [[ $output =~ tts-1[^$'\n']*needs-key ]]
    cmp before "$registry"
    run "$VANTA" path embedding-all-MiniLM-L6-v2
    run "$VANTA" verify tts-tts-1
    exits 0
    run "$VANTA" remove tts-coqui-XTTS-v2 -y
    exits 0
    [ ! -e "$MODELS/tts/XTTS-v2" ]
    grep -q '"version": 2' "$registry"
    grep -q llm-mistral-7b "$registry" # as an alias
    run sh -c 'for f in "$1"/history/*; do cmp -s before "$f" && echo kept; done' sh \
        "$MODELS/registry"
    contains kept
}

@test "a read-only registry is read, and not changed" {
    chmod -R a+rX "$BATS_TEST_TMPDIR" && chmod -R a-w "$MODELS"
    run as_user env HOME="$HOME" "$VANTA" list --catalog "$CATALOG"
    exits 0
    run as_user env HOME="$HOME" "$VANTA" remove writer -y --catalog "$CATALOG"
    chmod -R u+w "$MODELS"
    exits 3
    contains "Permission denied"
    contains "--models-dir"
    [ -e "$MODELS/llm/writer/writer.gguf" ]
}

@test "a file where the registry's folder should be" {
    mkdir bad && : >bad/registry
    run "$VANTA" list --models-dir bad
    exits 3
    contains "bad/registry"
}

@test "a newer format is not touched" {
    echo '{"version": 9, "models": []}' >"$registry"
    run "$VANTA" list
    exits 3
    contains "newer vanta"
}

# --- the schema, by Debian's validator ---

check_schema() {
    /usr/bin/python3 -c 'import jsonschema' 2>/dev/null ||
        skip "python3-jsonschema is not installed"
    /usr/bin/python3 - "$MODELS/registry/schema.json" "$@"
}

@test "schema.json is written beside, and renewed" {
    cmp "$MODELS/registry/schema.json" "$VANTA_SOURCE_DIR/src/models/registry.schema.json"
    echo old >"$MODELS/registry/schema.json"
    "$VANTA" verify --quiet writer --catalog "$CATALOG"
    sleep 1.1 # the time in the registry is in seconds: it must differ to be written
    "$VANTA" verify --quiet writer --catalog "$CATALOG"
    cmp "$MODELS/registry/schema.json" "$VANTA_SOURCE_DIR/src/models/registry.schema.json"
}

@test "what is written is valid, and broken registries are not" {
    check_schema "$registry" <<'END'
import copy, json, sys
import jsonschema
schema, good = (json.load(open(f)) for f in sys.argv[1:3])
jsonschema.Draft7Validator.check_schema(schema)
v = jsonschema.Draft7Validator(schema)
v.validate(good)
assert len(good["models"]) == 4

def broken(change, what):
    d = copy.deepcopy(good)
    change(d)
    assert not v.is_valid(d), what

writer = next(i for i, m in enumerate(good["models"]) if m["id"] == "writer")
for key in good["models"][writer]:
    broken(lambda d: d["models"][writer].pop(key), key + " is missing")
    broken(lambda d: d["models"][writer].__setitem__(key, 1.5), key + " is a number")
for key, value in [("id", "../x"), ("id", ""), ("hash", "ABC"), ("size_bytes", -1),
                   ("date_added", "2024-05-01T10:11:12"), ("type", ""), ("path", ""),
                   ("files", [{"path": "../x", "size_bytes": 1, "sha256": None}]),
                   ("files", [{"path": "/x", "size_bytes": 1, "sha256": None}]),
                   ("files", [{"path": "a//b", "size_bytes": 1, "sha256": None}]),
                   ("files", [{"size_bytes": 1, "sha256": None}]),
                   ("license", {"id": "MIT"}), ("verified", {}), ("aliases", [1]),
                   ("hardware_requirements", {}), ("external", "yes")]:
    broken(lambda d: d["models"][writer].__setitem__(key, value), (key, value))
broken(lambda d: d.pop("models"), "no models")
broken(lambda d: d.pop("version"), "no version")
broken(lambda d: d.__setitem__("version", 1), "an old version")
tts = next(i for i, m in enumerate(good["models"]) if m["id"] == "tts-1")
broken(lambda d: d["models"][tts].__setitem__("path", "tts/x"), "an API with a path")
END
}

@test "hand-edited entries are written back valid, nothing lost" {
    cat >"$registry" <<'END'
{"version": "1", "mine": [1], "models": [
  {"id": "a"}, {"id": "b", "type": 7, "path": 5, "size": 12, "format": null, "hash": "x",
   "date_added": 3, "parameters": "7B", "hardware_requirements": [], "metadata": null,
   "files": [{"path": "../x"}], "license": ["MIT"], "verified": true, "tests": {},
   "aliases": "bee", "size_bytes": "many", "preparation": [], "source": {}, "extra": "yes"},
  {"id": "c", "type": "Vad Model", "format": "API", "path": "x", "files": {},
   "license": {"note": "ask"}, "verified": {"at": "never"}, "missing": "yes"}]}
END
    run "$VANTA" remove a -y
    exits 0
    check_schema "$registry" <<'END'
import json, sys
import jsonschema
schema, written = (json.load(open(f)) for f in sys.argv[1:3])
jsonschema.Draft7Validator(schema).validate(written)
b, c = written["models"]
assert written["mine"] == [1] and b["extra"] == "yes"
assert b["files_as_written"] == [{"path": "../x"}] and b["hash_as_written"] == "x"
assert b["parameters_as_written"] == "7B" and b["aliases_as_written"] == "bee"
assert b["license_as_written"] == ["MIT"] and b["source_as_written"] == {}
assert c["license"]["note"] == "ask" and c["type_as_written"] == "Vad Model"
END
}

@test "two processes at once lose nothing" {
    for _ in 1 2 3 4 5; do
        "$VANTA" verify --quiet writer --catalog "$CATALOG" &
        "$VANTA" verify --quiet finder --catalog "$CATALOG" &
    done
    "$VANTA" remove spoken -y --catalog "$CATALOG"
    wait
    ids
    [ "$output" = "writer
finder
tts-1" ]
}

@test "kill -9 while writing leaves a whole registry" {
    for _ in $(seq 8); do
        "$VANTA" verify --quiet --catalog "$CATALOG" &
        sleep "0.0$((RANDOM % 30 + 10))"
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || true
        python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))["models"]) == 4' \
            "$registry"
    done
    "$VANTA" verify --quiet --catalog "$CATALOG"
    run ls -A "$MODELS/registry"
    lacks .tmp-
}
