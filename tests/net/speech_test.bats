# vanta test and vanta run of a speech API, against a server of our own.
load ../helpers
load speech_server

setup() {
    fresh_home
    export SPEECHD_RECORDING=$VANTA_SOURCE_DIR/src/models/recipes/slt-timer.flac
    start_speech
    export VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    server recording
    "$VANTA" setup tts-1 --quiet
    TESTER=$VANTA_BINARY_DIR/vanta # with the engine beside it, where one was built
}

teardown() {
    stop_speech
}

with_engine() {
    [ -x "$VANTA_BINARY_DIR/vanta-engine" ] || skip "built without engines"
}

vanta() {
    run "$VANTA" "$@"
    keeps_the_key
    if grep -rqF "$KEY" "$VANTA_MODELS_DIR" "$HOME"; then return 1; fi
}

@test "run writes what the API says to a file, in the format of its name" {
    vanta run tts-1 "Good morning." -o out.flac
    exits 0
    cmp "$SPEECHD_RECORDING" out.flac
    [ "$(asked '"response_format": *"flac"')" -eq 1 ]
    run --separate-stderr "$VANTA" run tts-1 "Good morning." -o out.flac --json
    exits 0
    python3 -c 'import json, sys
d = json.loads(sys.argv[1])
assert (d["version"], d["model"], d["path"], d["format"]) == (1, "tts-1", "out.flac", "flac"), d
assert d["bytes"] == int(sys.argv[2]), d' "$output" "$(wc -c <out.flac)"
    vanta run tts-1 "Good morning." -o out.flac --voice nova --speed 1.5
    exits 0
    [ "$(asked '"voice": *"nova"')" -eq 1 ]
    vanta run tts-1 "Good morning."
    exits 2
    contains "-o FILE"
    vanta run tts-1 "Good morning." -o out.flac --format ogg
    exits 2
    vanta run tts-1 "Good morning." -o out.flac --speed 9
    exits 2
    printf '' | vanta run tts-1 -o out.flac
    server status:500
    rm out.flac
    vanta run tts-1 "Good morning." -o out.flac
    exits 3
    contains 500
    [ ! -e out.flac ]
}

@test "without an engine nothing is asked of the API" {
    vanta test tts-1
    exits 3
    contains "the engines are not built"
    [ "$(asked POST)" -eq 0 ]
}

@test "without a key: needs-key, a failure only when it was named" {
    unset OPENAI_API_KEY
    run "$TESTER" test
    exits 0
    contains needs-key
    run "$TESTER" test tts-1
    exits 1
    contains needs-key
    contains OPENAI_API_KEY
    [ "$(asked POST)" -eq 0 ]
}

@test "a good answer is decoded and judged, and makes the model ready" {
    with_engine
    VANTA=$TESTER vanta test tts-1 -v
    exits 0
    contains passed
    contains "no Whisper model is ready"
    [ "$(asked POST)" -eq 1 ]
    VANTA=$TESTER vanta list
    [[ $output =~ tts-1.*ready ]]
    # Of that very figures are kept.
    run python3 - "$VANTA_MODELS_DIR/registry/registry.json" <<'END'
import json, sys
receipt = json.load(open(sys.argv[1]))["models"]
receipt = [m for m in receipt if m["id"] == "tts-1"][0]["tests"][-1]
assert receipt["passed"] is True and receipt["engine_build"] == "api", receipt
assert 3 < receipt["figures"]["audio_s"] < 12 and receipt["figures"]["rms"] > 0.005
END
    exits 0
    [ -z "$(find "$VANTA_MODELS_DIR" -name '.test-*')" ]
}

@test "silence, and audio that is too short, fail the test" {
    with_engine
    python3 - silent.wav short.wav <<'END'
import struct, sys
for path, seconds, level in ((sys.argv[1], 5, 0), (sys.argv[2], 1, 9000)):
    n = 16000 * seconds
    data = b"".join(struct.pack("<h", level if i // 40 % 2 else -level) for i in range(n))
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + struct.pack("<I", len(data))
    open(path, "wb").write(head + data)
END
    command -v flac >/dev/null || skip "flac is not installed"
    for name in silent short; do
        flac --silent -f "$name.wav" -o "$name.flac"
        stop_speech
        export SPEECHD_RECORDING=$PWD/$name.flac
        start_speech
        server recording
        VANTA=$TESTER vanta test tts-1
        exits 1
        case $name in
        silent) contains "nearly silent" ;;
        short) contains "not 3 to 12 s" ;;
        esac
    done
    VANTA=$TESTER vanta list
    [[ $output =~ tts-1.*failed ]]
}

@test "errors of the API are named, and are no verdict on the model" {
    with_engine
    for behaviour in wrong-key quota status:404 html broken noise; do
        server "$behaviour"
        VANTA=$TESTER vanta test tts-1
        [ "$status" -ne 0 ] || { echo "$behaviour: $output"; return 1; }
        contains tts-1
    done
    VANTA=$TESTER vanta list
    [[ $output =~ tts-1.*untested ]]
}
