# vanta convert, and vanta info of what it makes.
load ../helpers

setup() {
    fresh_home
    make="$VANTA_BINARY_DIR/tests/cli/make_faster_whisper"
    "$make" fw
}

convert() {
    run --separate-stderr "$VANTA" convert "$@"
}

# Nothing but the folders that the test made.
only() {
    local there
    there=$(ls -A | LC_ALL=C sort)
    [ "$there" = "$(printf '%s\n' "$@" | LC_ALL=C sort)" ] && return 0
    printf 'left behind:\n%s\n' "$there" >&2
    return 1
}

@test "prints the digest as sha256sum does, and the file has it" {
    convert fw --to whisper-ggml -o out.bin
    exits 0
    [ "$output" = "$(digest_of out.bin)  out.bin" ]
    [[ $stderr == *"no file of the catalog has this digest"* ]]
    only fw out.bin
    run "$VANTA" info ./out.bin
    exits 0
    contains "whisper-ggml"
    contains "f16"
}

@test "weights of every type become the same file" {
    convert fw --to whisper-ggml -o f16.bin
    for type in f32 bf16 i8; do
        "$make" "$type" "$type"
        convert "$type" --to whisper-ggml --output="$type.bin"
        exits 0
        cmp f16.bin "$type.bin"
    done
}

@test "a digest that a catalog knows is named" {
    MODELS=$PWD
    mkdir hub
    convert fw --to whisper-ggml -o hub/ggml-tiny-test.bin
    printf '{"format": "vanta-catalog", "version": 1, "models": [%s]}' \
        "$(catalog_model tiny-test whisper whisper-ggml hub ggml-tiny-test.bin)" >mine.json
    convert fw --to whisper-ggml -o out.bin --catalog mine.json
    exits 0
    [[ $stderr == *"this is the hub's ggml-tiny-test.bin, byte for byte (tiny-test)"* ]]
    convert fw --to whisper-ggml -o out2.bin --catalog mine.json --json
    exits 0
    [[ $output == *'"version": 1'* && $output == *'"same_as_model": "tiny-test"'* ]]
    [[ $output == *"\"sha256\": \"$(digest_of out.bin)\""* ]]
    [ -z "$stderr" ]
}

@test "a broken catalog is warned of; the file is made" {
    echo '{' >broken.json
    convert fw --to whisper-ggml -o out.bin --catalog broken.json
    exits 0
    [ "$output" = "$(digest_of out.bin)  out.bin" ]
    [[ $stderr == *broken.json* ]]
}

@test "a file that exists is replaced only by --force" {
    echo mine >out.bin
    convert fw --to whisper-ggml -o out.bin
    exits 3
    [[ $stderr == *"out.bin exists already"*"--force"* ]]
    [ "$(cat out.bin)" = mine ]
    convert fw --to whisper-ggml -o out.bin --force
    exits 0
    [ "$output" = "$(digest_of out.bin)  out.bin" ]
    mkdir folder
    convert fw --to whisper-ggml -o folder --force
    exits 3
    [[ $stderr == *"folder is a folder"* ]]
    mkfifo pipe
    convert fw --to whisper-ggml -o pipe --force
    exits 3
    [[ $stderr == *"pipe is a device or a pipe"* ]]
    [ -p pipe ]
    only folder fw out.bin pipe
}

@test "a bias of the keys is refused before anything is written" {
    "$make" biased f16 64 key-bias
    convert biased --to whisper-ggml -o out.bin
    exits 3
    [[ $stderr == *"linear_0/bias gives the keys a bias"* ]]
    only biased fw
}

@test "a model that is cut short, and a folder that is none" {
    head -c 3000000 fw/model.bin >cut
    mv cut fw/model.bin
    convert fw --to whisper-ggml -o out.bin
    exits 3
    [[ $stderr == *"fw/model.bin: cut short at byte"* ]]
    rm fw/model.bin
    convert fw --to whisper-ggml -o out.bin
    exits 3
    [[ $stderr == *"fw/model.bin"*"model.bin and tokenizer.json"* ]]
    only fw
}

@test "a disk that is full leaves nothing" {
    # A limit on the size of files fails a write in the midst, as a full disk does.
    run sh -c 'ulimit -f 2000; "$1" convert fw --to whisper-ggml -o out.bin' \
        sh "$VANTA"
    exits 3
    contains "out.bin"
    contains "choose another place"
    [[ $output != *--models-dir* ]]
    only fw
}

@test "a disk that is too small is refused before the first byte" {
    [ "$(id -u)" -eq 0 ] || skip "mounting a small disk takes root"
    mkdir small
    mount -t tmpfs -o size=3m none small 2>/dev/null || skip "no mounting here"
    convert fw --to whisper-ggml -o small/out.bin
    umount small
    exits 3
    [[ $stderr == *"takes 7."*" is free"*"make room"* ]]
}

@test "ctrl-C and kill leave a whole file or none" {
    local stopped=0 killed=0 delay try pid whole
    "$make" big f32 192
    "$VANTA" convert big --to whisper-ggml -o whole.bin 2>/dev/null
    whole=$(digest_of whole.bin)
    for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
        for signal in INT KILL; do
            "$VANTA" convert big --to whisper-ggml -o out.bin >log 2>&1 &
            pid=$!
            for delay in 1 2 3 4 5 6 7 8 9 10; do # until it has begun to write
                if ls -A | grep -q '^\.out\.bin\.tmp-'; then break; fi
                sleep 0.01
            done
            kill -"$signal" "$pid" 2>/dev/null || true
            code=0
            wait "$pid" || code=$?
            if [ -e out.bin ]; then
                [ "$(digest_of out.bin)" = "$whole" ]
                rm out.bin
            elif [ "$signal" = INT ]; then
                [ "$code" -eq 3 ]
                grep -q 'was stopped' log
                only big fw log whole.bin
                stopped=$((stopped + 1))
            else
                [ "$code" -eq 137 ]
                killed=$((killed + 1))
            fi
            # The next run deletes what this one left.
            "$VANTA" convert fw --to whisper-ggml -o out.bin 2>/dev/null
            only big fw log out.bin whole.bin
            rm out.bin
        done
        if [ "$stopped" -gt 0 ] && [ "$killed" -gt 0 ]; then return 0; fi
    done
    echo "no run was caught in the midst: $stopped stopped, $killed killed" >&2
    return 1
}

@test "what a killed run left beside the target is deleted by the next" {
    local gone

    sh -c 'exit 0' &
    gone=$!
    wait "$gone"
    printf x >".out.bin.tmp-$gone-1"
    printf x >".out.bin.tmp-$$-1"     # this process lives
    printf x >".other.bin.tmp-$gone-1" # another target's
    printf x >".out.bin.tmp-$gone-1x"  # no such name
    mkdir ".out.bin.tmp-$gone-2"
    convert fw --to whisper-ggml -o out.bin
    exits 0
    [[ $stderr == *"deleted what a killed run had left of out.bin"* ]]
    only ".other.bin.tmp-$gone-1" ".out.bin.tmp-$$-1" ".out.bin.tmp-$gone-1x" \
        ".out.bin.tmp-$gone-2" fw out.bin
    convert fw --to whisper-ggml -o out.bin --force
    exits 0
    [[ $stderr != *"killed run"* ]]
}

@test "wrong usage" {
    convert fw --to whisper-ggml
    exits 2
    [[ $stderr == *"-o FILE"* ]]
    convert fw -o out.bin
    exits 2
    convert fw --to onnx -o out.bin
    exits 2
    [[ $stderr == *whisper-ggml*gguf* ]]
    convert fw --to whisper-ggml --type f16 -o out.bin
    exits 2
    [[ $stderr == *"--type goes with --to gguf"* ]]
    convert fw --to gguf --type q4_k -o out.bin
    exits 2
    [[ $stderr == *"f32, f16 and q8_0"* ]]
    convert fw other --to whisper-ggml -o out.bin
    exits 2
    convert fw --to whisper-ggml --ouput out.bin
    exits 2
    [[ $stderr == *"--output"* ]]
    only fw
}
