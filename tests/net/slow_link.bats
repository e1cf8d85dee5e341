# The download engine over slow links: delay, loss, little bandwidth, a cable that is cut.
# The packets take the way through linkd, between network namespaces of the test's own.
load ../helpers
load server
load link

setup() {
    fresh_home
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    FILES=$BATS_TEST_TMPDIR/files
    PARTS=$PWD/partial
    DEST=$PWD/models/big.bin
    child=
}

teardown() {
    [ -z "$child" ] || kill -9 "$child" 2>/dev/null || true
    stop_link
}

# fetch BYTES [OPTION...]: over the link, with time limits for the world and not for the
# loopback.
fetch() {
    local bytes=$1

    shift
    make_file big.bin "$bytes"
    in_client "$DRIVER" --plain --connect 3000 --stall 3000 --deadline 20000 --patient \
        "$@" "$PARTS" "$DEST" "$(sha "$FILES/big.bin")" "$bytes" any "$URL/ok/big.bin"
}

# lost: packets that were to come to the client and did not, without the cable being cut.
# After stop_link, which a subshell could not wait for.
lost() {
    awk '$1 == "to-client" { print $4 }' <<<"$STATS"
}

# background BYTES MIN OPTION...: a fetch, until MIN bytes of it are there.
background() {
    local bytes=$1 min=$2 i

    shift 2
    fetch "$bytes" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    child=$!
    for i in $(seq 1 250); do
        [ -n "$(find "$PARTS" -name '*.part' -size "+$((min / 1024))k" 2>/dev/null)" ] &&
            return 0
        sleep 0.02
    done
    cat "$BATS_TEST_TMPDIR/out"
    return 1
}

# The background's fetch ends: as by `run`.
finished() {
    status=0
    wait "$child" || status=$?
    child=
    output=$(cat "$BATS_TEST_TMPDIR/out")
}

@test "a link without limits" {
    start_link
    run fetch 30000000
    arrived
    stop_link
    [ "$(lost)" -eq 0 ]
}

@test "50 ms away" {
    start_link --delay-ms 50
    run fetch 4000000
    arrived
}

@test "200 ms away" {
    start_link --delay-ms 200
    run fetch 2000000
    arrived
}

@test "50 ms away, and one packet in a hundred is lost" {
    start_link --delay-ms 50 --loss-percent 1
    run fetch 1500000 # in a thousand packets
    arrived
    stop_link
    [ "$(lost)" -gt 0 ]
}

@test "200 ms away, and one packet in a hundred is lost" {
    start_link --delay-ms 200 --loss-percent 1 --seed 2
    run fetch 1500000
    arrived
    stop_link
    [ "$(lost)" -gt 0 ]
}

@test "20 Mbit/s, 50 ms away" {
    start_link --rate-kbit 20000 --delay-ms 50
    grep -Eq '^rate (tbf|linkd)$' "$BATS_TEST_TMPDIR/link/link"
    run fetch 4000000
    arrived
}

@test "several files at once share a link that loses packets" {
    start_link --rate-kbit 20000 --delay-ms 50 --loss-percent 1
    items=()
    for i in 1 2 3 4; do
        make_file "$i.bin" 300000 "$i"
        items+=("$PWD/models/$i.bin" "$(sha "$FILES/$i.bin")" 300000 any "$URL/ok/$i.bin")
    done
    run in_client "$DRIVER" --plain --connect 3000 --stall 3000 --patient "$PARTS" \
        "${items[@]}"
    exits 0
    for i in 1 2 3 4; do
        cmp "$FILES/$i.bin" "models/$i.bin"
    done
}

@test "a name with a dead IPv6 address and a living IPv4 one" {
    printf 'fd77::1 twofold only6\n10.77.0.1 twofold\n' >hosts
    start_link --no-ipv6 --hosts "$PWD/hosts"
    URL=http://twofold:$PORT
    run fetch 1000000
    arrived

    # The IPv6 address was dead for certain, and is the one that is tried first.
    rm -r models
    URL=http://only6:$PORT
    run fetch 1000000 --connect 500 --deadline 1000
    exits 3
    contains "item big.bin network"
    stop_link
    [ "$(lost)" -gt 0 ] || [[ $STATS =~ to-server\ [0-9]+\ lost\ [1-9] ]]
}

@test "the cable is out for a moment: the fetch goes on as if nothing had been" {
    start_link --rate-kbit 8000
    background 3000000 300000
    cut_cable
    sleep 0.5
    mend_cable
    finished
    arrived
    lacks notice
    contains "moved=3000000 "
}

@test "the cable is out until the connection is given up: resumed, not begun anew" {
    start_link --rate-kbit 8000
    background 3000000 1000000 --stall 1000 --connect 1000
    cut_cable
    sleep 3
    mend_cable
    finished
    arrived
    contains notice
    [[ $output =~ moved=([0-9]+) ]]
    # What was under way when the cable was cut may come twice, no more.
    [ "${BASH_REMATCH[1]}" -lt 4000000 ] || { echo "$output"; false; }
}

@test "the cable stays out: the fetch ends and says so, and a later one resumes" {
    start_link --rate-kbit 8000
    background 3000000 1000000 --stall 500 --connect 500 --deadline 1500
    cut_cable
    finished
    exits 3
    contains "item big.bin network"
    [ ! -e "$DEST" ]
    mend_cable
    run fetch 3000000
    arrived
    [[ $output =~ resumed=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -gt 0 ]
}
