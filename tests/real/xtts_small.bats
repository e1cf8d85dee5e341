# vanta run of an XTTS model by the real helper: one with random weights, made here, whose
# noise is as long and as seeded as speech would be.
load ../helpers

setup() {
    fresh_home
    [ -x "${VANTA%/*}/vanta-engine" ] || skip "vanta-engine is not built: make engine"
    export VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    "$VANTA_BINARY_DIR/tests/make_xtts" small made q8_0 small.gguf >/dev/null
    "$VANTA" add small.gguf --type tts --id small --quiet >/dev/null
}

# samples FILE: of a WAV file of 24 kHz, mono, 16 bits.
samples() {
    python3 -c 'import sys, wave
w = wave.open(sys.argv[1])
assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (24000, 1, 2)
print(w.getnframes())' "$1"
}

@test "it speaks: the same seed the same sound, another seed another" {
    "$VANTA" run small 'Good morning.' --language en --seed 3 -o a.wav
    "$VANTA" run small 'Good morning.' --language en --seed 3 -o b.wav
    "$VANTA" run small 'Good morning.' --language en --seed 4 -o c.wav
    [ "$(samples a.wav)" -gt 2400 ]
    cmp a.wav b.wav
    if cmp -s a.wav c.wav; then return 1; fi
}

@test "streamed and from a pipe it is the same sound" {
    "$VANTA" run small 'Good morning. How are you?' --seed 3 -o a.wav
    printf 'Good morning. How are you?' | "$VANTA" run small --seed 3 -o - >b.wav
    cmp <(tail -c +45 a.wav) <(tail -c +45 b.wav)
}

@test "a voice from a recording is kept and speaks the same again" {
    "$VANTA" run small 'Hello.' --clone "$VANTA_SOURCE_DIR/src/models/recipes/rms-lights.flac" \
        --save-voice me -o a.wav
    "$VANTA" run small 'Hello.' --voice me -o b.wav
    "$VANTA" run small 'Hello.' -o c.wav
    cmp a.wav b.wav
    if cmp -s a.wav c.wav; then return 1; fi
}

@test "a kept voice is of its checkpoint: another conversion takes it, another model does not" {
    "$VANTA" run small --save-voice me \
        --clone "$VANTA_SOURCE_DIR/src/models/recipes/rms-lights.flac"
    "$VANTA_BINARY_DIR/tests/make_xtts" small made f16 f16.gguf >/dev/null
    "$VANTA" add f16.gguf --type tts --id half --quiet >/dev/null
    "$VANTA" run half 'Hello.' --voice me -o a.wav -q
    python3 - <<'END'
data = bytearray(open("f16.gguf", "rb").read())
key = b"vanta.source.sha256"
at = data.index(key) + len(key) + 4 + 8 # the type and the length of the value
data[at] ^= 1
open("other.gguf", "wb").write(data)
END
    "$VANTA" add other.gguf --type tts --id other --quiet >/dev/null
    run "$VANTA" run other 'Hello.' --voice me -o b.wav
    exits 3
    contains 'made with another model than other'
    [ ! -e b.wav ]
}

@test "voices, languages and texts that it does not have" {
    run "$VANTA" run small --list-voices
    exits 0
    contains "Claribel Dervla"
    run "$VANTA" run small Hi --voice 'Claribel Dervle' -o x.wav
    exits 3
    contains 'did you mean "Claribel Dervla"?'
    run "$VANTA" run small '...' -o x.wav
    exits 2
    run "$VANTA" run small 'こんにちは' --language ja -o x.wav
    exits 3
    contains 'does not speak "ja"'
    contains 'Its languages: de en fr'
    run "$VANTA" run small 'Hello.' --romanized -o x.wav
    exits 2
    contains '--romanized is for ja, ko and zh, and the language is "en"'
    [ ! -e x.wav ]
    run "$VANTA" run small 'Hello 日.' -o x.wav
    exits 0
    contains 'does not know 1 character of the text and cannot say it: 日.'
}

@test "recordings that are too short, silent or none" {
    python3 - <<'END'
import wave
for name, seconds in (("short", 0.1), ("silent", 5)):
    with wave.open(name + ".wav", "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(48000)
        w.writeframes(bytes(int(48000 * seconds) * 4))
END
    printf 'no audio at all' >none.wav
    for name in short silent none; do
        run "$VANTA" run small 'Hello.' --clone "$name.wav" -o x.wav
        [ "$status" -eq 1 ] || exits 3
        [ ! -e x.wav ]
        case $name in
        short) contains "too short for a voice" ;;
        silent) contains "silent" ;;
        none) contains "none.wav" ;;
        esac
    done
}
