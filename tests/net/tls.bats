# Over TLS: whose certificates are believed, which proxies are used, and HTTP/2.
load ../helpers
load server

SIZE=12582912

setup_file() {
    cd "$BATS_FILE_TMPDIR" && authority
}

setup() {
    fresh_home
    command -v node >/dev/null || skip "node, which is the server here, is not installed"
    FILES=$PWD/files LOG=$PWD/requests PARTS=$PWD/partial DEST=$PWD/models/big.bin
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    make_file big.bin $SIZE
    make_file small.bin 3000
    BIG=$(sha "$FILES/big.bin")
    unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR no_proxy NO_PROXY
    cp "$BATS_FILE_TMPDIR"/*.pem "$BATS_FILE_TMPDIR/ca.key" .
    start_tls
}

teardown() {
    stop_server
}

# ca.pem is an authority that no system knows, key.pem and cert.pem are a server's of it:
# the same ones for all tests, since such keys take their time.
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 \
        -subj /CN=authority 2>/dev/null
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
        -CA ca.pem -CAkey ca.key -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,DNS:files.invalid,IP:127.0.0.1 \
        -addext basicConstraints=CA:FALSE 2>/dev/null
}

# $URL of the files, $PROXY; files.invalid is a name that only the proxy knows.
start_tls() {
    local i

    : >"$LOG"
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    node "$BATS_TEST_DIRNAME/tlsd.mjs" "$FILES" "$LOG" ports key.pem cert.pem 3>&- &
    SERVER_PID=$!
    for i in $(seq 1 400); do
        [ -s ports ] && break
        sleep 0.02
    done
    read -r PORT PROXY <ports
    URL=https://127.0.0.1:$PORT
    FAR=https://files.invalid:$PORT
}

# fetch [OPTION...] -- SOURCES: the big file, into $DEST.
fetch() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    run "$DRIVER" --stall 3000 --connect 3000 "${options[@]}" "$PARTS" "$DEST" "$BIG" \
        $SIZE any "$2"
}

# small SOURCE
small() {
    rm -rf small.bin "$PARTS"
    run "$DRIVER" --stall 3000 --connect 3000 "$PARTS" "$PWD/small.bin" \
        "$(sha "$FILES/small.bin")" 3000 any "$1"
}

# --- certificates ----------------------------------------------------------------------

@test "an authority that the system does not know is refused, with what to do" {
    small "$URL/ok/small.bin"
    exits 3
    contains "certificate cannot be trusted"
    contains "CURL_CA_BUNDLE"
    contains "SSL_CERT_FILE"
    [ ! -e small.bin ]
    [ "$(requests 'GET ')" -eq 0 ]
}

@test "an authority in CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR is believed" {
    local name

    mkdir certs
    cp ca.pem certs/ca.pem
    openssl rehash certs
    for name in CURL_CA_BUNDLE SSL_CERT_FILE; do
        export $name=$PWD/ca.pem
        small "$URL/ok/small.bin"
        unset $name
        exits 0
        cmp "$FILES/small.bin" small.bin
    done
    export SSL_CERT_DIR=$PWD/certs
    small "$URL/ok/small.bin"
    exits 0
    cmp "$FILES/small.bin" small.bin
}

@test "of two files of authorities CURL_CA_BUNDLE counts, as for curl" {
    export CURL_CA_BUNDLE=$PWD/other.pem SSL_CERT_FILE=$PWD/ca.pem
    openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 \
        -subj /CN=other 2>/dev/null
    small "$URL/ok/small.bin"
    exits 3
    contains "certificate cannot be trusted"
    export CURL_CA_BUNDLE=''
    small "$URL/ok/small.bin"
    exits 0
}

@test "a file of authorities that is not there is named" {
    export SSL_CERT_FILE=$PWD/nowhere.pem
    small "$URL/ok/small.bin"
    exits 3
    contains "there are no certificates to trust"
    contains "$PWD/nowhere.pem"
    contains "let CURL_CA_BUNDLE or SSL_CERT_FILE name a file"
    [ "$(requests 'GET ')" -eq 0 ]
}

@test "a certificate of another name is refused, though its authority is believed" {
    export SSL_CERT_FILE=$PWD/ca.pem
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
        -CA ca.pem -CAkey ca.key -subj /CN=elsewhere \
        -addext subjectAltName=DNS:elsewhere 2>/dev/null
    stop_server
    rm ports
    start_tls
    small "$URL/ok/small.bin"
    exits 3
    contains "certificate cannot be trusted"
    [ ! -e small.bin ]
}

@test "vanta itself fetches from a server of an authority in the environment" {
    cat >catalog.json <<END2
{"format": "vanta-catalog", "version": 1, "models": [
 {"id": "tiny", "name": "tiny", "type": "llm", "version": "1", "format": "gguf",
  "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
  "files": [{"path": "tiny.gguf", "size_bytes": $SIZE, "sha256": "$BIG",
             "sources": ["$URL/ok/big.bin"]}]}]}
END2
    printf 'GGUF' | dd of="$FILES/big.bin" conv=notrunc status=none
    sed -i.bak "s/$BIG/$(sha "$FILES/big.bin")/" catalog.json
    run "$VANTA" setup tiny --no-test --catalog catalog.json --models-dir "$PWD/models"
    exits 3
    contains "CURL_CA_BUNDLE"
    SSL_CERT_FILE=$PWD/ca.pem run "$VANTA" setup tiny --no-test --catalog catalog.json \
        --models-dir "$PWD/models"
    exits 0
    cmp "$FILES/big.bin" models/llm/tiny/tiny.gguf
}

# --- proxies ---------------------------------------------------------------------------

@test "https_proxy leads to a host that this machine does not know" {
    export SSL_CERT_FILE=$PWD/ca.pem
    https_proxy=http://127.0.0.1:$PROXY fetch -- "$FAR/slow:65536:5/big.bin"
    arrived
    [ "$(requests "PROXY CONNECT files.invalid:$PORT auth=-")" -ge 1 ]
    [ "$(requests 'GET /slow')" -ge 1 ]
    # Each range of it takes that way.
    [ "$(requests 'PROXY CONNECT')" -eq "$(requests '^CONNECTION')" ]
    [ "$(ranges)" -ge 1 ]
}

@test "hosts in no_proxy are asked without the proxy" {
    local name

    export SSL_CERT_FILE=$PWD/ca.pem
    for name in files.invalid .invalid '*'; do
        https_proxy=http://127.0.0.1:$PROXY no_proxy=$name small "$FAR/ok/small.bin"
        exits 3
        contains "files.invalid"
        [ "$(requests PROXY)" -eq 0 ]
    done
    https_proxy=http://127.0.0.1:$PROXY no_proxy=other.invalid small "$FAR/ok/small.bin"
    exits 0
    cmp "$FILES/small.bin" small.bin
}

@test "http_proxy takes plain addresses, and https_proxy does not" {
    local plain=http://files.invalid/ok/big.bin

    http_proxy=http://127.0.0.1:$PROXY fetch --plain -- "$plain"
    arrived
    [ "$(requests "PROXY GET $plain")" -ge 1 ]
    rm "$DEST"
    : >"$LOG"
    https_proxy=http://127.0.0.1:$PROXY fetch --plain -- "$plain"
    exits 3
    [ "$(requests PROXY)" -eq 0 ]
}

@test "a proxy's password goes to the proxy and is shown nowhere" {
    export SSL_CERT_FILE=$PWD/ca.pem
    https_proxy=http://user:SECRET@127.0.0.1:$PROXY small "$FAR/ok/small.bin"
    exits 0
    lacks SECRET
    [ "$(requests 'PROXY CONNECT .*auth=user:SECRET')" -ge 1 ]
    https_proxy=http://refused:SECRET@127.0.0.1:$PROXY small "$FAR/ok/small.bin"
    exits 3
    lacks SECRET
    contains "response 407"
    contains "see that https_proxy is set and right"
    https_proxy=http://user:SECRET@127.0.0.1:1 small "$FAR/ok/small.bin"
    exits 3
    lacks SECRET
    contains "see that https_proxy is set and right"
}

# --- HTTP/2 ----------------------------------------------------------------------------

@test "over HTTP/2 a file comes in ranges, each on a connection of its own" {
    export SSL_CERT_FILE=$PWD/ca.pem
    fetch --found --chunks "$FILES/big.bin" -- "$URL/slow:32768:10/big.bin"
    arrived
    contains "chunks 3 right"
    [ "$(ranges)" -ge 2 ]
    [ "$(requests 'version=2.0 range=[1-9].*if-range="v1"')" -eq "$(ranges)" ]
    [ "$(requests '^CONNECTION [0-9]* h2')" -ge 3 ]
    [ "$(requests '^CONNECTION')" -eq "$(requests '^CONNECTION [0-9]* h2')" ]
    [[ $output =~ moved=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -lt $((SIZE + SIZE / 4)) ]
}

@test "over HTTP/2 as many connections as were allowed, and no more" {
    export SSL_CERT_FILE=$PWD/ca.pem
    fetch --connections 1 -- "$URL/slow:131072:10/big.bin"
    arrived
    [ "$(requests '^CONNECTION')" -eq 1 ]
    [ "$(requests 'GET ')" -eq 1 ]
    rm "$DEST"
    : >"$LOG"
    fetch --connections 2 -- "$URL/slow:65536:10/big.bin"
    arrived
    [ "$(ranges)" -ge 1 ]
}

@test "over HTTP/2 files one after the other share a connection" {
    local items=() i sha

    export SSL_CERT_FILE=$PWD/ca.pem
    for i in 1 2 3 4 5 6; do
        make_file "$i.bin" 3000 "$i"
        items+=("$PWD/$i.out" "$(sha "$FILES/$i.bin")" 3000 any "$URL/ok/$i.bin")
    done
    run "$DRIVER" --stall 3000 --connect 3000 --jobs 1 "$PARTS" "${items[@]}"
    exits 0
    for i in 1 2 3 4 5 6; do
        cmp "$FILES/$i.bin" "$i.out"
    done
    [ "$(requests 'version=2.0')" -eq 6 ]
    [ "$(requests '^CONNECTION')" -eq 1 ]
}

@test "streams that are reset, refused or end with their connection cost no file" {
    local fault

    export SSL_CERT_FILE=$PWD/ca.pem
    for fault in reset:1000000 goaway:1000000 refuse:65536:10; do
        rm -rf models partial
        : >"$LOG"
        fetch -- "$URL/$fault/big.bin"
        arrived || { echo "$fault: $output"; return 1; }
        [ "$(ranges)" -ge 1 ] || { echo "$fault: no range was asked for"; return 1; }
    done
}

@test "what came before a stream was reset is not asked for again" {
    export SSL_CERT_FILE=$PWD/ca.pem
    fetch --connections 1 -- "$URL/reset:5000000/big.bin"
    arrived
    [ "$(requests 'version=2.0 range=[1-9][0-9]*-')" -ge 1 ]
    [[ $output =~ moved=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -eq $SIZE ]
}
