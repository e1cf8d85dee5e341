# link.bash - a slow link (linkd) for a bats file, with a server (server.bash) at its end.

# start_link OPTION...: with the options of linkd. The server is at $URL.
start_link() {
    local folder=$BATS_TEST_TMPDIR/link i

    [ -x "$VANTA_BINARY_DIR/tests/net/linkd" ] || skip "linkd is for Linux"
    command -v nsenter >/dev/null || skip "there is no nsenter to enter namespaces with"
    mkdir -p "$folder"
    "$VANTA_BINARY_DIR/tests/net/linkd" "$@" "$folder" 2>"$folder/said" 3>&- &
    LINK_PID=$!
    for i in $(seq 1 200); do
        [ -s "$folder/link" ] && break
        kill -0 "$LINK_PID" 2>/dev/null || break
        sleep 0.02
    done
    if [ ! -s "$folder/link" ]; then
        i=0
        wait "$LINK_PID" || i=$?
        LINK_PID=
        [ "$i" -ne 77 ] || skip "no network namespaces here: $(cat "$folder/said")"
        cat "$folder/said"
        return 1
    fi
    SERVER_SIDE=$(awk '$1 == "server" { print $2 }' "$folder/link")
    CLIENT_SIDE=$(awk '$1 == "client" { print $2 }' "$folder/link")
    FAULTD_ADDRESS=10.77.0.1 start_server at_side "$SERVER_SIDE"
    URL=http://10.77.0.1:$PORT
}

# at_side PID COMMAND...: in the namespaces of that process.
at_side() {
    local side=$1 user=()

    shift
    [ "$(id -u)" -eq 0 ] || user=(-U --preserve-credentials)
    exec nsenter -t "$side" "${user[@]}" -n -m -- sh -c 'cd "$1" && shift && exec "$@"' \
        sh "$PWD" "$@"
}

# As a function that `run` and `&` can have: the shell that execs is a subshell.
in_client() (
    at_side "$CLIENT_SIDE" "$@"
)

cut_cable() {
    kill -USR1 "$LINK_PID"
}

mend_cable() {
    kill -USR2 "$LINK_PID"
}

# stop_link: and what became of the packets is in $STATS.
stop_link() {
    [ -n "${LINK_PID:-}" ] || return 0
    stop_server
    kill "$LINK_PID" 2>/dev/null || true
    wait "$LINK_PID" 2>/dev/null || true
    LINK_PID=
    STATS=$(cat "$BATS_TEST_TMPDIR/link/stats")
}
