#!/usr/bin/env bats
# vanta catalog: what it lists, shows, checks and refuses.
load ../helpers
bats_require_minimum_version 1.5.0

setup() {
    fresh_home
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    user=$XDG_CONFIG_HOME/vanta/catalog.d
    mkdir -p "$user"
}

# model ID EXTRA: a catalog with one language model.
model() {
    printf '{"format":"vanta-catalog","version":1,"models":[{"id":"%s","name":"Mine",' "$1"
    printf '"type":"llm","version":"1","format":"gguf","license":"MIT",'
    printf '"hardware":{"min_ram":"4GB","memory_bytes":1000},'
    printf '"files":[{"path":"m.gguf","sources":["https://host.test/m.gguf"]}]%s}]}\n' "$2"
}

@test "list shows the guide's eleven models and the profiles" {
    run --separate-stderr "$VANTA" catalog list
    exits 0
    [ -z "$stderr" ]
    for id in whisper-tiny whisper-base whisper-small whisper-medium mistral-7b phi-2 \
        llama2-7b all-MiniLM-L6-v2 all-mpnet-base-v2 tts-1 coqui-XTTS-v2; do
        grep -q "^$id " <<<"$output" || { echo "no $id"; return 1; }
    done
    [[ ${lines[0]} == ID* ]]
    [[ ${lines[2]} == whisper-tiny* ]]
    contains 'qwen2.5-0.5b-instruct or qwen2.5-coder-0.5b'
}

@test "list --type takes the types' other names and refuses what is none" {
    run "$VANTA" catalog list --type stt
    exits 0
    contains whisper-medium
    lacks mistral-7b
    run "$VANTA" catalog list --type video
    exits 2
    contains 'not video'
}

@test "list --json is one versioned document" {
    run --separate-stderr "$VANTA" catalog list --json
    exits 0
    printf '%s' "$output" >list.json
    /usr/bin/python3 - <<'END'
import json
d = json.load(open("list.json"))
assert d["version"] == 1
ids = [m["id"] for m in d["models"]]
assert ids[0] == "whisper-tiny" and len(ids) == 14, ids
tts = next(m for m in d["models"] if m["id"] == "tts-1")
assert tts["size_bytes"] == 0 and tts["format"] == "api"
assert {p["name"] for p in d["profiles"]} == {"lite", "default", "full"}
END
}

@test "show knows ids, aliases, short names and profiles" {
    run "$VANTA" catalog show whisper-base
    exits 0
    contains 60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe
    contains from-faster-whisper
    run "$VANTA" catalog show embedding-all-minilm-l6-v2
    exits 0
    contains 'id             all-MiniLM-L6-v2'
    run "$VANTA" catalog show base
    contains 'id             whisper-base'
    run "$VANTA" catalog show full
    exits 0
    contains coqui-XTTS-v2
    run "$VANTA" catalog show coqui-XTTS-v2
    contains 'must be accepted'
    contains 'Non-commercial'
}

@test "show --json has files, sources and the test recipe" {
    "$VANTA" catalog show all-mpnet-base-v2 --json >show.json
    /usr/bin/python3 - <<'END'
import json
m = json.load(open("show.json"))["model"]
f = m["files"][0]
assert f["path"] == "model.safetensors" and f["size_bytes"] == 437971872
assert [s["kind"] for s in f["sources"]] == ["hub", "packages"]
assert len(f["sources"][1]["parts"]) == 5
assert f["sources"][1]["inner"] == "all-mpnet-base-v2/model.safetensors"
assert m["test"]["dimensions"] == 768
END
}

@test "show names the nearest of an unknown id" {
    run "$VANTA" catalog show mistrl-7b
    exits 3
    contains 'did you mean mistral-7b?'
}

@test "a wrong line says what would be right" {
    run "$VANTA" catalog
    exits 2
    run "$VANTA" catalog chek
    exits 2
    contains 'did you mean check?'
    run "$VANTA" catalog show
    exits 2
    run "$VANTA" catalog list more
    exits 2
    contains more
}

@test "the built-in catalog passes its own check" {
    run "$VANTA" catalog check
    exits 0
    contains ': ok'
    run "$VANTA" catalog check "$VANTA_SOURCE_DIR/catalog/llm.json"
    exits 0
    contains ': ok'
}

@test "the user's files extend the catalog, --catalog too" {
    model mine-1 '' >"$user/a.json"
    model mine-2 '' >extra.json
    run "$VANTA" catalog list --catalog extra.json
    exits 0
    contains "$user/a.json"
    grep -Eq '^mine-2 .* extra.json *$' <<<"$output"
    run "$VANTA" catalog list
    lacks mine-2
}

@test "replacing a built-in needs override, and list says so" {
    model phi-2 '' >"$user/a.json"
    run "$VANTA" catalog list
    exits 3
    contains "$user/a.json: /models/0/id: \"phi-2\" is in the built-in llm.json already"
    contains '"override": true'
    model phi-2 ',"override":true' >"$user/a.json"
    run "$VANTA" catalog list
    exits 0
    grep -Eq '^phi-2 .*a.json \(replaces built-in\)' <<<"$output"
    [ "$(grep -c '^phi-2 ' <<<"$output")" -eq 1 ]
}

@test "check names file, pointer and reason, and exits 1" {
    model ok-1 '' >good.json
    model 'bad id' '' >pointer.json
    printf '{\n  "format": nonsense\n}\n' >syntax.json
    : >empty.json
    run "$VANTA" catalog check good.json pointer.json syntax.json empty.json
    exits 1
    contains 'good.json: ok'
    contains 'pointer.json: /models/0/id: "bad id" cannot be an id'
    contains 'syntax.json:2:'
    contains 'empty.json:1:'
    run "$VANTA" catalog check good.json
    exits 0
}

@test "check of what cannot be read exits 3" {
    run "$VANTA" catalog check missing.json
    exits 3
    contains missing.json
    mkfifo pipe.json
    run timeout 10 "$VANTA" catalog check pipe.json
    exits 3
    contains 'not a regular file'
    head -c 9000000 /dev/zero | tr '\0' ' ' >huge.json
    run "$VANTA" catalog check huge.json
    exits 1
    contains 'larger than'
}

@test "check does not need the user's other files to be right" {
    echo broken >"$user/a.json"
    model ok-1 '' >good.json
    run "$VANTA" catalog check good.json
    exits 0
    run "$VANTA" catalog check
    exits 1
    contains "$user/a.json:1:"
    run "$VANTA" catalog list
    exits 3
    contains 'vanta catalog check FILE'
}

@test "hostile text does not reach the terminal" {
    printf '{"format":"vanta-catalog","version":1,"\\u001b[31mred":1}' >esc.json
    run "$VANTA" catalog check esc.json
    exits 1
    [[ $output != *$'\e'* ]]
    model mine-1 '' >$'red\e[31m.json'
    run "$VANTA" catalog list --catalog $'red\e[31m.json'
    exits 0
    [[ $output != *$'\e'* ]]
    run "$VANTA" catalog show mine-1 --catalog $'red\e[31m.json'
    exits 0
    [[ $output != *$'\e'* ]]
}

@test "the example of docs/catalog.md works as it stands" {
    awk '/^```json/ { on = 1; next } /^```/ { on = 0 } on' \
        "$VANTA_SOURCE_DIR/docs/catalog.md" >"$user/tinyllama.json"
    run "$VANTA" catalog check "$user/tinyllama.json"
    exits 0
    run "$VANTA" catalog show mine
    exits 0
    contains 'whisper-base, qwen2.5-0.5b-instruct or qwen2.5-coder-0.5b'
    contains tinyllama-1.1b
}

@test "the schema and the program agree on good and broken files" {
    /usr/bin/python3 -c 'import jsonschema' 2>/dev/null ||
        skip "NOT CHECKED: /usr/bin/python3 has no jsonschema (Debian: python3-jsonschema)"
    run /usr/bin/python3 "$VANTA_SOURCE_DIR/tests/cli/catalog_schema.py" "$VANTA" \
        "$VANTA_SOURCE_DIR/catalog/schema.json" "$BATS_TEST_TMPDIR/work"
    exits 0
    contains ', 0 wrong'
}
