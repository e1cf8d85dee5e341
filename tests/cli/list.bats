# vanta list, info and path.
load ../helpers

setup() {
    fresh_home
    make_models
}

list() {
    run "$VANTA" list --catalog "$CATALOG" "$@"
}

@test "the guide's loop gets every id from the third line on" {
    run sh -c '"$VANTA" list --catalog "$1" | awk "NR>2 {print \$1}"' sh "$CATALOG"
    exits 0
    [ "$output" = "spoken
writer
finder
tts-1" ]
}

@test "two header lines, then one model a line" {
    list
    exits 0
    [ "${#lines[@]}" -eq 6 ]
    [[ ${lines[0]} =~ ^ID\ +NAME\ +TYPE\ +SIZE\ +FORMAT\ +QUANTIZATION\ +STATE\ +ADDED$ ]]
    [[ ${lines[1]} =~ ^[-\ ]+$ ]]
    [[ ${lines[3]} =~ ^writer\ +LLM\ writer\ +llm\ .*gguf\ +Q4_K_M\ +unverified\ +2026-01-02$ ]]
    [[ ${lines[5]} =~ needs-key ]]
    run "$VANTA" ls --catalog "$CATALOG"
    [ "${#lines[@]}" -eq 6 ]
}

@test "an empty list says which folder and what to run, on stderr" {
    export VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/none
    run --separate-stderr "$VANTA" list
    exits 0
    [ "${#lines[@]}" -eq 2 ]
    [[ $stderr == *"$BATS_TEST_TMPDIR/none (from VANTA_MODELS_DIR)"* ]]
    [[ $stderr == *"vanta setup"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "--type takes the types and their other names" {
    list --type stt
    [ "${#lines[@]}" -eq 3 ] && contains spoken
    list --type embeddings
    [ "${#lines[@]}" -eq 3 ] && contains finder
    list --type lllm
    exits 2
    contains "did you mean llm?"
}

@test "states follow what happens to the files" {
    "$VANTA" verify --quiet --catalog "$CATALOG"
    list && contains untested && lacks unverified
    rm "$MODELS/llm/writer/writer.gguf"
    list && contains missing
    printf 'longer than it was before' >"$MODELS/whisper/spoken/ggml.bin"
    list && contains corrupt
    OPENAI_API_KEY=x list && lacks needs-key
}

@test "--json is one versioned document with every field" {
    run --separate-stderr "$VANTA" list --json --catalog "$CATALOG"
    exits 0
    python3 - "$MODELS" <<END
import json, sys
d = json.loads('''$output''')
assert d["version"] == 1 and d["root"] == sys.argv[1] and d["registry"] == "current", d
ids = [m["id"] for m in d["models"]]
assert ids == ["spoken", "writer", "finder", "tts-1"], ids
w = d["models"][1]
assert w["state"] == "unverified" and w["state_reason"], w
assert w["absolute_path"] == sys.argv[1] + "/llm/writer/writer.gguf", w
for key in ("hash", "files", "parameters", "hardware_requirements", "metadata", "tests"):
    assert key in w, key
assert d["models"][3]["absolute_path"] is None
END
}

@test "names with control characters never reach the terminal" {
    cat >"$MODELS/registry/registry.json" <<'END'
{"version": 2, "models": [
  {"id": "a", "name": "x\u001b[2Jy\u0007", "type": "vad\u001b[31m", "format": "\u202eevil",
   "path": "llm/\u001b]0;t\u0007"},
  {"id": "\u001b[31mred", "type": "llm"}]}
END
    for command in "list" "info a" "path a" "verify" "remove a"; do
        # shellcheck disable=SC2086
        run "$VANTA" $command
        for bad in "$(printf '\033')" "$(printf '\007')" "$(printf '\342\200\256')"; do
            lacks "$bad"
        done
    done
    run "$VANTA" list
    contains "x?[2Jy?"
    contains "is not a model's id"
}

@test "a type that is none of ours is listed with a warning" {
    cat >"$MODELS/registry/registry.json" <<'END'
{"version": 2, "models": [{"id": "silero", "type": "vad", "path": "vad/s.bin"}]}
END
    run --separate-stderr "$VANTA" list
    exits 0
    [[ ${lines[2]} =~ ^silero\ .*vad ]]
    [[ $stderr == *"silero has the type vad"* ]]
}

@test "path prints the absolute path and nothing else" {
    run --separate-stderr "$VANTA" path writer --catalog "$CATALOG"
    exits 0
    [ "$output" = "$MODELS/llm/writer/writer.gguf" ]
    [ -z "$stderr" ]
    run "$VANTA" path finder --catalog "$CATALOG"
    [ "$output" = "$MODELS/embeddings/finder" ]
}

@test "path of an API or of a model that is not there is exit 3" {
    run --separate-stderr "$VANTA" path tts-1 --catalog "$CATALOG"
    exits 3
    [ -z "$output" ]
    [[ $stderr == *"served by an API"* ]]
    rm -r "$MODELS/llm/writer"
    run --separate-stderr "$VANTA" path writer --catalog "$CATALOG"
    exits 3
    [ -z "$output" ]
    [[ $stderr == *"writer.gguf is not there"* && $stderr == *"vanta setup writer"* ]]
}

@test "unknown ids suggest the nearest, or setup" {
    run "$VANTA" path writr --catalog "$CATALOG"
    exits 3
    contains "Did you mean writer?"
    run "$VANTA" info mistral-7b
    exits 3
    contains "vanta setup mistral-7b"
    run "$VANTA" path
    exits 2
    run "$VANTA" list --jsn
    exits 2
    contains "did you mean --json?"
}

@test "info says what is known of a model" {
    "$VANTA" verify --quiet finder --catalog "$CATALOG"
    run "$VANTA" info finder --catalog "$CATALOG"
    exits 0
    contains "untested"
    contains "$MODELS/embeddings/finder"
    contains "sub/config.json"
    run "$VANTA" show finder --json --catalog "$CATALOG"
    contains '"state": "untested"'
}

@test "info shows lists of words" {
    "$VANTA" setup tts-1 --offline --quiet --models-dir "$PWD/other"
    run "$VANTA" info tts-1 --models-dir "$PWD/other"
    exits 0
    grep -qE '^ +voices: alloy, ash, ' <<<"$output"
}

@test "info reads the header of a bare file" {
    printf '<!DOCTYPE html><html></html>' >page.bin
    run "$VANTA" info ./page.bin
    exits 0
    contains html
    run "$VANTA" info ./page.bin --json
    contains '"format": "html"'
    run "$VANTA" info ./nothing.bin
    exits 3
}
