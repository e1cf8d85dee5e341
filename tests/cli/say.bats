# vanta run of a speech model on this machine, with a helper that follows a script.
load ../helpers
load ../scripted

setup() {
    fresh_home
    scripted_models
    install_engine
    unset XDG_DATA_HOME
    VOICES=$HOME/.local/share/vanta/voices
}

# speaks STEP...: the speaker answers with these and is there.
speaks() {
    speaker_script '{"remember": true}' "$@" >"$UPSTREAM/speaker"
    set_speaker_up
}

set_speaker_up() {
    speaker_catalog
    mkdir -p "$HOME/.config/vanta/catalog.d"
    cp "$BATS_TEST_TMPDIR/speaker.json" "$HOME/.config/vanta/catalog.d/speaker.json"
    vanta setup speaker --no-test --quiet
}

# speaker_says MEMBERS: its answer to speak has these, as JSON has them, in place of its own.
speaker_says() {
    python3 - "$UPSTREAM/speaker" "{$1}" <<'END_OF_PROGRAM'
import json, sys
script = json.load(open(sys.argv[1]))
script["speak"][-1]["ok"].update(json.loads(sys.argv[2]))
json.dump(script, open(sys.argv[1], "w"))
END_OF_PROGRAM
    set_speaker_up
}

asked() {
    cat "$BIN/vanta-engine.asked"
}

# samples FILE: the bytes behind a WAV header.
samples() {
    tail -c +45 "$1" | wc -c | tr -d ' '
}

@test "a text becomes a WAV file with a right header, whole or not at all" {
    speaks "$SOUND"
    run --separate-stderr vanta run speaker 'Good morning.' -o out.wav
    exits 0
    [ -z "$output" ]
    [[ $stderr == *"2.0 s of speech in 1.0 s: real-time factor 0.50, first sound after 0.25 s"* ]]
    python3 - <<'END'
import wave
w = wave.open("out.wav")
assert (w.getnchannels(), w.getsampwidth(), w.getframerate(), w.getnframes()) == (1, 2, 24000, 48000)
s = w.readframes(80)
assert s[:2] == (-8000).to_bytes(2, "little", signed=True) and s[80:82] == (8000).to_bytes(2, "little")
END
    run vanta run speaker 'Good morning.' -o no/such/out.wav
    exits 3
    contains no/such
    speaks "$SOUND" '{"do": "abort"}'
    run vanta run speaker 'Again.' -o out.wav
    exits 3
    [ "$(samples out.wav)" -eq 96000 ] # the former one
    [ "$(find . -maxdepth 1 -name '*tmp*' | wc -l)" -eq 0 ]
}

@test "--json tells of the speech on standard output, the sound being in its file" {
    speaks "$SOUND"
    vanta run speaker 'Good morning.' -o out.wav -q --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert (d["version"], d["model"], d["path"], d["sample_hz"]) == (1, "speaker", "out.wav", 24000), d
assert (d["audio_s"], d["real_time_factor"], d["first_audio_ms"]) == (2, 0.5, 250), d
assert (d["sentences"], d["cut"]) == (2, 0), d'
    [ "$(samples out.wav)" -eq 96000 ]
    run vanta run speaker 'Good morning.' -o - --json
    exits 2
    contains '--json goes to standard output: -o FILE for the sound'
}

@test "-o - streams WAV of open length, --format pcm bare samples" {
    speaks "$SOUND"
    vanta run speaker 'Good morning.' -o - -q >out.wav
    [ "$(samples out.wav)" -eq 96000 ]
    [ "$(head -c 8 out.wav | tail -c 4 | od -An -tx1 | tr -d ' ')" = ffffffff ]
    vanta run speaker 'Good morning.' -o - -q --format pcm >out.pcm
    [ "$(wc -c <out.pcm)" -eq 96000 ]
    vanta run speaker 'Good morning.' -o named.pcm -q
    [ "$(wc -c <named.pcm)" -eq 96000 ]
    vanta run speaker 'Good morning.' -o named.raw -q --format wav
    [ "$(wc -c <named.raw)" -eq 96044 ]
}

@test "a pipe or a device that is named gets the sound, and stays what it is" {
    local pid

    speaks "$SOUND"
    mkfifo pipe
    cat pipe >out.wav &
    pid=$!
    vanta run speaker 'Good morning.' -o pipe -q --format wav
    wait "$pid"
    [ -p pipe ]
    [ "$(samples out.wav)" -eq 96000 ]
    [ "$(head -c 8 out.wav | tail -c 4 | od -An -tx1 | tr -d ' ')" = ffffffff ]
    [ "$(find . -name '*tmp*' | wc -l)" -eq 0 ]
}

@test "the first samples are out before the last are made" {
    speaks '{"audio": 24000, "value": 8000}' '{"do": "sleep"}' '{"do": "wait-for-cancel"}'
    "$VANTA" run speaker "Good morning." -o - -q >out.wav &
    local pid=$! i
    for i in $(seq 100); do
        [ "$(samples out.wav)" -lt 48000 ] || break
        sleep 0.1
    done
    [ "$(samples out.wav)" -eq 48000 ]
    kill -TERM $pid
    wait $pid || true
}

@test "text comes as operand, by a pipe and from a file" {
    speaks "$SOUND"
    vanta run speaker 'One.' -o out.wav -q
    [[ $(asked) == *'"text":"One."'* ]]
    printf 'Two.\n' | vanta run speaker -o out.wav -q
    [[ $(asked) == *'"text":"Two.\n"'* ]]
    printf 'Three.' >three.txt
    vanta run speaker --file three.txt -o out.wav -q
    [[ $(asked) == *'"text":"Three."'* ]]
    run vanta run speaker 'One.' --file three.txt -o out.wav
    exits 2
    run vanta run speaker --file none.txt -o out.wav
    exits 3
    contains none.txt
}

@test "every option reaches the engine; what is not given is the model's own" {
    speaks "$SOUND"
    vanta run speaker 'One.' -o out.wav -q
    [[ $(asked) == *'"language":"en"'* && $(asked) != *temperature* && $(asked) != *top_* &&
        $(asked) != *speed* && $(asked) != *'"voice"'* ]]
    vanta run speaker 'One.' -o out.wav -q --voice 'claribel dervla' --language zh \
        --speed 1.5 --seed 7 --temperature 0.5 --top-k 20 --top-p 0.25 \
        --repetition-penalty 2.5 --romanized
    for part in '"voice":"Claribel Dervla"' '"language":"zh"' '"speed":1.5' '"seed":7' \
        '"temperature":0.5' '"top_k":20' '"top_p":0.25' '"repetition_penalty":2.5' \
        '"romanized":true'; do
        [[ $(asked) == *"$part"* ]]
    done
}

@test "numbers out of range and contradictions are refused before the engine starts" {
    speaks "$SOUND"
    for option in '--speed 9' '--speed 0.1' '--temperature 11' '--top-p 0' '--top-p 2' \
        '--repetition-penalty 0.5' '--format mp3' '--voice a --clone x.wav' \
        '--save-voice me'; do
        run vanta run speaker 'One.' -o out.wav $option
        exits 2
    done
    run vanta run speaker 'One.' -o out.mp3
    exits 2
    contains 'wav or pcm'
    run vanta run speaker 'One.'
    exits 2
    contains 'where to?'
    [ ! -e "$BIN/vanta-engine.asked" ]
}

@test "empty text is refused; what the engine cannot say is passed on" {
    speaks "$SOUND"
    for text in '' ' ' $' \n\t'; do
        run vanta run speaker "$text" -o out.wav
        exits 2
        contains 'no text to speak'
    done
    run sh -c "\"$VANTA\" run speaker -o out.wav </dev/null"
    exits 2
    speaks '{"send": {"id": 0, "error": {"status": "unsupported", "message": "the model does not speak \"xx\"", "hint": "Languages: en"}}}'
    run vanta run speaker 'One.' -o other.wav --language xx
    exits 3
    contains 'does not speak "xx"'
    contains 'Languages: en'
    [ ! -e other.wav ]
}

@test "100 kB of text is one request; more than 1 MiB is refused" {
    speaks "$SOUND"
    head -c 100000 /dev/zero | tr '\0' 'a' >long.txt
    vanta run speaker -f long.txt -o out.wav -q
    [ "$(asked | wc -c)" -gt 100000 ]
    head -c 1100000 /dev/zero | tr '\0' 'a' >longer.txt
    run vanta run speaker -f longer.txt -o out.wav
    exits 3
}

@test "voices: listed, found in any case, the nearest suggested" {
    speaks "$SOUND"
    [ "$(vanta run speaker --list-voices)" = $'Claribel Dervla\nDamien Black' ]
    vanta run speaker --list-voices --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert d["version"] == 1 and d["voices"][1] == "Damien Black" and d["languages"] == ["en", "de"]'
    run vanta run speaker 'One.' -o out.wav --voice 'Claribel Derva'
    exits 3
    contains 'did you mean "Claribel Dervla"?'
    contains --list-voices
    [ ! -e out.wav ]
}

@test "a voice is cloned, kept and used again" {
    speaks "$SOUND"
    printf x >a.wav
    printf y >b.wav
    run vanta run speaker 'One.' -o out.wav --clone a.wav --clone b.wav
    exits 0
    contains "from 6.5 s of recordings; use it only with the speaker's agreement"
    [[ $(asked) == *'"binary":12'* ]]
    run vanta run speaker --clone a.wav --save-voice 'My voice'
    exits 0
    contains 'kept as'
    [[ $(asked) == *"/a.wav\"]"* ]]
    [ "$(head -c 8 "$VOICES/My voice.voice")" = VNTVOICE ]
    vanta run speaker 'One.' -o out.wav -q --voice 'My voice'
    [[ $(asked) == *'"binary":12'* && $(asked) != *'"voice"'* ]]
    printf 'VNTVOICEx' >"$VOICES/bad.voice"
    run vanta run speaker 'One.' -o out.wav --voice bad
    exits 3
    contains bad.voice
    for name in ../up a/b; do
        run vanta run speaker --clone a.wav --save-voice "$name"
        exits 2
    done
    run vanta run speaker 'One.' -o out.wav --clone none.wav
    exits 3
    contains none.wav
}

@test "sentences that were cut are warned of" {
    # cuts N ALL WORDS: the speaker says so of its sentences, and vanta these words.
    cuts() {
        speaker_says "\"sentences\": $2, \"codes\": 43, \"cut\": $1"
        run vanta run speaker 'One.' -o out.wav -q
        exits 0
        contains "Warning: $3 missing. Write shorter sentences, or try another --seed."
    }

    speaks "$SOUND"
    run vanta run speaker 'One.' -o out.wav
    [[ $output != *missing* ]]
    cuts 1 1 'the sentence is longer than the model can speak in one go: its end is'
    cuts 1 2 '1 of 2 sentences is longer than the model can speak in one go: its end is'
    cuts 2 2 '2 of 2 sentences are longer than the model can speak in one go: their ends are'
}

@test "what to do about a file that cannot be written is about that file" {
    # about FILE: vanta failed with it, and does not speak of the models folder.
    about() {
        exits 3
        contains "$1"
        contains 'Not a directory'
        [[ $output != *--models-dir* ]]
    }

    speaks "$SOUND"
    printf x >a.wav
    run vanta run speaker 'One.' -o a.wav/out.wav
    about a.wav/out.wav
    contains 'check the path'
    run vanta run speaker -f a.wav/text -o out.wav
    about a.wav/text
    run sh -c 'ulimit -f 40; "$1" run speaker One. -o out.wav' sh "$VANTA"
    exits 3
    contains 'writing out.wav: File too large'
    contains 'choose another place'
    [ "$(ls -A)" = a.wav ]
    run vanta run speaker --list-voices --json -o a.wav/voices
    about a.wav/voices
    XDG_DATA_HOME=$PWD/a.wav run vanta run speaker --clone a.wav --save-voice me
    about a.wav/vanta
    contains 'Voices are kept below XDG_DATA_HOME'
}

@test "characters that the model cannot say are warned of, and in --json" {
    speaks "$SOUND"
    run vanta run speaker 'One.' -o out.wav
    [[ $output != *"does not know"* ]]
    speaker_says '"unknown": 3, "unknown_characters": "日本"'
    run vanta run speaker '日本 One. 日' -o out.wav -q
    exits 0
    contains 'the model does not know 3 characters of the text and cannot say them: 日 本.'
    contains 'by --language which language they are of (it was en)'
    vanta run speaker '日本 One. 日' -o out.wav -q --json 2>/dev/null | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert (d["unknown"], d["unknown_characters"]) == (3, "日本"), d'
    speaker_says '"unknown": 1, "unknown_characters": "♥"'
    run vanta run speaker 'One ♥.' -o out.wav -q
    contains 'does not know 1 character of the text and cannot say it: ♥.'
}

@test "a helper that lies about its samples is ended" {
    speaks '{"audio": 100, "value": 1}'
    run vanta run speaker 'One.' -o out.wav
    exits 3
    [ ! -e out.wav ]
    speaks '{"send": {"id": 0, "event": "audio", "samples": 3}}'
    run vanta run speaker 'One.' -o out.wav
    exits 3
}

@test "a model that is not for commercial use says so, once, unless quiet" {
    speaks "$SOUND"
    run --separate-stderr vanta run speaker 'One.' -o out.wav
    [[ $stderr != *commercial* ]]
    sed -i.old 's/"license": "MIT"/"license": "CPML"/' \
        "$HOME/.config/vanta/catalog.d/speaker.json"
    run --separate-stderr vanta run speaker 'One.' -o out.wav
    exits 0
    [ "$(grep -c 'not for commercial use, nor is the speech it makes' <<<"$stderr")" -eq 1 ]
    run --separate-stderr vanta run speaker 'One.' -o out.wav -q
    [ -z "$stderr" ]
}

@test "on a terminal a line says what is spoken, how fast, and moves within a sentence" {
    speaks '{"audio": 24000, "value": 8000}' '{"do": "sleep"}' \
        '{"send": {"id": 0, "event": "progress", "fraction": 0.25}}' '{"do": "sleep"}' \
        '{"send": {"id": 0, "event": "progress", "fraction": 0.5}}' \
        '{"audio": 24000, "value": 8000}'
    python3 - "$VANTA" <<'END_OF_PROGRAM'
import os, pty, re, sys

pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "speaker", "One.", "-o", "out.wav"])
text = ""
while True:
    try:
        block = os.read(fd, 65536).decode()
    except OSError:
        break
    if not block:
        break
    text += block
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
lines = re.findall(r"speaking, (\S+) s made, real-time factor (\d+\.\d\d)  (\d+)%", text)
assert [x[2] for x in lines if x[0] == "1.0"][-2:] == ["25", "50"], text
assert all(float(x[1]) >= 0.4 for x in lines if x[2] != "0"), text
assert "2.0 s of speech in 1.0 s: real-time factor 0.50" in text, text
END_OF_PROGRAM
}

@test "a kept voice speaks with the model that made it, and with no other" {
    speaks "$SOUND"
    printf x >a.wav
    digest() { # of which checkpoint the speaker says that it is
        python3 - "$UPSTREAM/speaker" "$1" <<'END_OF_PROGRAM'
import json, sys
script = json.load(open(sys.argv[1]))
for answer in (script["voices"][0]["ok"], script["clone"][1]["ok"]):
    answer.pop("source_sha256", None)
    if sys.argv[2]:
        answer["source_sha256"] = sys.argv[2]
json.dump(script, open(sys.argv[1], "w"))
END_OF_PROGRAM
        set_speaker_up
    }
    local one two
    one=$(printf '1%.0s' {1..64}) two=$(printf '2%.0s' {1..64})

    vanta run speaker --clone a.wav --save-voice old # by one that does not say
    digest "$one"
    vanta run speaker 'One.' -o out.wav -q --voice old
    vanta run speaker --clone a.wav --save-voice mine
    vanta run speaker 'One.' -o out.wav -q --voice mine
    digest "$two"
    vanta run speaker 'One.' -o out.wav -q --voice old
    rm out.wav
    run vanta run speaker 'One.' -o out.wav --voice mine
    exits 3
    contains 'the voice "mine" was made with another model than speaker'
    contains 'Speak with that model, or --clone the recordings with this one'
    [ ! -e out.wav ]
    digest ''
    vanta run speaker 'One.' -o out.wav -q --voice mine
    digest "${one}1"
    run vanta run speaker --clone a.wav --save-voice mine
    exits 3
}

# --- vanta test ---

# The engine without a model says this of any audio.
audio_is_right() {
    python3 - "$BIN/vanta-engine.script" <<'END'
import json, sys
script = json.load(open(sys.argv[1]))
script["audio"] = [{"ok": {"format": "WAV", "sample_hz": 24000, "channels": 1, "seconds": 6.5,
    "peak": 0.4, "rms": 0.1, "clipped": 0, "silence_start_s": 0.2, "silence_end_s": 0.3,
    "truncated": False}}]
json.dump(script, open(sys.argv[1], "w"))
END
}

@test "test: a model speaks, is judged, and is heard by a ready Whisper model" {
    audio_is_right
    speaks "$SOUND"
    run vanta test speaker -v
    exits 0
    contains 'not heard again: no Whisper model is ready'
    contains 'real-time factor 0.50'
    vanta setup listener --quiet
    run vanta test speaker -v # hears another sentence
    exits 1
    contains 'as listener hears it, more than 0.15: " Please set a timer for ten minutes'
    sed -i.old 's/"word_error_rate_max": 0.15/"word_error_rate_max": 1/' \
        "$HOME/.config/vanta/catalog.d/speaker.json"
    run vanta test speaker -v
    exits 0
    contains 'as listener hears it (at most 1.00)'
    vanta test speaker --json | grep -q '"heard_by": *"listener"'
    [ "$(find "$MODELS/tts" -name '.test-*' | wc -l)" -eq 0 ]
}
