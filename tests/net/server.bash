# server.bash - faultd for a bats file: start_server, stop_server and what asks its log.

# start_server [COMMAND...]: a server of its own for each test, started by COMMAND: $URL,
# $PORT; files in $FILES; requests in $LOG.
start_server() {
    FILES=$BATS_TEST_TMPDIR/files
    LOG=$BATS_TEST_TMPDIR/requests
    local port_file=$BATS_TEST_TMPDIR/port i

    mkdir -p "$FILES"
    rm -f "$port_file" # of a server before
    : >"$LOG"
    # Proxies would come between the test and its server.
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    "$@" "$VANTA_BINARY_DIR/tests/net/faultd" "$FILES" "$LOG" "$port_file" 3>&- &
    SERVER_PID=$!
    for i in $(seq 1 200); do
        [ -s "$port_file" ] && break
        sleep 0.02
    done
    PORT=$(cat "$port_file")
    URL=http://127.0.0.1:$PORT
}

stop_server() {
    [ -n "${SERVER_PID:-}" ] || return 0
    kill "$SERVER_PID" 2>/dev/null || true
    wait "$SERVER_PID" 2>/dev/null || true
}

# file NAME BYTES [SEED]: the same bytes each time, for one seed.
make_file() {
    mkdir -p "$(dirname "$FILES/$1")"
    openssl enc -aes-128-ctr -nosalt -pass "pass:${3:-seed}" -pbkdf2 -iter 1 </dev/zero \
        2>/dev/null | head -c "$2" >"$FILES/$1"
}

sha() {
    sha256sum "$1" | cut -d' ' -f1
}

# How many lines of the log have this text.
requests() {
    grep -c -- "$1" "$LOG" || true
}

# How many ranges that are not a file's beginning were asked for.
ranges() {
    requests 'range=[1-9]'
}

# big.bin is there ($DEST) and right, and nothing else is left ($PARTS). One condition, so
# that it holds behind "||" too, where a shell ignores what fails within.
arrived() {
    exits 0 && cmp "$FILES/big.bin" "$DEST" && [ ! -e "$PARTS" ]
}
