# vanta add: models of the user's own, from this machine.
load ../helpers
load ../models

setup() {
    fresh_home
    export VANTA_MODELS_DIR=$PWD/models
    make_gguf in/tiny.gguf
}

@test "a file is taken in, listed and verified" {
    run "$VANTA" add in/tiny.gguf
    exits 0
    contains "added tiny (llm, gguf Q4_K_M, 324 B): untested"
    cmp in/tiny.gguf models/llm/tiny/tiny.gguf
    run "$VANTA" verify tiny
    exits 0
    run "$VANTA" path tiny
    [ "$output" = "$PWD/models/llm/tiny/tiny.gguf" ]
    run "$VANTA" add in/tiny.gguf
    exits 3
    contains "a model tiny is registered already"
    contains "vanta remove tiny"
}

@test "--json prints the entry with its state" {
    "$VANTA" add in/tiny.gguf --id mine --name "My own" --license MIT --json >out.json
    python3 - out.json <<'SCRIPT'
import json, sys
d = json.load(open(sys.argv[1]))
m = d["model"]
assert d["version"] == 1 and d["in_catalog"] is False
assert m["id"] == "mine" and m["name"] == "My own" and m["license"]["id"] == "MIT"
assert m["state"] == "untested" and m["preparation"]["id"] == "added"
assert m["parameters"]["architecture"] == "llama" and m["quantization"] == "Q4_K_M"
SCRIPT
}

@test "copied, moved or linked: one of them" {
    run "$VANTA" add in/tiny.gguf --move --link
    exits 2
    run "$VANTA" add in/tiny.gguf --link
    exits 0
    contains "stays yours"
    run "$VANTA" path tiny
    [ "$output" = "$PWD/in/tiny.gguf" ]
    run "$VANTA" remove tiny --yes
    exits 0
    [ -e in/tiny.gguf ]
    run "$VANTA" add in/tiny.gguf --move
    exits 0
    [ ! -e in/tiny.gguf ]
    [ -e models/llm/tiny/tiny.gguf ]
}

@test "a folder" {
    make_safetensors in/finder/model.safetensors
    echo '[]' >in/finder/modules.json
    mkdir in/finder/1_Pooling
    echo '{}' >in/finder/1_Pooling/config.json
    printf 'PK\3\4%22s\20\0\0\0archive/data.pkl%99s' '' '' | tr ' ' '\0' \
        >in/finder/pytorch_model.bin
    run "$VANTA" add in/finder
    exits 0
    contains "left out, since no engine here reads them: pytorch_model.bin"
    [ ! -e models/embeddings/finder/pytorch_model.bin ]
    hash=$("$VANTA" info finder --json | sed -n 's/.*"hash": "\(.*\)",/\1/p')
    [ "$hash" = "$(cd models/embeddings/finder && LC_ALL=C && export LC_ALL &&
        sha256sum 1_Pooling/config.json model.safetensors modules.json | digest_of /dev/stdin)" ]
}

@test "types: guessed, given, disagreeing, unknown" {
    make_whisper in/ggml-x.bin
    make_safetensors in/s.safetensors
    run "$VANTA" add in/ggml-x.bin --type llm
    exits 3
    contains "type whisper (whisper), not llm"
    run "$VANTA" add in/ggml-x.bin --type stt
    exits 0
    run "$VANTA" add in/s.safetensors
    exits 2
    contains "--type whisper, llm, embedding or tts"
    run "$VANTA" add in/s.safetensors --type embedings
    exits 2
    contains "did you mean embeddings?"
    run "$VANTA" add in/s.safetensors --type embeddings
    exits 0
}

@test "what is no model is named for what it is" {
    echo '<!DOCTYPE html><title>Sign in</title>' >in/page.gguf
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' >in/lfs.gguf
    printf '\200\4\225pickled' >in/weights.bin
    : >in/empty.gguf
    head -c 100 in/tiny.gguf >in/cut.gguf
    run "$VANTA" add in/page.gguf
    exits 3
    contains "an HTML page"
    run "$VANTA" add in/lfs.gguf
    exits 3
    contains "Git LFS pointer"
    for file in weights.bin whisper.pt; do
        [ -e in/$file ] || echo anything >in/$file
        run "$VANTA" add in/$file --type whisper
        exits 3
        contains "a pickle"
        contains "vanta convert FILE --to safetensors"
        contains "safetensors"
    done
    run "$VANTA" add in/empty.gguf
    exits 3
    contains "is empty"
    run "$VANTA" add in/cut.gguf
    exits 3
    contains "cut"
    run "$VANTA" add in
    exits 3
    [ ! -e models/llm ]
}

@test "names with control characters reach neither disk nor terminal" {
    cp in/tiny.gguf $'in/a\e[31mb\n.gguf'
    run "$VANTA" add $'in/a\e[31mb\n.gguf'
    exits 3
    contains "Rename it first"
    [[ $output != *$'\e[31m'* ]]
    run "$VANTA" add in/tiny.gguf --name $'x\e[31my'
    exits 0
    run "$VANTA" list
    [[ $output != *$'\e'* ]]
    run "$VANTA" add in/tiny.gguf --id $'x\n'
    exits 2
}

@test "a type folder that is a link out of the root is not written to" {
    mkdir -p models elsewhere
    ln -s "$PWD/elsewhere" models/llm
    run "$VANTA" add in/tiny.gguf
    exits 3
    contains "leads out of"
    contains "--models-dir"
    [ -z "$(ls elsewhere)" ]
}

@test "links in a folder are not followed" {
    mkdir in/m
    cp in/tiny.gguf in/m
    ln -s /etc/passwd in/m/vocab.txt
    run "$VANTA" add in/m
    exits 3
    contains "symbolic link"
    [ ! -e models/llm ]
}

@test "an unwritable root" {
    mkdir -p models
    chmod 755 models
    cp in/tiny.gguf "$BATS_TEST_TMPDIR/tiny.gguf"
    run as_user "$VANTA" add "$BATS_TEST_TMPDIR/tiny.gguf" --models-dir /proc/vanta
    exits 3
    contains "/proc/vanta"
    chmod 555 models
    run as_user "$VANTA" add "$BATS_TEST_TMPDIR/tiny.gguf"
    exits 3
    contains "Permission denied"
    contains "--models-dir"
}

@test "a damaged registry is named before anything is copied" {
    mkdir -p models/registry
    echo '{' >models/registry/registry.json
    run "$VANTA" add in/tiny.gguf
    exits 3
    contains "vanta registry rebuild"
    [ ! -e models/llm ]
}

@test "a registry that is written but whose history cannot be: entry and files stay together" {
    mkdir -p models/registry
    printf 'not a folder' >models/registry/history
    run "$VANTA" add in/tiny.gguf --move
    exits 3
    contains "history"
    contains "may be registered already: vanta verify tiny"
    cmp in/tiny.gguf models/llm/tiny/tiny.gguf
    run "$VANTA" verify tiny
    exits 0
    # Where the registry itself cannot be written nothing stays.
    rm -r models
    mkdir -p models/registry/registry.json
    run "$VANTA" add in/tiny.gguf --id other
    exits 3
    [ ! -e models/llm/other ]
}

@test "a digest that must fit" {
    run "$VANTA" add in/tiny.gguf --sha256 "$(digest_of in/tiny.gguf)"
    exits 0
    run "$VANTA" add in/tiny.gguf --id other --sha256 "$(printf '0%.0s' {1..64})"
    exits 1
    contains "not 0000"
    [ ! -e models/llm/other ]
    run "$VANTA" add in/tiny.gguf --id other --sha256 123
    exits 2
}

@test "two at once: one gets the id" {
    "$VANTA" add in/tiny.gguf >one 2>&1 &
    "$VANTA" add in/tiny.gguf >two 2>&1 || true
    wait $! || true
    [ "$(cat one two | grep -c '^added tiny')" -eq 1 ]
    run "$VANTA" verify
    exits 0
}

@test "what cannot be meant says what could be" {
    run "$VANTA" add
    exits 2
    run "$VANTA" add nowhere.gguf
    exits 3
    contains "there is no file or folder nowhere.gguf"
    run "$VANTA" add org/repo
    contains "hf:org/repo"
    run "$VANTA" add http://host.example/m.gguf
    exits 2
    contains "--sha256"
    run "$VANTA" add https://huggingface.co/datasets/a/b
    exits 2
    run "$VANTA" add hf:org/repo --link
    exits 2
    run "$VANTA" add hf:org/repo --offline
    exits 3
    contains "offline"
}

@test "kill -9 at any moment loses neither the original nor the registry" {
    make_gguf in/big.gguf
    head -c 100000000 /dev/zero >>in/big.gguf
    digest=$(digest_of in/big.gguf)
    "$VANTA" add in/tiny.gguf
    for ms in 5 15 30 45 60 80 110 150; do
        "$VANTA" add in/big.gguf --copy >/dev/null 2>&1 &
        pid=$!
        sleep "0.$(printf %03d $ms)"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        [ "$(digest_of in/big.gguf)" = "$digest" ]
        run "$VANTA" list
        exits 0
        contains tiny
        # What has its final name is whole, whether it was registered yet or not.
        [ ! -e models/llm/big/big.gguf ] ||
            [ "$(digest_of models/llm/big/big.gguf)" = "$digest" ]
        run "$VANTA" registry rebuild
        exits 0
        rm -rf models/llm/big
        "$VANTA" remove big --yes >/dev/null 2>&1 || true
    done
    run "$VANTA" add in/big.gguf --move
    exits 0
    [ ! -e in/big.gguf ]
    [ ! -e models/llm/.big.partial ]
    run "$VANTA" verify
    exits 0
}
