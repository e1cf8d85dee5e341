# vanta add from addresses and from a model hub.
load ../helpers
load ../models
load server

COMMIT=0123456789abcdef0123456789abcdef01234567

setup() {
    fresh_home
    start_server
    export VANTA_MODELS_DIR=$PWD/models HF_ENDPOINT=$URL
    make_gguf "$FILES/m.Q4_K_M.gguf"
    make_gguf "$FILES/m.Q8_0.gguf" other
    make_safetensors "$FILES/model.safetensors"
    echo '[]' >"$FILES/modules.json"
    make_whisper "$FILES/ggml-x.bin"
}

teardown() {
    stop_server
}

# listing FILE...: what the repositories of the organization "listed" have.
listing() {
    local file comma='' lfs

    for file in "$@"; do
        lfs=
        [[ $file == *.json ]] || lfs=", \"lfs\": {\"oid\": \"$(sha "$FILES/$file")\"}"
        printf '%s{"type": "file", "path": "%s", "size": %d%s}' "$comma" "$file" \
            "$(wc -c <"$FILES/$file")" "$lfs"
        comma=,
    done >"$FILES/listing"
    printf '[%s]' "$(cat "$FILES/listing")" >"$FILES/listing.json"
}

@test "a quantization of a repository, pinned to its commit" {
    listing m.Q4_K_M.gguf m.Q8_0.gguf
    run "$VANTA" add hf:listed/repo:q8_0
    exits 0
    contains "added m.Q8_0 (llm, gguf"
    cmp "$FILES/m.Q8_0.gguf" models/llm/m.Q8_0/m.Q8_0.gguf
    run "$VANTA" info m.Q8_0 --json
    contains "\"source\": \"hf:listed/repo@$COMMIT/m.Q8_0.gguf\""
    contains "\"version\": \"$COMMIT\""
    [ "$(requests "GET /listed/repo/resolve/$COMMIT/m.Q8_0.gguf")" -eq 1 ]
    run "$VANTA" verify
    exits 0
}

@test "several models to choose from are listed: exit 2, and nothing fetched" {
    listing m.Q4_K_M.gguf m.Q8_0.gguf
    run "$VANTA" add hf:listed/repo
    exits 2
    contains "hf:listed/repo has 2 models to choose from"
    contains "hf:listed/repo:Q4_K_M  324 B"
    contains "hf:listed/repo:Q8_0"
    [ "$(requests resolve)" -eq 0 ]
    [ ! -e models ]
}

@test "a pasted page address" {
    listing m.Q4_K_M.gguf m.Q8_0.gguf
    run "$VANTA" add "$URL/listed/repo/blob/main/m.Q4_K_M.gguf"
    exits 0
    contains "added m.Q4_K_M"
}

@test "a pull request's revision, as a word and as a page's address" {
    listing m.Q4_K_M.gguf m.Q8_0.gguf
    run "$VANTA" add hf:listed/repo@refs/pr/3:Q8_0
    exits 0
    contains "added m.Q8_0"
    [ "$(requests 'GET /api/models/listed/repo/revision/refs%2Fpr%2F3 ')" -eq 1 ]
    run "$VANTA" add "$URL/listed/repo/blob/refs%2Fpr%2F3/m.Q4_K_M.gguf"
    exits 0
    contains "added m.Q4_K_M"
    run "$VANTA" add hf:listed/repo@my%2Fbranch
    exits 2
    contains "hf:listed/repo@my%2Fbranch:Q8_0"
}

@test "a folder of safetensors and what goes along" {
    listing model.safetensors modules.json
    run "$VANTA" add hf:listed/finder
    exits 0
    contains "added finder (embedding, safetensors"
    [ -e models/embeddings/finder/modules.json ]
    run "$VANTA" verify finder
    exits 0
}

@test "bytes that are not the listing's are not taken" {
    listing m.Q4_K_M.gguf
    make_gguf "$FILES/m.Q4_K_M.gguf" tampered
    run "$VANTA" add hf:listed/repo
    [ "$status" -ne 0 ]
    [ ! -e models/llm/m.Q4_K_M ]
    run "$VANTA" list
    lacks Q4_K_M
}

@test "pickles are refused before a byte comes" {
    echo x >"$FILES/pytorch_model.bin"
    listing pytorch_model.bin
    run "$VANTA" add hf:listed/repo
    exits 3
    contains "pytorch_model.bin"
    [ "$(requests resolve)" -eq 0 ]
}

@test "a repository that is not there, and one that is gated" {
    run "$VANTA" add hf:norepo/repo
    exits 3
    contains "norepo/repo"
    run "$VANTA" add hf:gated/repo
    exits 3
    contains "$URL/gated/repo"
    [ ! -e models/llm/model ]
}

@test "an address with its digest, and no secret of it in the registry" {
    unset HF_ENDPOINT
    run "$VANTA" add "$URL/ok/m.Q4_K_M.gguf?token=SECRET"
    exits 2
    contains "--sha256"
    run "$VANTA" add "$URL/ok/m.Q4_K_M.gguf?token=SECRET" \
        --sha256 "$(sha "$FILES/m.Q4_K_M.gguf")"
    exits 0
    cmp "$FILES/m.Q4_K_M.gguf" models/llm/m.Q4_K_M/m.Q4_K_M.gguf
    run grep -r SECRET models
    [ -z "$output" ]
}

@test "the header decides about the folder, whatever the name was" {
    unset HF_ENDPOINT
    cp "$FILES/ggml-x.bin" "$FILES/model.bin"
    run "$VANTA" add "$URL/ok/model.bin" --sha256 "$(sha "$FILES/model.bin")"
    exits 0
    [ -e models/whisper/model/model.bin ]
    [ ! -e models/llm/.model.partial ]
    [ ! -e models/llm/model ]
}

@test "a page instead of a model, and another digest" {
    unset HF_ENDPOINT
    run "$VANTA" add "$URL/html/m.Q4_K_M.gguf" --sha256 "$(sha "$FILES/m.Q4_K_M.gguf")"
    exits 3
    contains "a login page came instead of the file"
    run "$VANTA" add "$URL/ok/m.Q4_K_M.gguf" --sha256 "$(printf '0%.0s' {1..64})"
    exits 1
    [ ! -e models/llm/m.Q4_K_M ]
    run "$VANTA" list
    lacks Q4_K_M
}

@test "a download that broke goes on where it stopped" {
    unset HF_ENDPOINT
    { cat "$FILES/m.Q4_K_M.gguf"; head -c 3000000 /dev/zero; } >"$FILES/big.gguf"
    digest=$(sha "$FILES/big.gguf")
    "$VANTA" add "$URL/trickle:200000:50/big.gguf" --sha256 "$digest" >out 2>&1 3>&- &
    pid=$!
    for i in $(seq 1 100); do
        [ -n "$(find models -name '*.part' -size +1000k 2>/dev/null)" ] && break
        sleep 0.05
    done
    kill -9 $pid
    wait $pid || true
    run "$VANTA" doctor --offline
    contains "of an unfinished download"
    run "$VANTA" add "$URL/ok/big.gguf" --sha256 "$digest"
    exits 0
    [ "$(requests 'GET /ok/big.gguf.*range=[1-9]')" -eq 1 ]
    run "$VANTA" doctor --offline
    lacks "unfinished download"
}
