# What setup, list, verify and doctor make of the speech API's key.
load ../helpers
load ../scripted
load speech_server

setup() {
    fresh_home
    start_speech
    export VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
}

teardown() {
    stop_speech
}

vanta() {
    run "$VANTA" "$@"
    keeps_the_key
}

@test "setup asks whether the key is good, and pays for nothing" {
    server good
    vanta setup tts-1
    exits 0
    contains "tts-1: http://127.0.0.1:$PORT takes the key from OPENAI_API_KEY"
    contains untested
    [ "$(asked '^GET /good/v1/models/tts-1')" -eq 1 ]
    [ "$(asked POST)" -eq 0 ]
    # Also when the model was there already.
    vanta setup tts-1
    exits 0
    contains "takes the key"
    [ "$(asked GET)" -eq 2 ]
    vanta setup tts-1 --json
    exits 0
    contains "takes the key"
    if grep -rqF "$KEY" "$VANTA_MODELS_DIR" "$HOME"; then return 1; fi
}

@test "a wrong key is a warning with its cause" {
    server wrong-key
    vanta setup tts-1
    exits 0
    contains "warning: tts-1:"
    contains "the key is not accepted (401, invalid_api_key)"
    contains "the key from OPENAI_API_KEY is wrong"
    server status:404
    vanta setup tts-1
    exits 0
    contains "warning: tts-1:"
    contains "404"
    server echo:403
    vanta setup tts-1
    exits 0
    contains "the key may not do this (403"
    if grep -rqF "$KEY" "$VANTA_MODELS_DIR" "$HOME"; then return 1; fi
}

@test "a quiet set-up warns of a wrong key, and is quiet about a right one" {
    server good
    vanta setup tts-1 --quiet
    exits 0
    [ -z "$output" ]
    server wrong-key
    vanta setup tts-1 --quiet
    exits 0
    contains "warning: tts-1:"
    contains "the key is not accepted (401, invalid_api_key)"
    [ "${#lines[@]}" -eq 1 ]
    vanta setup tts-1 --json
    exits 0
    contains '"warning":true'
    server gone:0
    vanta setup tts-1 --quiet
    exits 0
    [ -z "$output" ]
}

@test "a network or server that is away is no failure, and no verdict on the key" {
    local how

    for how in gone:0 status:503 login html late; do
        server $how
        vanta setup tts-1
        exits 0
        contains "tts-1: the key was not checked:"
        lacks warning
    done
}

@test "no question without a key, when offline, or for a plan" {
    server good
    vanta setup tts-1 --offline
    exits 0
    vanta setup tts-1 --dry-run
    exits 0
    unset OPENAI_API_KEY
    vanta setup tts-1
    exits 0
    contains "off until a key is set"
    [ "$(asked GET)" -eq 0 ]
}

@test "a key's file that others can read is no key: setup, list, verify and doctor say so" {
    local file=$BATS_TEST_TMPDIR/key

    unset OPENAI_API_KEY
    server good
    printf '%s\n' "$KEY" >"$file"
    chmod 644 "$file"
    export OPENAI_API_KEY_FILE=$file
    vanta setup tts-1
    exits 0
    contains "warning: tts-1: $file: others can read or change"
    contains "chmod 600 '$file'"
    contains needs-key
    vanta verify tts-1
    exits 0
    contains "others can read or change"
    contains "so it is off until then"
    vanta doctor --offline
    contains "others can read or change the key's file (mode 0644): no speech from tts-1"
    contains "chmod 600 '$file'"
    [ "$(asked GET)" -eq 0 ]
    chmod 600 "$file"
    vanta setup tts-1
    exits 0
    contains "takes the key from the file $file"
    lacks needs-key
    vanta list
    contains untested
    vanta verify tts-1
    contains "configured, and its key is set"
    vanta info tts-1
    exits 0
    vanta doctor --offline
    contains "OPENAI_API_KEY is set, by the file $file (not shown)"
    contains "http://127.0.0.1:$PORT (OPENAI_BASE_URL): the key and what is spoken go there"
    if grep -rqF "$KEY" "$VANTA_MODELS_DIR" "$HOME"; then return 1; fi
}

@test "doctor names an address that the key may not go to" {
    export OPENAI_BASE_URL=http://speech.example/v1
    vanta doctor --offline
    contains "OPENAI_BASE_URL cannot be used: a key goes over https only"
    contains "set OPENAI_BASE_URL to an https address"
    vanta setup tts-1
    exits 0
    contains "warning: tts-1: the speech API's address in OPENAI_BASE_URL cannot be used"
}

@test "test says before it that its request is paid for, and makes one" {
    # Nothing is paid for that cannot be judged, so there is an engine.
    install_engine
    echo '{"audio": [{"ok": {"format": "MPEG", "sample_hz": 24000, "channels": 1,
        "seconds": 5, "peak": 0.5, "rms": 0.1, "clipped": 0, "silence_start_s": 0,
        "silence_end_s": 0, "truncated": false}}]}' >"$BIN/vanta-engine.script"
    server good
    vanta setup tts-1 --quiet
    exits 0
    run --separate-stderr "$VANTA" test tts-1 --json
    exits 0
    [[ $stderr == *"tts-1: its test is a paid request of two short sentences"* ]]
    [ "$(asked '^POST /good/v1/audio/speech')" -eq 1 ]
    unset OPENAI_API_KEY
    vanta test tts-1
    exits 1
    lacks "paid request"
    contains needs-key
    [ "$(asked '^POST /good/v1/audio/speech')" -eq 1 ]
}
