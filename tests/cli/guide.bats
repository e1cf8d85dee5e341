# The lines of the user guide, as they are typed, from a clone. The eleven models are
# replaced by tiny ones from files (a user's catalog may override built-in ids), so that
# nothing leaves this machine.
load ../helpers

sha256() {
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
}

# tiny_model ID TYPE FORMAT FILE: a catalog entry of one small file.
tiny_model() {
    local source=$BATS_TEST_TMPDIR/upstream/$1-$4

    printf 'bytes of %s %s\n' "$1" "$4" >"$source"
    cat <<END
    {"id": "$1", "override": true, "aliases": ["$2-$1"], "name": "$1, tiny", "type": "$2", "version": "test",
     "format": "$3", "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
     "files": [{"path": "$4", "size_bytes": $(wc -c <"$source"), "sha256": "$(sha256 "$source")",
                "sources": ["file:$source"]}]}
END
}

tiny_catalog() {
    mkdir -p "$BATS_TEST_TMPDIR/upstream" "$HOME/.config/vanta/catalog.d"
    {
        echo '{"format": "vanta-catalog", "version": 1, "models": ['
        tiny_model whisper-tiny whisper whisper-ggml ggml-tiny.bin
        echo ,
        tiny_model whisper-base whisper whisper-ggml ggml-base.bin
        echo ,
        tiny_model mistral-7b llm gguf mistral.gguf
        echo ,
        tiny_model phi-2 llm gguf phi-2.gguf
        echo ,
        tiny_model all-MiniLM-L6-v2 embedding safetensors model.safetensors
        echo ,
        tiny_model all-mpnet-base-v2 embedding safetensors model.safetensors
        echo ']}'
    } >"$HOME/.config/vanta/catalog.d/tiny.json"
}

setup() {
    fresh_home
    tiny_catalog
    clone=$BATS_TEST_TMPDIR/vanta
    mkdir -p "$clone/build" "$BATS_TEST_TMPDIR/bin"
    for name in scripts src include catalog cmake CMakeLists.txt CMakePresets.json VERSION; do
        cp -R "$VANTA_SOURCE_DIR/$name" "$clone/"
    done
    cp "$VANTA" "$clone/build/vanta"
    (cd "$clone" && pwd -P) >"$clone/build/.built"
    # The guide says python; Debian only has python3.
    command -v python3 >/dev/null || skip "python3 is not installed"
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$BATS_TEST_TMPDIR/bin/python"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    cd "$clone"
}

# line COMMAND LINE: what is typed, in a shell of its own.
line() {
    run bash -c "$1"
}

@test "./scripts/setup_all_models.sh, twice" {
    line './scripts/setup_all_models.sh'
    exits 0
    for id in whisper-base mistral-7b all-MiniLM-L6-v2 tts-1; do
        contains "$id"
    done
    contains "off until a key is set"
    [ -s models/whisper/whisper-base/ggml-base.bin ]
    [ -s models/llm/mistral-7b/mistral.gguf ]
    [ -s models/embeddings/all-MiniLM-L6-v2/model.safetensors ]
    [ -s models/registry/registry.json ]

    # Nothing is fetched again: the sources are gone.
    mv "$BATS_TEST_TMPDIR/upstream" "$BATS_TEST_TMPDIR/away"
    line './scripts/setup_all_models.sh'
    exits 0
}

@test "the setup scripts of the four types, one and several models" {
    line 'python scripts/setup_whisper_models.py --models base'
    exits 0
    line 'python scripts/setup_whisper_models.py --models tiny,base'
    exits 0
    line 'python scripts/setup_llm_models.py --models mistral-7b phi-2'
    exits 0
    line 'python scripts/setup_embedding_models.py --models all-MiniLM-L6-v2'
    exits 0
    line 'python scripts/setup_tts_models.py --models tts-1'
    exits 0
    line 'python scripts/model_manager.py list 2>/dev/null'
    exits 0
    [ "${#lines[@]}" -eq 8 ]
    for id in whisper-tiny whisper-base mistral-7b phi-2 all-MiniLM-L6-v2 tts-1; do
        contains $'\n'"$id "
    done
}

@test "model_manager.py download-all, list, list --type, verify, test" {
    line 'python scripts/model_manager.py download-all'
    exits 0
    line 'python scripts/model_manager.py list 2>/dev/null'
    exits 0
    [ "${#lines[@]}" -eq 6 ]
    line 'python scripts/model_manager.py list --type whisper 2>/dev/null'
    exits 0
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[2]} == "whisper-base "* ]]
    line 'python scripts/model_manager.py verify'
    exits 0
    line 'python scripts/model_manager.py verify mistral-7b'
    exits 0
    line 'python scripts/model_manager.py verify llm-mistral-7b'
    exits 0
    line 'python scripts/model_manager.py test whisper-base'
    exits 3
    contains "not tested"
    contains "the engines are not built"
}

@test "./scripts/test_all_models.sh says what it could not test" {
    line './scripts/test_all_models.sh'
    exits 0
    line './scripts/setup_all_models.sh --quiet'
    exits 0
    line './scripts/test_all_models.sh'
    exits 3
    contains whisper-base
    contains "not tested"
    contains "scripts/setup_all_models.sh builds them"
    line './scripts/test_all_models.sh --json 2>/dev/null | python -c "import json, sys; d = json.load(sys.stdin); print(d[\"version\"], len(d[\"models\"]))"'
    [ "$output" = "1 4" ]
    rm models/llm/mistral-7b/mistral.gguf
    line './scripts/test_all_models.sh'
    exits 1
    contains missing
    line './scripts/test_all_models.sh tts-1'
    exits 1
    contains needs-key
}

recovery_loop='for model_id in $(python scripts/model_manager.py list | awk '\''NR>2 {print $1}'\''); do python scripts/model_manager.py verify $model_id; done'

@test "the recovery loop verifies every model" {
    line './scripts/setup_all_models.sh --quiet'
    exits 0
    line "$recovery_loop"
    exits 0
    for id in whisper-base mistral-7b all-MiniLM-L6-v2 tts-1; do
        contains "$id"
    done
}

@test "the recovery loop goes on past a bad file and names it" {
    line './scripts/setup_all_models.sh --quiet'
    exits 0
    printf X | dd of=models/llm/mistral-7b/mistral.gguf bs=1 conv=notrunc 2>/dev/null
    line "$recovery_loop"
    contains mistral.gguf
    contains all-MiniLM-L6-v2
    line 'python scripts/model_manager.py verify mistral-7b'
    exits 1
    line './scripts/setup_all_models.sh --quiet'
    exits 0
    line 'python scripts/model_manager.py verify mistral-7b'
    exits 0
}

@test "the recovery loop works on a damaged registry, from its history" {
    line 'python scripts/setup_whisper_models.py --models base'
    line 'python scripts/setup_llm_models.py --models mistral-7b'
    line 'python scripts/setup_embedding_models.py --models all-MiniLM-L6-v2'
    echo '{"models": [' >models/registry/registry.json
    line 'python scripts/model_manager.py list 2>/dev/null'
    exits 0
    [ "${#lines[@]}" -ge 4 ]
    contains $'\n'"whisper-base "
    line 'python scripts/model_manager.py list 2>&1 >/dev/null'
    contains Warning
    line "$recovery_loop"
    contains whisper-base
}

@test "the lines work from another folder and through sh" {
    line './scripts/setup_all_models.sh --quiet'
    cd /
    line "python '$clone/scripts/model_manager.py' list"
    exits 0
    contains whisper-base
    line "sh '$clone/scripts/model_manager.py' list"
    exits 0
    contains whisper-base
    line "'$clone/scripts/model_manager.py' list"
    exits 0
    contains whisper-base
}
