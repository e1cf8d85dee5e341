# speech_server.bash - speechd for a bats file: start_speech, stop_speech, and talk to it.

# A server of its own for each test; $PORT, $REQUESTS (its log); a key is set.
start_speech() {
    local port_file=$BATS_TEST_TMPDIR/port i

    rm -f "$port_file" # an earlier server's
    REQUESTS=$BATS_TEST_TMPDIR/requests
    DRIVER=$VANTA_BINARY_DIR/tests/net/speech_driver
    : >"$REQUESTS"
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    "$VANTA_BINARY_DIR/tests/net/speechd" "$REQUESTS" "$port_file" 3>&- &
    SPEECHD_PID=$!
    for i in $(seq 1 200); do
        [ -s "$port_file" ] && break
        sleep 0.02
    done
    PORT=$(cat "$port_file")
    KEY=sk-proj-Zq4vT8nLw2RkYc7XhB1m
    export OPENAI_API_KEY=$KEY
}

stop_speech() {
    [ -n "${SPEECHD_PID:-}" ] || return 0
    kill "$SPEECHD_PID" 2>/dev/null || true
    wait "$SPEECHD_PID" 2>/dev/null || true
}

# server BEHAVIOUR: where requests go from now on.
server() {
    export OPENAI_BASE_URL=http://127.0.0.1:$PORT/$1/v1
}

# asked TEXT: how many lines of the server's log have it.
asked() {
    grep -c -- "$1" "$REQUESTS" || true
}

# speak BEHAVIOUR [OPTION...]: a sentence to the file $OUT.
speak() {
    OUT=$BATS_TEST_TMPDIR/out/speech
    mkdir -p "${OUT%/*}"
    server "$1"
    shift
    run "$DRIVER" "$@" speak "$OUT" 'Hello there, "friend"'
    keeps_the_key
}

check() {
    server "$1"
    shift
    run "$DRIVER" "$@" check
    keeps_the_key
}

# Nothing that was said or left has the key, its ends or its beginning.
keeps_the_key() {
    lacks "$KEY"
    lacks "${KEY:0:12}"
    lacks "${KEY: -8}"
}

# No audio, no temporary file.
nothing_left() {
    [ -z "$(ls -A "${OUT%/*}")" ] || { ls -lA "${OUT%/*}" >&2; return 1; }
}

said() {
    contains "status $1"
    shift
    for text in "$@"; do
        contains "$text"
    done
}
