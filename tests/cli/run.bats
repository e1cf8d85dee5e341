# vanta run: one model at its work, with a helper that follows a script.
load ../helpers
load ../scripted

setup() {
    fresh_home
    scripted_models
    install_engine
}

# here ID: the model as its script is now, registered and there.
here() {
    vanta setup "$1" --no-test --quiet
}

# alone COMMAND...: standard output in $output, standard error in $stderr.
alone() {
    run --separate-stderr vanta run "$@"
}

# in_json FILE EXPRESSION: of the document d.
in_json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), d' "$1" "$2"
}

# --- language models ---

@test "an answer streams to standard output; the prompt comes as operand or by a pipe" {
    writer_script 'Hello there.' "$(piece Hello), $(piece ' there.')" | script writer
    here writer
    alone writer 'Good morning'
    exits 0
    [ "$output" = 'Hello there.' ]
    [ -z "$stderr" ]
    printf 'Good morning\n' | vanta run writer >out
    [ "$(cat out)" = 'Hello there.' ]
    alone writer 'Good morning' --stats
    [ "$output" = 'Hello there.' ]
    [[ $stderr == *"9 tokens of prompt in 0.00 s, 4 generated at 1000.0 tokens/s"* ]]
}

@test "--json and -o: documents and files, whole or not at all" {
    echo_script | script writer
    here writer
    vanta run writer 'Good morning' --json >out.json
    in_json out.json 'd["version"] == 1 and d["model"] == "writer" and d["text"] == "Good morning"'
    in_json out.json 'd["generated_tokens"] == 4 and d["ended"] is True'
    run vanta run writer 'Good morning' -o answer.txt
    exits 0
    [ -z "$output" ]
    [ "$(cat answer.txt)" = 'Good morning' ]
    vanta run writer 'Good evening' --json -o answer.txt >out
    [ ! -s out ]
    in_json answer.txt 'd["text"] == "Good evening"'
    run vanta run writer x -o no/such/folder/answer.txt
    exits 3
    contains no/such/folder
    [ "$(find . -type f | wc -l)" -eq 3 ]
    # A pipe gets the answer, and stays.
    mkfifo pipe
    cat pipe >answer.txt &
    vanta run writer 'Good night' -o pipe
    wait $!
    [ -p pipe ]
    [ "$(cat answer.txt)" = 'Good night' ]
}

@test "a prompt of a megabyte, one of invalid UTF-8, one of control characters" {
    echo_script | script writer
    here writer
    head -c 1000000 /dev/zero | tr '\0' 'x' >long
    vanta run writer -o answer <long
    cmp long answer
    printf 'caf\xe9 \xf0\x9f\x98 ok' | vanta run writer --json >out.json
    in_json out.json 'd["text"].replace("\ufffd", "") == "caf  ok" and "\ufffd" in d["text"]'
    printf '\001\033[31m\177' | vanta run writer --json >out.json
    in_json out.json 'd["text"] == "\x01\x1b[31m\x7f"'
    run vanta run writer "$(printf 'caf\xe9')" --json
    exits 0
}

@test "an empty prompt is usage; one with a NUL is no text; one that is too long is refused" {
    here writer
    for prompt in '' ' ' $'\n\n' $'\t'; do
        run vanta run writer "$prompt"
        exits 2
        contains "the prompt is empty"
        run vanta run writer <<<"$prompt"
        exits 2
    done
    printf 'abc\0def' >nul
    run vanta run writer <nul
    exits 3
    contains "a NUL at byte 3"
    head -c 4200000 /dev/zero | tr '\0' 'x' >long
    run vanta run writer <long
    exits 3
    contains "longer than 4194304 bytes"
}

@test "nothing of an answer commands the terminal" {
    local text='a\u001b]0;title\u0007b\u009b31mc\u202ed\r\ne\tf'

    writer_script "$text" "$(piece "$text")" | script writer
    here writer
    alone writer hello
    [ "$output" = $'a?]0;title?b?31mc?d?\ne\tf' ]
    on_terminal seen "$VANTA" run writer hello --catalog "$CATALOG"
    tr -d '\r' <seen >shown
    not grep -q $'[\a\e]' shown
    not grep -qF $'\xc2\x9b' shown
    grep -qF 'a?]0;title?b?31mc?d?' shown
    # The option that means standard output is no way around it.
    alone writer hello -o -
    [ "$output" = $'a?]0;title?b?31mc?d?\ne\tf' ]
    # A file gets what the model said.
    vanta run writer hello -o answer
    printf 'a\033]0;title\007b\302\23331mc\342\200\256d\r\ne\tf' | cmp - answer
}

@test "long pieces keep their characters whole" {
    text=$(printf 'é%.0s' $(seq 5000))
    writer_script "$text" "$(piece "x$text")" | script writer
    here writer
    alone writer hello
    [ "$output" = "x$text" ]
}

@test "a context that is full, numbers that are none" {
    writer_script Hm "$(piece Hm)" | sed 's/"context_full": false/"context_full": true/
        s/"not_finite": false}}\],/"not_finite": true}}],/' | script writer
    here writer
    alone writer hello
    exits 0
    [[ $stderr == *"--context takes more"* ]]
    [[ $stderr == *"not finite: vanta test writer"* ]]
}

@test "a prompt that the engine finds too long, a helper that dies in the middle" {
    printf '{%s, "complete": [{"send": {"id": 0, "error": {"status": "limit",
        "message": "the prompt has 5000 tokens, the context 4096",
        "hint": "--context takes more"}}}]}' "$(loaded)" | script writer
    here writer
    alone writer hello
    exits 3
    [[ $stderr == *"5000 tokens, the context 4096"*"--context takes more"* ]]
    printf '{%s, "complete": [%s, {"log": "out of ideas"}, {"do": "abort"}]}' "$(loaded)" \
        "$(piece 'It is')" | script writer
    rm -r "$MODELS"
    here writer
    alone writer hello
    exits 3
    [ "$output" = "It is" ]
    [[ $stderr == *SIGABRT*"out of ideas"* ]]
}

@test "options out of range" {
    here writer
    for words in '--temperature 2.1' '--temperature -1' '--temperature nan' '--temperature x' \
        '--top-p 1.5' '--top-p' '--threads 1025' '--beam 9' '--beam 0' '--max-tokens 0' \
        '--max-tokens 1048577' '--context 1048577' '--srt --vtt' '--srt --json' '--seed -1' \
        '--top-k 99999999999' 'two words' '--no-such'; do
        # shellcheck disable=SC2086
        run vanta run writer hello $words
        exits 2
    done
    run vanta run
    exits 2
}

@test "models that are not there, cut, unknown" {
    here writer
    run vanta run writr hello
    exits 3
    contains "writer"
    printf cut >"$MODELS/llm/writer/writer.gguf"
    run vanta run writer hello
    exits 3
    contains "writer is corrupt: writer.gguf has 3 bytes"
    contains "vanta setup --models writer"
    rm "$MODELS/llm/writer/writer.gguf"
    run vanta run writer hello
    exits 3
    contains "writer is missing"
}

# chat TEXT COMMAND...: at a terminal where TEXT is typed; what is seen is $output.
chat() {
    run python3 - "$@" <<'SCRIPT'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
os.write(terminal, sys.argv[1].encode())
seen = b""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
sys.stdout.write(seen.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
SCRIPT
}

@test "at a terminal it is a chat, until an empty line or the end" {
    writer_script 'Hello there.' "$(piece Hello), $(piece ' there.')" | script writer
    here writer
    for typed in $'Good morning\nHow are you?\n\n' $'Good morning\nHow are you?\n\004'; do
        chat "$typed" "$VANTA" run writer --catalog "$CATALOG"
        exits 0
        contains "A chat with writer."
        [ "$(grep -c 'Hello there\.$' <<<"$output")" -eq 2 ]
    done
    printf '{%s, "complete": [{"do": "abort"}]}' "$(loaded)" | script writer
    rm -r "$MODELS"
    here writer
    chat $'Good morning\nHow are you?\n\n' "$VANTA" run writer --catalog "$CATALOG"
    exits 3
    contains SIGABRT
}

@test "each turn of a chat carries the turns before it, the answers too" {
    writer_script 'Fine.' '{"recall": true}' | script writer
    here writer
    chat $'My name is Ada.\nWho am I?\n\n' "$VANTA" run writer --system 'Be kind.' \
        --catalog "$CATALOG"
    exits 0
    contains "[system: Be kind.][user: My name is Ada.]"
    contains "[system: Be kind.][user: My name is Ada.][assistant: Fine.][user: Who am I?]"
}

# --- speech to text ---

# recorder TEXT...: a listener that hears this.
recorder() {
    printf '{%s, "transcribe": %s}' "$(loaded)" "$(heard "$@")" | script listener
    here listener
    printf 'RIFF' >talk.wav
}

@test "a recording to text, by segments" {
    recorder ' Hello there.' ' How are you?'
    alone listener talk.wav
    exits 0
    [ "$output" = $'Hello there.\nHow are you?' ]
    [ -z "$stderr" ]
    alone listener talk.wav --stats
    [[ $stderr == *"4.0 s of audio (en) in 0.8 s: real-time factor 0.20"* ]]
    run vanta run listener talk.wav -o text
    [ -z "$output" ]
    [ "$(cat text)" = $'Hello there.\nHow are you?' ]
}

@test "subtitles, and a document" {
    recorder ' Hello there.' ' How are you?'
    vanta run listener talk.wav --srt >out
    printf '1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,500 --> 00:00:02,500\nHow are you?\n\n' |
        diff - out
    vanta run listener talk.wav --vtt -o out.vtt
    [ "$(head -n 1 out.vtt)" = WEBVTT ]
    grep -qF '00:00:01.500 --> 00:00:02.500' out.vtt
    vanta run listener talk.wav --json >out.json
    in_json out.json 'd["language"] == "en" and d["audio_s"] == 4 and len(d["segments"]) == 2'
    in_json out.json 'd["segments"][1] == {"start_ms": 1500, "end_ms": 2500, "text": " How are you?"}'
    in_json out.json 'd["text"] == " Hello there. How are you?"'
}

@test "what was heard commands no terminal, in no form" {
    recorder 'a\u001b[31mb\u0007' '\u009bc'
    for how in '' --srt --vtt '-o -'; do
        # shellcheck disable=SC2086
        alone listener talk.wav $how
        exits 0
        not grep -q $'[\e\a]' <<<"$output"
        not grep -qF $'\xc2\x9b' <<<"$output"
        contains 'a?[31mb?'
    done
}

@test "silence, and a recording that was cut" {
    recorder
    alone listener talk.wav
    exits 0
    [ -z "$output" ]
    [[ $stderr == *"talk.wav: no speech was heard in 4.0 s"* ]]
    alone listener talk.wav --quiet
    [ -z "$stderr" ]
    printf '{%s, "transcribe": %s}' "$(loaded)" "$(heard 'Hello')" |
        sed 's/"truncated": false/"truncated": true/' | script listener
    rm -r "$MODELS"
    here listener
    alone listener talk.wav
    exits 0
    [ "$output" = Hello ]
    [[ $stderr == *"ends before its header says"* ]]
}

@test "no recording, one that is not there, one that is none" {
    recorder Hello
    run vanta run listener
    exits 2
    contains "which recording?"
    run vanta run listener gone.wav
    exits 3
    contains "gone.wav: there is no such file"
    printf '{%s, "transcribe": [{"send": {"id": 0, "error": {"status": "format",
        "message": "talk.wav is no recording"}}}]}' "$(loaded)" | script listener
    rm -r "$MODELS"
    here listener
    run vanta run listener talk.wav
    exits 3
    contains "talk.wav is no recording"
}

# --- embeddings ---

@test "lines of text to lines of numbers" {
    here finder
    printf 'one\ntwo\r\n\nfour' | vanta run finder >out
    printf '1 0\n0.8 0.6\n0 1\n1 0\n' | diff - out
    vanta run finder $'one\ntwo' >out
    [ "$(cat out)" = '1 0' ]
    vanta run finder one -o vectors
    [ "$(cat vectors)" = '1 0' ]
    vanta run finder one --json -o vectors
    in_json vectors 'd["dimensions"] == 2 and d["texts"] == [{"text": "one", "vector": [1, 0]}]'
}

@test "--npy is the array that NumPy writes" {
    here finder
    printf 'one\ntwo\nthree\n' | vanta run finder --npy out.npy 2>said
    grep -qF 'out.npy: 3 vectors of 2 dimensions' said
    python3 - out.npy <<'SCRIPT'
import ast, struct, sys
b = open(sys.argv[1], "rb").read()
assert b[:8] == b"\x93NUMPY\x01\x00"
n = struct.unpack("<H", b[8:10])[0]
assert (10 + n) % 64 == 0 and b[9 + n:10 + n] == b"\n"
head = ast.literal_eval(b[10:10 + n].decode("ascii").strip())
order = "<" if sys.byteorder == "little" else ">"
assert head == {"descr": order + "f4", "fortran_order": False, "shape": (3, 2)}, head
values = struct.unpack("=6f", b[10 + n:])
assert [round(v, 6) for v in values] == [1, 0, 0.8, 0.6, 0, 1], values
SCRIPT
    run vanta run finder one --npy no/such/out.npy
    exits 3
    contains no/such
}

@test "texts that are odd: none, invalid, a megabyte, control characters" {
    here finder
    run vanta run finder </dev/null
    exits 2
    contains "no text to embed"
    printf 'caf\xe9\n\001\002\n' | vanta run finder --json >out.json
    in_json out.json '[t["text"] for t in d["texts"]] == ["caf\ufffd", "\x01\x02"]'
    head -c 1000000 /dev/zero | tr '\0' 'x' | vanta run finder >out
    [ "$(cat out)" = '1 0' ]
    printf 'a\0b' >nul
    run vanta run finder <nul
    exits 3
    contains "NUL at byte 1"
    # More than one message of the helper's takes.
    seq 3000 | vanta run finder >out
    [ "$(wc -l <out)" -eq 3000 ]
    [ "$(head -n 1 out)" = '1 0' ]
}

# --- speech output ---

@test "speech: without a key, without a file to write to, with a bad format" {
    here tts-1
    run vanta run tts-1 hello
    exits 2
    contains "-o FILE names the audio file"
    run vanta run tts-1 hello -o -
    exits 2
    run vanta run tts-1 hello -o /dev/null
    exits 2
    contains "/dev/null is no file"
    [ -c /dev/null ]
    run vanta run tts-1 hello -o x.mp3 --format midi
    exits 2
    contains midi
    run vanta run tts-1 hello -o x.mp3 --speed 9
    exits 2
    run vanta run tts-1 hello -o x.mp3
    exits 3
    contains OPENAI_API_KEY
    [ ! -e x.mp3 ]
}
