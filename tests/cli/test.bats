# vanta test, and the tests that vanta setup ends with: verdicts, receipts, exit codes.
load ../helpers
load ../scripted

setup() {
    fresh_home
    scripted_models
    install_engine
}

# receipts ID: how many the registry has.
receipts() {
    python3 -c 'import json, sys
models = json.load(open(sys.argv[1]))["models"]
print(sum(len(m["tests"]) for m in models if m["id"] == sys.argv[2]))' \
        "$MODELS/registry/registry.json" "$1"
}

state_of() {
    "$VANTA" list --catalog "$CATALOG" | awk -v id="$1" '$1 == id { print $0 }'
}

@test "a table of verdicts and figures, small models first; they are ready then" {
    vanta setup listener writer finder tts-1 --no-test
    run vanta list
    contains untested
    run vanta test
    exits 0
    grep -qE '^writer +passed +5 of 5 answers, 120.0 tokens/s, first after 2 ms' <<<"$output"
    grep -qE '^listener +passed +word error rate 0.000, real-time factor 0.20' <<<"$output"
    grep -qE '^finder +passed +2 dimensions, 64000 sentences/s' <<<"$output"
    [[ ${lines[0]} == ID*VERDICT*FIGURES*TIME ]]
    for id in listener writer finder; do
        [ "$(receipts $id)" -eq 1 ]
        [[ $(state_of $id) == *ready* ]]
    done
    run vanta test --type llm
    exits 0
    lacks listener
    [ "$(receipts writer)" -eq 2 ]
}

@test "--verbose shows each check, --quiet nothing when all is well" {
    vanta setup writer --no-test
    run --separate-stderr vanta test writer --verbose
    exits 0
    output=$stderr
    contains "ok   writer: answers: 5 of 5 as expected"
    contains "ok   writer: perplexity: 12.50, at most 30.00"
    run vanta test writer --quiet
    exits 0
    [ -z "$output" ]
}

@test "--json: a document with figures, checks and the engine" {
    vanta setup writer finder --no-test
    vanta test --json >out.json
    python3 - out.json <<'SCRIPT'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["version"] == 1 and d["engine"] == "fake"
assert [m["id"] for m in d["models"]] == ["finder", "writer"], d
w = d["models"][1]
assert w["type"] == "llm" and w["passed"] is True and w["ran"] is True
assert w["status"] == "ok" and w["message"] is None and w["hint"] is None
assert w["figures"]["generate_tokens_per_s"] == 120 and w["figures"]["devices"] == "CPU"
assert w["seconds"] > 0
assert {"check": "answers", "passed": True, "message": "5 of 5 as expected"} in w["checks"]
SCRIPT
}

@test "a model that answers wrongly: exit 1, the cause, state failed; setup tests it again" {
    writer_script 'It is London.' | script writer
    run vanta setup writer
    exits 1
    contains "writer: failed its test"
    contains 'to "What is the capital of France? Answer with one word." it said "It is London."'
    [ "$(receipts writer)" -eq 1 ]
    [[ $(state_of writer) == *failed* ]]
    run vanta test writer
    exits 1
    grep -qE '^writer +FAILED' <<<"$output"
    run vanta test writer --quiet
    exits 1
    contains FAILED
    vanta test writer --json >out.json || [ $? -eq 1 ]
    python3 - out.json <<'SCRIPT'
import json, sys
m = json.load(open(sys.argv[1]))["models"][0]
assert m["passed"] is False and m["ran"] is True and m["status"] == "check", m
assert "0 of 5" in m["message"], m
SCRIPT
    run vanta setup writer
    exits 1
    [ "$(receipts writer)" -eq 5 ]
    run vanta setup writer --no-test
    exits 0
}

@test "one that fails does not keep the others from their test" {
    printf '{%s, "embed": [{"do": "crash"}]}' "$(loaded)" | script finder
    vanta setup listener writer finder --no-test
    run vanta test
    exits 1
    contains SIGSEGV
    grep -qE '^writer +passed' <<<"$output"
    grep -qE '^listener +passed' <<<"$output"
    grep -qE '^finder +FAILED' <<<"$output"
}

@test "setup ends with the tests, and a second one tests nothing again" {
    run vanta setup listener writer finder --require-ready
    exits 0
    contains "writer: passed its test: 5 of 5 answers"
    grep -qE '^finder +ready' <<<"$output"
    contains "memory: "
    contains "for these models loaded together; "
    run vanta setup listener writer finder --require-ready
    exits 0
    lacks "passed its test"
    contains "was there"
    for id in listener writer finder; do
        [ "$(receipts $id)" -eq 1 ]
    done
    rm -r "$MODELS/llm/writer"
    run vanta setup writer
    exits 0
    [ "$(receipts writer)" -ge 1 ]
    [[ $(state_of writer) == *ready* ]]
}

@test "setup --no-test leaves them untested, which --require-ready does not take" {
    run vanta setup writer --no-test
    exits 0
    grep -qE '^writer +untested' <<<"$output"
    contains "as estimated before their test"
    run vanta setup writer --no-test --require-ready
    exits 1
    [ "$(receipts writer)" -eq 0 ]
    run vanta setup writer --quiet --require-ready
    exits 0
    [ -z "$output" ]
    [ "$(receipts writer)" -eq 1 ]
}

@test "setup --json: an event for each test, and whether all fit into memory" {
    vanta setup writer finder --json >out.jsonl
    python3 - out.jsonl <<'SCRIPT'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
tests = [e for e in events if e["event"] == "test"]
assert sorted(e["model"] for e in tests) == ["finder", "writer"]
assert all(e["passed"] and e["status"] == "ok" and e["figures"]["load_ms"] == 3.5 for e in tests)
end = events[-1]
assert end["event"] == "summary" and end["exit_code"] == 0
assert [m["state"] for m in end["models"]] == ["ready", "ready"]
memory = end["memory"]
process = 48 * 1024 * 1024
assert memory["needed_bytes"] == 2 * (53000000 + process), memory
assert memory["fits"] is True and memory["measured"] is True and memory["advice"] is None
assert [m["model"] for m in memory["models"]] == ["writer", "finder"], memory
assert memory["available_bytes"] > 0
SCRIPT
    vanta setup tts-1 --json >out.jsonl
    python3 -c 'import json, sys
assert json.loads(open("out.jsonl").readlines()[-1])["memory"] is None'
}

@test "an API without a key: told when all are tested, exit 1 when it is named" {
    vanta setup writer tts-1 --no-test
    run vanta test
    exits 0
    grep -qE '^tts-1 +needs-key' <<<"$output"
    lacks "tts-1:"
    run vanta test tts-1
    exits 1
    contains "tts-1: OPENAI_API_KEY is not set"
    run vanta test tts-1 --json
    exits 1
    contains '"status": "auth"'
}

@test "no engine: models are fetched and verified, and it is said how to get one" {
    rm "$BIN"/vanta-engine*
    run vanta setup writer
    exits 0
    contains "Not tested: "
    contains "scripts/setup_all_models.sh builds them"
    grep -qE '^writer +untested' <<<"$output"
    run vanta verify writer
    exits 0
    run vanta test writer
    exits 3
    contains "not tested"
    contains "scripts/setup_all_models.sh"
    run vanta test --json
    exits 3
    contains '"engine": null'
    run vanta run writer hello
    exits 3
    contains "scripts/setup_all_models.sh"
    run vanta bench writer
    exits 3
    contains "scripts/setup_all_models.sh"
    run vanta info writer
    exits 0
    contains "none is installed"
    [ "$(receipts writer)" -eq 0 ]
}

@test "an engine built anew asks for new tests" {
    vanta setup writer
    echo newer >"$BIN/vanta-engine.build"
    [[ $(state_of writer) == *untested* ]]
    # The file is not the helper's own.
    run vanta test writer
    exits 3
    contains newer
    [ "$(receipts writer)" -eq 1 ]
    echo fake >"$BIN/vanta-engine.build"
    [[ $(state_of writer) == *ready* ]]
}

@test "a helper on PATH or in the current folder is not taken" {
    vanta setup writer --no-test
    mkdir here
    mv "$BIN"/vanta-engine* here/
    cp here/* .
    PATH=$PWD/here:$PATH VANTA_ENGINE_PROGRAM=$PWD/here/vanta-engine run vanta test writer
    exits 3
    [ "$(receipts writer)" -eq 0 ]
}

@test "a helper in libexec is found" {
    vanta setup writer --no-test
    mkdir -p "$BIN/../libexec/vanta"
    mv "$BIN"/vanta-engine* "$BIN/../libexec/vanta/"
    run vanta test writer
    exits 0
}

@test "files changed after the verification: exit 1, no receipt, state corrupt" {
    vanta setup writer
    # As many bytes.
    sed -i.bak 's/Paris/paris/' "$MODELS/llm/writer/writer.gguf"
    run vanta test writer
    exits 1
    contains "writer.gguf"
    [ "$(receipts writer)" -eq 1 ]
    [[ $(state_of writer) == *corrupt* ]]
    rm "$MODELS/llm/writer/writer.gguf"
    run vanta test writer
    exits 1
    contains "not there"
    [ "$(receipts writer)" -eq 1 ]
}

@test "ids that are unknown, and usage" {
    vanta setup writer --no-test
    run vanta test writr
    exits 3
    contains "writer"
    run vanta test writr writer
    exits 3
    contains passed
    run vanta test --type picture
    exits 2
    run vanta test --threads 2000
    exits 2
    run vanta test --threads many
    exits 2
    run vanta test --no-such
    exits 2
}

@test "nothing to test" {
    run vanta test
    exits 0
    contains "vanta setup"
    run vanta test --json
    exits 0
    contains '"models": []'
}

@test "a registry that cannot be written: tested, and that is said" {
    [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "root, and no setpriv"
    vanta setup writer --no-test
    chmod -R a+rX "$MODELS" "$UPSTREAM" "$BIN" "$CATALOG"
    chmod -R a-w "$MODELS/registry"
    run as_user "$VANTA" test writer --catalog "$CATALOG"
    chmod -R u+w "$MODELS/registry"
    exits 0
    contains "passed"
    contains "could not be recorded"
}

@test "a hang-up of the user ends it, and nothing is recorded" {
    printf '{%s, "complete": [{"do": "hang"}]}' "$(loaded)" | script writer
    vanta setup writer --no-test
    "$VANTA" test writer --catalog "$CATALOG" >out 2>&1 3>&- &
    pid=$!
    sleep 2
    kill -INT $pid 2>/dev/null || kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ "$code" -eq 3 ]
    grep -q stopped out
    [ "$(receipts writer)" -eq 0 ]
}

@test "info says what was found by whom, and what the engine can use" {
    vanta setup writer
    run vanta info writer
    exits 0
    grep -qE '^tested +20[0-9-]+T[0-9:]+Z, passed$' <<<"$output"
    contains "by fake"
    contains "weights: 50.0 MB"
    contains "generate tokens: 120/s"
    contains "load: 3.5 ms"
    grep -qE '^engine +fake$' <<<"$output"
    contains "runs on CPU (Zilog Z80, 25.0 GB, 20.0 GB free)"
    contains "2 cores; 4 processors"
    contains "uses AVX2"
    lacks benchmark
    vanta bench writer -r 1
    run vanta info writer
    grep -qE '^benchmark +20[0-9-]+T[0-9:]+Z, by fake$' <<<"$output"
    vanta info writer --json >out.json
    python3 - out.json <<'SCRIPT'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["engine"]["build"] == "fake" and d["engine"]["cores"]["physical"] == 2
assert d["engine"]["devices"][0]["name"] == "CPU"
assert len(d["model"]["tests"]) == 1 and d["model"]["bench"]["engine_build"] == "fake"
SCRIPT
    # An engine that is broken is a line.
    printf '#!/bin/sh\nexit 1\n' >"$BIN/vanta-engine"
    run vanta info writer
    exits 0
    contains "tested"
    contains "exit code 1"
    vanta setup finder --no-test
    run vanta info finder
    grep -qE '^tested +never$' <<<"$output"
}

@test "more memory than there is: told, also when quiet, and what would fit" {
    sed -i.bak 's/"memory_bytes": 1000/"memory_bytes": 17000000000000/' "$CATALOG"
    run vanta setup writer
    exits 3
    contains "17.0 TB of memory"
    run --separate-stderr vanta setup writer --no-test --force --quiet
    exits 0
    [ -z "$output" ]
    [[ $stderr == *"it will hardly run here"* ]]
    [[ $stderr == *"the models do not fit into memory together: they need 17.0 TB, as estimated before their test"* ]]
    [[ $stderr == *" in place of writer would fit."* ]]
    vanta setup writer --no-test --force --json >out.jsonl
    python3 - out.jsonl <<'SCRIPT'
import json, sys
memory = json.loads(open(sys.argv[1]).readlines()[-1])["memory"]
assert memory["fits"] is False and memory["measured"] is False, memory
assert memory["advice"].endswith(" in place of writer would fit."), memory
SCRIPT
    run vanta doctor --offline
    contains "warn  fit"
    contains " in place of writer would fit."
    # What the engine found when it was tested is what counts.
    vanta test writer
    run vanta setup writer --force
    exits 0
    lacks "do not fit"
}

@test "a terminal sees how far a test is, and nothing of that stays; a file sees nothing" {
    writer_script "$RIGHT" '{"do": "sleep"}, {"do": "progress"}' | script writer
    vanta setup writer --no-test
    on_terminal seen "$VANTA" test writer --catalog "$CATALOG"
    grep -qF $'\r\e[Kwriter  asking' seen
    # The table comes after a line that was erased.
    python3 - seen <<'SCRIPT'
import sys
text = open(sys.argv[1], "rb").read()
assert b"\r\x1b[K" in text[text.rindex(b"asking"):text.rindex(b"VERDICT")], text
assert b"passed" in text[text.rindex(b"VERDICT"):], text
SCRIPT
    vanta test writer >out 2>&1
    not grep -q asking out
    not grep -q $'\e' out
}

@test "doctor names the engine, its devices, and whether the models fit" {
    vanta setup writer finder
    run "$VANTA" doctor --offline
    contains "ok    engines        fake"
    contains "ok    devices        CPU (Zilog Z80, 25.0 GB, 20.0 GB free)"
    contains "ok    cores          2 cores; 4 processors; the engines use AVX2"
    contains "warn  sandbox"
    grep -qE '^ok +fit +the models here.*together; ' <<<"$output"
    printf '#!/bin/sh\nexit 1\n' >"$BIN/vanta-engine"
    run "$VANTA" doctor --offline
    exits 1
    contains "fail  engines"
    rm "$BIN"/vanta-engine*
    run "$VANTA" doctor --offline
    contains "warn  engines"
}
