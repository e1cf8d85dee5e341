# vanta convert --to gguf: sentence encoders.
load ../helpers

setup() {
    fresh_home
    make="$VANTA_BINARY_DIR/tests/cli/make_encoder"
    "$make" enc
}

convert() {
    run --separate-stderr "$VANTA" convert "$@"
}

# Nothing but the folders that the test made.
only() {
    local there
    there=$(ls -A)
    [ "$there" = "$(printf '%s\n' "$@")" ] && return 0
    printf 'left behind:\n%s\n' "$there" >&2
    return 1
}

@test "f16 is the default; info reads the file" {
    convert enc --to gguf -o out.gguf
    exits 0
    [ "$output" = "$(digest_of out.gguf)  out.gguf" ]
    [[ $stderr == *"no file of the catalog has this digest"* ]]
    convert enc --to gguf --type f16 -o same.gguf
    cmp out.gguf same.gguf
    only enc out.gguf same.gguf
    run "$VANTA" info ./out.gguf
    exits 0
    contains gguf
    contains bert
    contains f16
}

@test "each type is another file, the same one each time and from anywhere" {
    for type in f32 f16 q8_0; do
        convert enc --to gguf --type "$type" -o "$type.gguf"
        exits 0
    done
    if cmp -s f32.gguf f16.gguf; then return 1; fi
    if cmp -s f16.gguf q8_0.gguf; then return 1; fi
    [ "$(wc -c <q8_0.gguf)" -lt "$(wc -c <f16.gguf)" ]
    [ "$(wc -c <f16.gguf)" -lt "$(wc -c <f32.gguf)" ]
    mkdir -p far/away
    cp -R enc far/away/another-name
    for type in f32 f16 q8_0; do
        convert "$PWD/far/away/another-name/" --to gguf --type "$type" -o again.gguf --force
        exits 0
        cmp again.gguf "$type.gguf"
    done
}

@test "MPNet" {
    "$make" mp mpnet
    convert mp --to gguf -o mp.gguf --json
    exits 0
    [[ $output == *"\"sha256\": \"$(digest_of mp.gguf)\""* && $output == *'"same_as_model": null'* ]]
    [ -z "$stderr" ]
    grep -qa 'mpnet.attention.relative_buckets_count' mp.gguf
    grep -qa 'attn_rel_b.weight' mp.gguf
}

@test "weights that a catalog knows give the file their name and licence" {
    MODELS=$PWD
    printf '{"format": "vanta-catalog", "version": 1, "models": [%s]}' \
        "$(catalog_model encoder-test embedding safetensors enc model.safetensors)" >mine.json
    convert enc --to gguf -o plain.gguf
    exits 0
    convert enc --to gguf -o named.gguf --catalog mine.json
    exits 0
    if grep -qa encoder-test plain.gguf; then return 1; fi
    grep -qa encoder-test named.gguf
    grep -qa general.license named.gguf
    grep -qa "$(digest_of enc/model.safetensors)" named.gguf
    grep -qa "$(digest_of enc/model.safetensors)" plain.gguf
}

@test "a folder that is none, and one that lacks a file" {
    mkdir empty
    convert empty --to gguf -o out.gguf
    exits 3
    [[ $stderr == *"empty/config.json: no such file"*"sentence-transformers"* ]]
    rm enc/model.safetensors
    convert enc --to gguf -o out.gguf
    exits 3
    [[ $stderr == *"enc/model.safetensors"* ]]
    convert nowhere --to gguf -o out.gguf
    exits 3
    only empty enc
}

@test "weights that are cut short" {
    head -c 60000 enc/model.safetensors >cut
    mv cut enc/model.safetensors
    convert enc --to gguf -o out.gguf
    exits 3
    [[ $stderr == *"enc/model.safetensors"*"outside of the file"* ]]
    only enc
}

@test "a vocabulary of another kind of tokenizer is refused" {
    sed 's/"WordPiece"/"BPE"/' enc/tokenizer.json >t
    mv t enc/tokenizer.json
    convert enc --to gguf -o out.gguf
    exits 3
    [[ $stderr == *"enc/tokenizer.json: byte "*"BPE"* ]]
    only enc
}

@test "an existing file is replaced only by --force" {
    echo mine >out.gguf
    convert enc --to gguf -o out.gguf
    exits 3
    [ "$(cat out.gguf)" = mine ]
    convert enc --to gguf -o out.gguf --force
    exits 0
    [ "$(head -c 4 out.gguf)" = GGUF ]
}

@test "a disk that is full leaves nothing" {
    run sh -c 'ulimit -f 100; "$1" convert enc --to gguf --type f32 -o out.gguf' \
        sh "$VANTA"
    exits 3
    contains "out.gguf"
    only enc
}

@test "ctrl-C leaves a whole file or none" {
    local try pid code stopped=0 whole
    "$make" big bert 1280
    "$VANTA" convert big --to gguf --type f32 -o whole.gguf -q 2>/dev/null
    whole=$(digest_of whole.gguf)
    for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
        "$VANTA" convert big --to gguf --type f32 -o out.gguf >log 2>&1 &
        pid=$!
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            if ls -A | grep -q '^\.out\.gguf\.tmp-'; then break; fi
            sleep 0.01
        done
        kill -INT "$pid" 2>/dev/null || true
        code=0
        wait "$pid" || code=$?
        if ls -A | grep -q '^\.out\.gguf\.tmp-'; then return 1; fi
        if [ -e out.gguf ]; then
            [ "$(digest_of out.gguf)" = "$whole" ]
            rm out.gguf
        else
            [ "$code" -eq 3 ]
            grep -q 'was stopped' log
            stopped=$((stopped + 1))
        fi
        if [ "$stopped" -gt 1 ]; then return 0; fi
    done
    echo "no run was caught in the midst" >&2
    return 1
}
