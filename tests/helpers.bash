# helpers.bash - what every bats file starts with:
#
#     load ../helpers
#     setup() { fresh_home; }
#
# ctest sets VANTA (the program), VANTA_SOURCE_DIR and VANTA_BINARY_DIR; by hand the
# release build's are taken.
bats_require_minimum_version 1.5.0
: "${VANTA_SOURCE_DIR:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${VANTA_BINARY_DIR:=$VANTA_SOURCE_DIR/build}"
: "${VANTA:=$VANTA_BINARY_DIR/vanta}"
export VANTA_SOURCE_DIR VANTA_BINARY_DIR VANTA

# An empty home and current folder for the test, and none of the user's own settings.
fresh_home() {
    local name

    for name in $(compgen -e | grep -E '^(VANTA_|XDG_|HF_|OPENAI_|SUDO_|TRANSFORMERS_OFFLINE)'); do
        case $name in
        VANTA_SOURCE_DIR | VANTA_BINARY_DIR | VANTA_SANITIZE | VANTA_REAL | VANTA_TEST_SEED) ;;
        *) unset "$name" ;;
        esac
    done
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work" || return 1
}

# contains TEXT: $output has it; otherwise the test fails and shows the output.
contains() {
    [[ $output == *"$1"* ]] && return 0
    printf 'not found: %s\nin:\n%s\n' "$1" "$output" >&2
    return 1
}

lacks() {
    [[ $output != *"$1"* ]] && return 0
    printf 'found, and should not be: %s\nin:\n%s\n' "$1" "$output" >&2
    return 1
}

# exits CODE: what `run` saw.
exits() {
    [ "$status" -eq "$1" ] && return 0
    printf 'exit %s, expected %s; output:\n%s\n' "$status" "$1" "$output" >&2
    return 1
}

digest_of() {
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
}

# make_models: a models folder ($MODELS) with small pretended models of each type, and the
# catalog file ($CATALOG) that knows them: spoken (whisper), writer (llm), finder
# (embedding, a folder). The registry has them and tts-1, not verified yet.
make_models() {
    MODELS=$BATS_TEST_TMPDIR/models CATALOG=$BATS_TEST_TMPDIR/catalog.json
    export VANTA_MODELS_DIR=$MODELS
    mkdir -p "$MODELS/whisper/spoken" "$MODELS/llm/writer" "$MODELS/embeddings/finder/sub" \
        "$MODELS/registry"
    printf 'spoken weights' >"$MODELS/whisper/spoken/ggml.bin"
    printf 'the weights of a writer' >"$MODELS/llm/writer/writer.gguf"
    printf 'finder' >"$MODELS/embeddings/finder/model.safetensors"
    printf '{}' >"$MODELS/embeddings/finder/sub/config.json"
    cat >"$CATALOG" <<END
{"format": "vanta-catalog", "version": 1, "models": [
  $(catalog_model spoken whisper whisper-ggml whisper/spoken ggml.bin),
  $(catalog_model writer llm gguf llm/writer writer.gguf),
  $(catalog_model finder embedding safetensors embeddings/finder model.safetensors sub/config.json)]}
END
    cat >"$MODELS/registry/registry.json" <<'END'
{"version": 2, "models": [
  {"id": "spoken", "type": "whisper", "path": "whisper/spoken", "format": "whisper-ggml",
   "date_added": "2026-01-02T03:04:05Z"},
  {"id": "writer", "name": "LLM writer", "type": "llm", "path": "llm/writer/writer.gguf",
   "format": "gguf", "quantization": "Q4_K_M", "date_added": "2026-01-02T03:04:05Z"},
  {"id": "finder", "type": "embedding", "path": "embeddings/finder",
   "format": "safetensors", "date_added": "2026-01-02T03:04:05Z"},
  {"id": "tts-1", "type": "tts", "path": null, "format": "api", "size": "N/A",
   "parameters": {"provider": "openai"}, "date_added": "2026-01-02T03:04:05Z"}]}
END
}

# catalog_model ID TYPE FORMAT FOLDER FILE...: its catalog entry.
catalog_model() {
    local id=$1 type=$2 format=$3 folder=$4 comma='' file
    shift 4
    printf '{"id": "%s", "name": "%s", "type": "%s", "version": "1", "format": "%s",
     "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
     "files": [' "$id" "$id" "$type" "$format"
    for file in "$@"; do
        printf '%s{"path": "%s", "size_bytes": %d, "sha256": "%s",
      "sources": ["file:%s"]}' "$comma" "$file" "$(wc -c <"$MODELS/$folder/$file")" \
            "$(digest_of "$MODELS/$folder/$file")" "$MODELS/$folder/$file"
        comma=', '
    done
    printf ']}'
}

# as_user COMMAND...: without root's rights, which no file mode stops.
as_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v setpriv >/dev/null; then
        chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        skip "root, and no setpriv to leave root's rights"
    fi
}
