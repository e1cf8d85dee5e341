# scripted.bash - models whose files are scripts for tests/engine_fake, and a copy of the
# program that has this helper beside it:
#
#     load ../helpers
#     load ../scripted
#     setup() { fresh_home; scripted_models; install_engine; }
#
# The catalog ($CATALOG) has listener (whisper), writer (llm), finder (embedding), whose
# files come from $UPSTREAM; $BIN has the program, VANTA is it.

BIN=$BATS_TEST_TMPDIR/bin

# The program alone: no engine is installed.
install_program() {
    mkdir -p "$BIN"
    cp "$VANTA" "$BIN/vanta"
    VANTA=$BIN/vanta
}

install_engine() {
    install_program
    cp "$VANTA_BINARY_DIR/tests/fake_engine" "$BIN/vanta-engine"
    echo fake >"$BIN/vanta-engine.build"
    cat >"$BIN/vanta-engine.script" <<'END_OF_SCRIPT'
{"devices": [{"ok": {"backends": ["CPU"], "devices": [{"name": "CPU",
   "description": "Zilog Z80", "type": "cpu", "memory_bytes": 25000000000,
   "free_bytes": 20000000000}], "features": {"AVX2": "1", "SVE": "0"},
   "cores": {"usable": 4, "physical": 2, "performance": 2, "quota": 0}}}]}
END_OF_SCRIPT
}

loaded() {
    cat <<'END_OF_SCRIPT'
"load": [{"ok": {"sandbox": "none", "threads": 2, "devices": "CPU", "load_ms": 3.5,
  "weights_bytes": 50000000, "kv_cache_bytes": 2000000, "compute_bytes": 1000000,
  "context_tokens": 1024, "chat_template": true}}]
END_OF_SCRIPT
}

# writer_script TEXT [PIECES]: answers everything with TEXT (as JSON has it), after PIECES.
writer_script() {
    cat <<END_OF_SCRIPT
{$(loaded), "complete": [${2:+$2,} {"ok": {"text": "$1", "prompt_tokens": 9,
   "generated_tokens": 4, "prompt_ms": 2, "generate_ms": 4, "first_token_ms": 2.5,
   "ended": true, "context_full": false, "not_finite": false}}],
 "perplexity": [{"ok": {"perplexity": 12.5, "tokens": 300, "engine_ms": 5,
   "not_finite": false}}],
 "speed": [{"ok": {"prompt_ms": 100, "generate_ms": 200}}]}
END_OF_SCRIPT
}

RIGHT='It is Paris: 7, 5, cold and blue.'

# piece TEXT: an event of a completion.
piece() {
    printf '{"send": {"id": 0, "event": "text", "text": "%s"}}' "$1"
}

# An echo of the prompt.
echo_script() {
    cat <<END_OF_SCRIPT
{$(loaded), "complete": [{"echo": {"prompt_tokens": 9, "generated_tokens": 4,
   "prompt_ms": 2, "generate_ms": 4, "first_token_ms": 2.5, "ended": true,
   "context_full": false, "not_finite": false}}]}
END_OF_SCRIPT
}

# heard TEXT...: one answer, with a segment of a second for each text.
heard() {
    local text at=0 comma=''

    printf '['
    for text in "$@"; do
        printf '%s{"send": {"id": 0, "event": "segment", "start_ms": %d, "end_ms": %d, "text": "%s"}}' \
            "$comma" $at $((at + 1000)) "$text"
        at=$((at + 1500)) comma=', '
    done
    printf '%s{"ok": {"language": "en", "language_probability": 0.98, "audio_s": 4,
      "decode_ms": 1, "engine_ms": 800, "truncated": false}}]' "$comma"
}

# listener_script: hears the reference recordings rightly.
listener_script() {
    cat <<END_OF_SCRIPT
{$(loaded), "transcribe": [
 $(heard ' Please set a timer for ten minutes' ' and remind me to check the oven.'),
 $(heard ' What will the weather be like in the city tomorrow afternoon?'),
 $(heard ' Turn off the lights in the kitchen before you lock the front door.'),
 $(heard ' Play some quiet music while I read the morning news.')]}
END_OF_SCRIPT
}

finder_script() {
    printf '{%s, "embed": [{"rows": [[1, 0], [0.8, 0.6], [0, 1]]}]}' "$(loaded)"
}

# scripted_models: the upstream files and the catalog that knows them.
scripted_models() {
    UPSTREAM=$BATS_TEST_TMPDIR/upstream MODELS=$BATS_TEST_TMPDIR/models
    CATALOG=$BATS_TEST_TMPDIR/catalog.json
    export VANTA_MODELS_DIR=$MODELS
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    mkdir -p "$UPSTREAM"
    [ -e "$UPSTREAM/listener" ] || listener_script >"$UPSTREAM/listener"
    [ -e "$UPSTREAM/writer" ] || writer_script "$RIGHT" >"$UPSTREAM/writer"
    [ -e "$UPSTREAM/finder" ] || finder_script >"$UPSTREAM/finder"
    cat >"$CATALOG" <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1, "models": [
 $(scripted_entry listener whisper whisper-ggml ggml.bin \
        '{"kind": "transcribe", "word_error_rate_max": 0.08}'),
 $(scripted_entry writer llm gguf writer.gguf \
        '{"kind": "questions", "prompt": "chat-template", "perplexity_max": 30}'),
 $(scripted_entry finder embedding gguf finder.gguf \
        '{"kind": "embed", "dimensions": 2, "cosine_min": 0.999,
          "references": [{"text": "a", "vector": [1, 0]}]}')]}
END_OF_CATALOG
}

# scripted_entry ID TYPE FORMAT FILE RECIPE
scripted_entry() {
    printf '{"id": "%s", "name": "%s", "type": "%s", "version": "1", "format": "%s",
 "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
 "files": [{"path": "%s", "size_bytes": %d, "sha256": "%s", "sources": ["file:%s"]}],
 "test": %s}' "$1" "$1" "$2" "$3" "$4" "$(wc -c <"$UPSTREAM/$1")" \
        "$(digest_of "$UPSTREAM/$1")" "$UPSTREAM/$1" "$5"
}

# script ID: another script in the place of the model's, as upstream has it; before setup.
script() {
    cat >"$UPSTREAM/$1"
    scripted_models
}

# not COMMAND...: it fails. (A plain ! ends no test.)
not() {
    if "$@"; then
        return 1
    fi
}

vanta() {
    local command=$1

    shift
    "$VANTA" "$command" --catalog "$CATALOG" "$@"
}

# on_terminal FILE COMMAND...: what COMMAND writes to a terminal goes to FILE.
on_terminal() {
    python3 - "$@" >/dev/null <<'END_OF_SCRIPT'
import os, pty, sys
out = open(sys.argv[1], "wb")
def read(fd):
    data = os.read(fd, 65536)
    out.write(data)
    return data
status = pty.spawn(sys.argv[2:], read, lambda fd: b"")
sys.exit(os.waitstatus_to_exitcode(status))
END_OF_SCRIPT
}

# speaker_script ANSWER...: a speech model that answers speak with these steps.
speaker_script() {
    cat <<END_OF_SCRIPT
{$(loaded), "voices": [{"ok": {"voices": ["Claribel Dervla", "Damien Black"],
   "languages": ["en", "de"]}}],
 "clone": [{"remember": true}, {"ok": {"latent_rows": 1, "latent_columns": 2, "speaker": 1,
   "audio_s": 6.5, "engine_ms": 9}, "hex": "0000803f00000040000000bf"}],
 "speak": [$(printf '%s, ' "$@") {"ok": {"samples": 48000, "sample_hz": 24000,
   "sentences": 2, "codes": 43, "cut": 0, "unknown": 0, "unknown_characters": "",
   "text_ms": 1, "generate_ms": 900, "vocoder_ms": 90, "first_audio_ms": 250, "engine_ms": 1000}}]}
END_OF_SCRIPT
}

# Two seconds of sound.
SOUND='{"audio": 24000, "value": 8000}, {"audio": 24000, "value": 8000}'

# speaker_catalog: $CATALOG with the speaker, whose script is $UPSTREAM/speaker.
speaker_catalog() {
    cat >"$BATS_TEST_TMPDIR/speaker.json" <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1, "models": [
 $(scripted_entry speaker tts gguf speaker.gguf \
        '{"kind": "speak", "word_error_rate_max": 0.15}')]}
END_OF_CATALOG
}
