# models.bash - small right model files, from the readers' fuzz corpus: make_gguf FILE,
# make_whisper FILE, make_safetensors FILE. A second word makes another file of that kind.
corpus=$VANTA_SOURCE_DIR/tests/fuzz/corpus

make_model() {
    mkdir -p "$(dirname "$2")"
    cp "$corpus/$1/good" "$2"
}

# Behind its tensors a GGUF file may have anything: bytes there make it another one.
make_gguf() {
    make_model gguf "$1"
    printf '%s' "${2-}" >>"$1"
}

make_whisper() {
    make_model whisper_ggml "$1"
}

make_safetensors() {
    make_model safetensors "$1"
}
