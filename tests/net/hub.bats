# The model hub's ways, as faultd has them: addresses, tokens, refusals, listings.
load ../helpers
load server

setup() {
    fresh_home
    start_server
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    make_file model.gguf 500000
    MODEL=$(sha "$FILES/model.gguf")
    PARTS=$PWD/partial
    DEST=$PWD/model.gguf
    COMMIT=0123456789abcdef0123456789abcdef01234567
    export HF_ENDPOINT=$URL
}

teardown() {
    stop_server
}

# hub [OPTION...] SOURCE
hub() {
    run "$DRIVER" "${@:1:$#-1}" "$PARTS" "$DEST" "$MODEL" 500000 any "${!#}"
}

@test "a file comes by way of the hub's redirect" {
    hub "hf:good/repo@main/model.gguf"
    exits 0
    cmp "$FILES/model.gguf" "$DEST"
    contains "used=hf:good/repo@main/model.gguf"
    [ "$(requests 'GET /good/repo/resolve/main/model.gguf ')" -eq 1 ]
    [ "$(requests 'GET /ok/model.gguf?Signature=SECRET host=localhost')" -eq 1 ]
}

@test "names are percent-encoded" {
    hub "hf:good/repo@main/a+b/x#y%?.gguf"
    exits 3
    [ "$(requests 'GET /good/repo/resolve/main/a%2Bb/x%23y%25%3F.gguf ')" -eq 1 ]
}

@test "a revision may have slashes, which are encoded" {
    hub "hf:good/repo@refs/pr/1/model.gguf"
    exits 0
    contains "used=hf:good/repo@refs/pr/1/model.gguf"
    [ "$(requests 'GET /good/repo/resolve/refs%2Fpr%2F1/model.gguf ')" -eq 1 ]
    rm "$DEST"
    hub "hf:good/repo@my%2Fbranch/model.gguf"
    exits 0
    [ "$(requests 'GET /good/repo/resolve/my%2Fbranch/model.gguf ')" -eq 1 ]
}

@test "a small file comes by a relative redirect" {
    echo '{}' >"$FILES/config.json"
    run "$DRIVER" "$PARTS" "$PWD/c" "$(sha "$FILES/config.json")" 3 json \
        "hf:small/repo@main/config.json"
    exits 0
    cmp "$FILES/config.json" c
}

@test "an endpoint may have a path, and a slash at its end" {
    HF_ENDPOINT=$URL/redirect:1/ hub "hf:good/repo@main/model.gguf"
    exits 0
    [ "$(requests 'GET /redirect:1/good/repo/resolve/main/model.gguf')" -eq 1 ]
}

@test "an endpoint without TLS that is not this machine is refused" {
    HF_ENDPOINT=http://hub.example hub "hf:good/repo@main/model.gguf"
    exits 3
    contains "HF_ENDPOINT is plain http"
    HF_ENDPOINT=ftp://hub.example hub "hf:good/repo@main/model.gguf"
    exits 3
    contains "HF_ENDPOINT cannot be used"
}

@test "a hub that has another file is found out before a byte comes" {
    hub "hf:stale/repo@main/model.gguf"
    exits 3
    contains "item model.gguf digest moved=0"
    contains "the hub's file has SHA-256 00000000"
    [ "$(requests '/ok/')" -eq 0 ]
}

@test "a file of unknown digest at a pinned commit is judged by the hub's own" {
    run "$DRIVER" "$PARTS" "$DEST" - - any "hf:good/repo@$COMMIT/model.gguf"
    exits 0
    cmp "$FILES/model.gguf" "$DEST"
    run "$DRIVER" "$PARTS" "$PWD/other" - - any "hf:stale/repo@$COMMIT/model.gguf"
    exits 3
    contains "item other digest"
    [ ! -e other ]
}

@test "another commit than the one that was asked for is not downloaded" {
    local other=${COMMIT//0/f}

    run "$DRIVER" "$PARTS" "$DEST" - - any "hf:good/repo@$other/model.gguf"
    exits 3
    contains "item model.gguf digest moved=0"
    contains "the hub answers with the commit $COMMIT"
    [ "$(requests '/ok/')" -eq 0 ]
    [ ! -e "$DEST" ]
    hub "hf:good/repo@main/model.gguf" # a branch is at any commit
    exits 0
}

# --- tokens -------------------------------------------------------------------------

@test "the token goes to the hub and not where it redirects to" {
    HF_TOKEN=hf_good hub "hf:good/repo@main/model.gguf"
    exits 0
    [ "$(requests 'resolve.*auth=Bearer hf_good')" -eq 1 ]
    [ "$(requests 'GET /ok/.*auth=-')" -eq 1 ]
    lacks hf_good
}

@test "what goes to this machine goes there itself, not with its token to a proxy" {
    export http_proxy=$URL/proxy HTTP_PROXY=$URL/proxy
    HF_ENDPOINT=http://localhost:1 HF_TOKEN=hf_good hub --deadline 100 \
        "hf:good/repo@main/model.gguf"
    [ "$(requests .)" -eq 0 ]
    HF_TOKEN=hf_good hub "hf:good/repo@main/model.gguf"
    exits 0
}

@test "the token does not come back after a detour" {
    HF_ENDPOINT=$URL/elsewhere/elsewhere HF_TOKEN=hf_good \
        hub "hf:good/repo@main/model.gguf"
    exits 0
    [ "$(requests 'GET /elsewhere/elsewhere/.*auth=Bearer')" -eq 1 ]
    [ "$(requests 'auth=Bearer')" -eq 1 ]
}

@test "an address's query, which may be a signature, is shown and kept nowhere" {
    hub "$URL/missing/model.gguf?Signature=SECRET"
    exits 3
    contains "$URL/missing/model.gguf: "
    lacks SECRET
    hub "$URL/norangereset:300000/model.gguf?Signature=SECRET"
    grep -q norangereset "$PARTS/$MODEL.journal"
    if grep -rq SECRET "$PARTS"; then return 1; fi
    hub "$URL/ok/model.gguf?Signature=SECRET"
    exits 0
    [ "$(requests 'GET /ok/model.gguf?Signature=SECRET')" -eq 1 ]
    lacks SECRET
}

@test "no token goes to a source that is not the hub" {
    HF_TOKEN=hf_good hub "$URL/ok/model.gguf"
    exits 0
    [ "$(requests 'auth=Bearer')" -eq 0 ]
}

@test "tokens come from the places the hub's client knows" {
    hub "hf:gated/repo@main/model.gguf"
    exits 3
    HUGGING_FACE_HUB_TOKEN=hf_good hub "hf:gated/repo@main/model.gguf"
    exits 0
    rm "$DEST"
    printf 'hf_good\n' >token
    HF_TOKEN_PATH=$PWD/token hub "hf:gated/repo@main/model.gguf"
    exits 0
    rm "$DEST"
    HF_HOME=$PWD hub "hf:gated/repo@main/model.gguf"
    exits 0
    rm "$DEST"
    mkdir -p "$HOME/.cache/huggingface"
    mv token "$HOME/.cache/huggingface/token"
    hub "hf:gated/repo@main/model.gguf"
    exits 0
    rm "$DEST"
    HF_HUB_DISABLE_IMPLICIT_TOKEN=1 hub "hf:gated/repo@main/model.gguf"
    exits 3
}

@test "what is no token never becomes a header" {
    HF_TOKEN=$'hf_x\r\nX-Evil: 1' hub "hf:good/repo@main/model.gguf"
    exits 3
    contains "HF_TOKEN holds something that is no token"
    lacks X-Evil
    [ ! -s "$LOG" ]
}

# --- refusals -----------------------------------------------------------------------

@test "a gated repository names the page that grants access" {
    hub "hf:gated/repo@main/model.gguf"
    exits 3
    contains "item model.gguf auth"
    contains "is gated"
    contains "accept the terms at $URL/gated/repo, then set HF_TOKEN"
    HF_TOKEN=hf_other hub "hf:gated/repo@main/model.gguf"
    exits 3
    contains "the token from HF_TOKEN has no access"
    contains "ask for access at $URL/gated/repo"
}

@test "bad token, disabled, private, no such file, no such revision" {
    HF_TOKEN=hf_bad hub "hf:good/repo@main/model.gguf"
    exits 3
    contains "does not know the token from HF_TOKEN"
    hub "hf:disabled/repo@main/model.gguf"
    exits 3
    contains "disabled this repository"
    hub "hf:private/repo@main/model.gguf"
    exits 3
    contains "there is none, or it is private"
    hub "hf:good/repo@main/none.gguf"
    exits 3
    contains "item model.gguf not-found"
    contains "has no such file"
    hub "hf:norev/repo@main/model.gguf"
    exits 3
    contains "has no revision main"
}

@test "an address that has expired is asked for anew, and named in the end" {
    hub "hf:expired/repo@main/model.gguf"
    exits 3
    contains "may have expired"
    lacks SECRET
    [ "$(requests 'resolve')" -gt 1 ]
}

@test "HF_HUB_OFFLINE keeps from the hub only" {
    HF_HUB_OFFLINE=1 hub "hf:good/repo@main/model.gguf"
    exits 3
    contains "offline mode"
    [ ! -s "$LOG" ]
    HF_HUB_OFFLINE=1 hub "hf:good/repo@main/model.gguf $URL/ok/model.gguf"
    exits 0
}

# --- listings and probes ------------------------------------------------------------

@test "a repository is listed over all pages, at one commit" {
    run "$DRIVER" --list good/repo
    exits 0
    contains "file model.gguf 491400032 74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"
    contains "file sub/config.json 2 -"
    contains "commit $COMMIT"
    lacks evil
    [ "$(requests "/api/models/good/repo/tree/$COMMIT?recursive=true ")" -eq 1 ]
}

@test "a listing that leads elsewhere, is broken or does not exist is refused" {
    HF_TOKEN=hf_good run "$DRIVER" --list evil/repo
    exits 2
    contains "another server for the next page"
    [ "$(requests 'host=localhost')" -eq 0 ]
    run "$DRIVER" --list broken/repo
    exits 2
    contains "hf:broken/repo:1:"
    run "$DRIVER" --list norepo/repo
    exits 2
    contains "there is none, or it is private"
    run "$DRIVER" --offline --list good/repo
    exits 2
    contains "offline"
}

@test "a hub is probed once" {
    run "$DRIVER" --probe "hf:good/repo@main/x"
    exits 0
    contains "probe ok"
    [ "$(requests 'HEAD / ')" -eq 1 ]
    HF_ENDPOINT=http://127.0.0.1:1 run "$DRIVER" --probe "hf:good/repo@main/x"
    exits 1
    contains "probe network"
    contains "refused"
    run "$DRIVER" --offline --probe "hf:good/repo@main/x"
    contains "probe network"
    run "$DRIVER" --probe "file:$FILES/model.gguf"
    contains "probe ok"
    run "$DRIVER" --probe "file:$FILES/none"
    contains "probe not-found"
}
