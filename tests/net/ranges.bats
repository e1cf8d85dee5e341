# One file over several connections and sources, against a server that misbehaves.
load ../helpers
load server

DRIVER=${VANTA_BINARY_DIR:-}/tests/net/fetch_driver
SIZE=12582912

setup() {
    fresh_home
    start_server
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    make_file big.bin $SIZE
    BIG=$(sha "$FILES/big.bin")
    PARTS=$PWD/partial
    DEST=$PWD/models/big.bin
}

teardown() {
    stop_server
}

# fetch [OPTION...] -- SOURCES: the big file, into $DEST.
fetch() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    run "$DRIVER" --stall 1500 "${options[@]}" "$PARTS" "$DEST" "$BIG" $SIZE any "$2"
}

# --- several connections ---------------------------------------------------------------

@test "what a slow server sends comes over several connections" {
    fetch --found --chunks "$FILES/big.bin" -- "$URL/trickle:32768:10/big.bin"
    arrived
    [ "$(ranges)" -ge 2 ]
    [ "$(requests 'if-range="v1"')" -ge 2 ]
    contains "chunks 3 right"
    # What was asked for twice is little.
    [[ $output =~ moved=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -lt $((SIZE + SIZE / 4)) ]
}

@test "a half that is answered late costs no byte twice" {
    for n in 2 4 16; do
        : >"$LOG"
        fetch --connections $n -- "$URL/manylate:131072:10/big.bin"
        arrived
        rm "$DEST"
        [ "$(ranges)" -ge 1 ]
        [[ $output =~ moved=([0-9]+) ]]
        # Where one is cut short, what was read together goes: a buffer's length at most.
        echo "moved ${BASH_REMATCH[1]} of $SIZE, $(ranges) ranges"
        [ "${BASH_REMATCH[1]}" -le $((SIZE + 131072 * $(ranges))) ]
    done
}

@test "as many connections as were allowed, and no more" {
    fetch --connections 1 -- "$URL/trickle:131072:10/big.bin"
    arrived
    [ "$(requests 'GET ')" -eq 1 ]
    rm "$DEST"
    : >"$LOG"
    fetch --connections 2 -- "$URL/trickle:65536:10/big.bin"
    arrived
    [ "$(ranges)" -ge 1 ]
}

@test "a file of unknown digest comes in ranges of one version only" {
    run "$DRIVER" --stall 1500 "$PARTS" "$DEST" - - any "$URL/trickle:32768:10/big.bin"
    arrived
    [ "$(ranges)" -ge 2 ]
    [ "$(requests 'range=[1-9][0-9-]* if-range=-')" -eq 0 ]
    rm "$DEST"
    : >"$LOG"
    # No ETag, no date: nothing says that ranges belong together.
    run "$DRIVER" --stall 1500 "$PARTS" "$DEST" - - any "$URL/manynoetag:65536:10/big.bin"
    arrived
    [ "$(ranges)" -eq 0 ]
}

@test "a server that refuses a fourth connection is asked by three" {
    fetch -- "$URL/manythree:32768:10/big.bin"
    arrived
    [ "$(requests REFUSED)" -ge 1 ]
    # Each refusal is a lesson, not a loop.
    [ "$(requests REFUSED)" -le 8 ]
    [ "$(ranges)" -ge 2 ]
}

@test "ranges that are refused, lie, break or stall cost no file" {
    local fault

    for fault in norange lie reset cut open html 500 gzip stall flood slowheaders length; do
        rm -rf models partial
        : >"$LOG"
        fetch -- "$URL/many$fault:65536:10/big.bin"
        arrived || { echo "many$fault: $output"; return 1; }
        [ "$(ranges)" -ge 1 ] || { echo "many$fault: no range was asked for"; return 1; }
        contains "resumed=0"
    done
}

@test "ranges of another version are not mixed in" {
    make_file big.bin.v2 $SIZE two
    fetch -- "$URL/manychanged:65536:10/big.bin"
    arrived
    [ "$(ranges)" -ge 1 ]
    rm "$DEST"
    run "$DRIVER" --stall 1500 "$PARTS" "$DEST" - - any "$URL/manychanged:65536:10/big.bin"
    arrived
}

@test "what does not say what it is a part of is mixed into no file of unknown digest" {
    local fault n

    make_file big.bin.v2 $SIZE two
    for fault in blind untold; do
        for n in 1 4; do
            rm -rf models partial
            run "$DRIVER" --stall 1500 --connections $n "$PARTS" "$DEST" - - any \
                "$URL/many$fault:131072:10/big.bin"
            arrived || { echo "many$fault, $n connections: $output"; return 1; }
            rm "$DEST"
            # The rest of what an earlier run began is a part, too.
            run "$DRIVER" --stall 1500 --connections $n --cancel-at 3000000 "$PARTS" "$DEST" \
                - - any "$URL/many$fault:131072:10/big.bin"
            [ -s "$(echo "$PARTS"/*.part)" ]
            run "$DRIVER" --stall 1500 --connections $n "$PARTS" "$DEST" - - any \
                "$URL/many$fault:131072:10/big.bin"
            arrived || { echo "many$fault, $n connections, resumed: $output"; return 1; }
        done
    done
}

@test "ranges go straight to where the first request was led" {
    fetch -- "$URL/elsewhere/trickle:32768:10/big.bin"
    arrived
    [ "$(requests 'GET /elsewhere')" -eq 1 ]
    [ "$(ranges)" -ge 2 ]
}

@test "an address that expires half way is asked for again" {
    fetch -- "$URL/toexpire:4/big.bin"
    arrived
    [ "$(requests 'GET /toexpire')" -ge 2 ]
    [ "$(requests 'GET /expires:2')" -ge 1 ]
}

@test "an address that expires for all ranges at once is asked for again, and no other fault is seen" {
    local try

    # Whether several ranges ask before the first has a new address is chance: each try
    # must bring the file, and one of them be of that kind.
    for try in 1 2 3 4 5 6 7 8; do
        rm -rf models partial
        stop_server
        start_server
        fetch --connections 8 -- "$URL/toexpireall:4/big.bin"
        arrived
        # The source itself refuses nobody.
        lacks "refuses access"
        [ "$(requests 'GET /expiresall:1:4/.*range=[1-9]')" -lt 5 ] ||
            [ "$(requests 'GET /expiresall:[2-9].*range=[1-9]')" -lt 2 ] || return 0
    done
    cat "$LOG"
    return 1
}

# --- several sources -------------------------------------------------------------------

@test "a second source brings ranges of the same file" {
    fetch -- "$URL/trickle:32768:10/big.bin http://localhost:$PORT/trickle:65536:10/big.bin"
    arrived
    [ "$(requests 'host=localhost.* range=[1-9]')" -ge 1 ]
    contains "used=$URL/trickle:32768:10/big.bin"
}

@test "where the first source gives no ranges, those of the others are used" {
    local first

    for first in norangeslow:32768:10 manyhtml:32768:10 many500:32768:10; do
        rm -rf models partial
        : >"$LOG"
        fetch -- "$URL/$first/big.bin http://localhost:$PORT/trickle:65536:5/big.bin"
        arrived || { echo "$first: $output"; return 1; }
        [ "$(requests 'host=localhost.* range=[1-9]')" -ge 2 ]
        # The first stream goes on, and is not begun anew.
        contains "used=$URL/$first/big.bin"
        [ "$(requests "GET /$first.* range=-1 ")" -eq 1 ]
    done
}

@test "a source whose chunk is wrong is not believed, and another brings it" {
    fetch --chunks "$FILES/big.bin" -- "$URL/wrongat:5000000/big.bin $URL/ok/big.bin"
    arrived
    [ "$(requests 'GET /wrongat')" -eq 1 ]
    # Only that chunk.
    [ "$(requests 'GET /ok/big.bin.*range=4194304-8388607')" -eq 1 ]
    contains "moved=$((SIZE + 4194304))"
}

@test "a source that sends a chunk wrong twice is given up" {
    fetch --chunks "$FILES/big.bin" -- "$URL/wrongat:5000000/big.bin"
    exits 3
    contains "item big.bin digest"
    [ ! -e "$DEST" ]
    # What was right is not fetched again.
    fetch --chunks "$FILES/big.bin" -- "$URL/ok/big.bin"
    arrived
    contains "moved=4194304 resumed=$((SIZE - 4194304))"
}

# --- what is there already -------------------------------------------------------------

flip() {
    printf '\x5a' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "of a damaged file only the damaged chunks are fetched" {
    mkdir -p models
    cp "$FILES/big.bin" "$DEST"
    flip "$DEST" 10
    flip "$DEST" $((SIZE - 1))
    fetch --chunks "$FILES/big.bin" -- "$URL/ok/big.bin"
    arrived
    contains "reused 4194304"
    contains "moved=8388608"
    [ "$(requests 'range=0-4194303')" -eq 1 ]
}

@test "a chunk that turns out wrong before the first answer is asked for by what is known" {
    local left

    fetch --connections 1 --cancel-at 9000000 -- "$URL/manylate:131072:10/big.bin"
    left=$(wc -c <"$(echo "$PARTS"/*.part)")
    flip "$(echo "$PARTS"/*.part)" 10
    : >"$LOG"
    fetch --chunks "$FILES/big.bin" -- "$URL/manylate:131072:10/big.bin"
    arrived
    # Nothing behind the file's end, and no range of who knows which version.
    [ "$(requests 'range=[0-9-]*[0-9]\{9\}')" -eq 0 ]
    [ "$(requests 'range=[0-9][0-9-]* if-range=-')" -eq 0 ]
    contains "resumed=$((left - 4194304)) "
}

@test "a partial file whose journal is lost is salvaged by its chunks" {
    mkdir -p "$PARTS"
    head -c 9000000 "$FILES/big.bin" >"$PARTS/$BIG.part"
    flip "$PARTS/$BIG.part" 10
    fetch --chunks "$FILES/big.bin" -- "$URL/ok/big.bin"
    arrived
    contains "moved=8388608 resumed=4194304"
}

@test "a partial file whose journal is damaged starts over" {
    mkdir -p "$PARTS"
    head -c 9000000 "$FILES/big.bin" >"$PARTS/$BIG.part"
    echo "vanta-journal 2" >"$PARTS/$BIG.journal"
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "moved=$SIZE resumed=0"
}

@test "kill -9 amid many ranges loses what was in flight, and mixes nothing" {
    local i pid

    make_file huge.bin 60000000
    "$DRIVER" --stall 1500 "$PARTS" "$PWD/huge.bin" "$(sha "$FILES/huge.bin")" 60000000 any \
        "$URL/trickle:65536:5/huge.bin" >out 2>&1 3>&- &
    pid=$!
    for i in $(seq 1 800); do
        grep -Eq 'progress huge.bin [34][0-9]{7}$' out && break
        sleep 0.01
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    [ ! -e huge.bin ]
    grep -q '^apart ' "$PARTS"/*.journal
    run "$DRIVER" --stall 1500 "$PARTS" "$PWD/huge.bin" "$(sha "$FILES/huge.bin")" 60000000 \
        any "$URL/ok/huge.bin"
    exits 0
    cmp "$FILES/huge.bin" huge.bin
    [[ $output =~ resumed=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -ge 20000000 ]
}

@test "memory stays below 64 MB with 16 connections" {
    [ -z "${VANTA_SANITIZE:-}" ] || skip "a sanitizer's own memory would be measured"
    make_file huge.bin 100000000
    run "$DRIVER" --stall 5000 --connections 16 --memory "$PARTS" "$PWD/huge.bin" \
        "$(sha "$FILES/huge.bin")" 100000000 any "$URL/trickle:65536:20/huge.bin"
    exits 0
    [ "$(ranges)" -ge 8 ]
    [ "$(sed -n 's/^memory //p' <<<"$output")" -lt 65536 ]
}

@test "a limit of the speed is kept to" {
    local start=$SECONDS

    make_file small.bin 3000000
    run "$DRIVER" --limit-rate 1000000 "$PARTS" "$PWD/small.bin" \
        "$(sha "$FILES/small.bin")" 3000000 any "$URL/ok/small.bin"
    exits 0
    cmp "$FILES/small.bin" small.bin
    # Never faster: a slow machine makes it no less true.
    [ $((SECONDS - start)) -ge 2 ]
}

@test "connections and speed that make no sense are refused" {
    local command

    for command in "setup lite" "add hf:a/b"; do
        # shellcheck disable=SC2086
        run "$VANTA" $command --limit-rate fast
        exits 2
        contains "bytes a second are wanted"
        # shellcheck disable=SC2086
        run "$VANTA" $command --limit-rate 10
        exits 2
        # shellcheck disable=SC2086
        run "$VANTA" $command --connections 33
        exits 2
        contains "at most 32"
    done
}

@test "a limit of the speed holds for what is added" {
    local start=$SECONDS

    make_file small.bin 2000000
    printf 'GGUF' | dd of="$FILES/small.bin" conv=notrunc status=none
    # It is no model, and is refused; but only once it has come.
    run "$VANTA" add "$URL/ok/small.bin" --sha256 "$(sha "$FILES/small.bin")" \
        --limit-rate 500k --models-dir "$PWD/m"
    [ "$(requests 'GET /ok/small.bin')" -ge 1 ]
    [ $((SECONDS - start)) -ge 2 ]
}
