# The download engine against a server that misbehaves.
load ../helpers
load server

DRIVER=${VANTA_BINARY_DIR:-}/tests/net/fetch_driver

setup() {
    fresh_home
    start_server
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    make_file big.bin 3000000
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
    run "$DRIVER" "${options[@]}" "$PARTS" "$DEST" "$BIG" 3000000 any "$2"
}

# It failed with STATUS and TEXT in the message, has no final name, and advice was given.
refused() {
    exits 3
    contains "item big.bin $1 "
    contains "$2"
    [ ! -e "$DEST" ]
    [[ $output =~ hint\ [a-zA-Z] ]] || { echo "no hint in: $output"; return 1; }
}

# --- answers that are fine ----------------------------------------------------------

@test "a file is fetched with one request on one connection" {
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "item big.bin ok moved=3000000 resumed=0 used=$URL/ok/big.bin"
    [ "$(requests 'GET ')" -eq 1 ]
    [ "$(requests CONNECTION)" -eq 1 ]
}

@test "an answer that breaks off behind the file's last byte has brought it" {
    fetch -- "$URL/chunkopen/big.bin"
    arrived
    [ "$(requests 'GET ')" -eq 1 ]
    contains "moved=3000000"
    # Without a digest nothing says that it was the last one.
    rm "$DEST"
    run "$DRIVER" "$PARTS" "$DEST" - - any "$URL/chunkopen/big.bin"
    exits 3
    [ ! -e "$DEST" ]
}

@test "a file that is there and right is adopted without a connection" {
    fetch -- "$URL/ok/big.bin"
    : >"$LOG"
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "moved=0 resumed=0 used=-"
    [ ! -s "$LOG" ]
}

@test "a wrong file in the way is replaced, and stays until the new one is whole" {
    mkdir -p models
    echo old >"$DEST"
    fetch -- "$URL/status:404/big.bin"
    exits 3
    [ "$(cat "$DEST")" = old ]
    fetch -- "$URL/ok/big.bin"
    arrived
}

@test "a folder in the way is named and left alone" {
    mkdir -p "$DEST/inside"
    fetch -- "$URL/ok/big.bin"
    exits 3
    contains "item big.bin exists "
    contains "is a folder"
    [ -d "$DEST/inside" ]
}

@test "answers without a stated length, in chunks or until the end, are taken" {
    fetch -- "$URL/chunked/big.bin"
    arrived
    rm "$DEST"
    fetch -- "$URL/nolength/big.bin"
    arrived
}

@test "an empty file is a file" {
    : >"$FILES/empty"
    run "$DRIVER" "$PARTS" "$PWD/empty" "$(sha "$FILES/empty")" 0 any "$URL/ok/empty"
    exits 0
    [ -f empty ] && [ ! -s empty ]
}

@test "a slow server is waited for as long as bytes come" {
    make_file slow.bin 20000
    run "$DRIVER" --stall 300 "$PARTS" "$PWD/slow.bin" "$(sha "$FILES/slow.bin")" 20000 \
        any "$URL/trickle:2000:100/slow.bin"
    exits 0
    cmp "$FILES/slow.bin" slow.bin
}

@test "files of one call share connections, at most the stated number at a time" {
    local items=() i

    for i in 1 2 3 4 5 6; do
        make_file "f$i" 40000 "$i"
        items+=("$PWD/f$i" "$(sha "$FILES/f$i")" 40000 any "$URL/trickle:10000:20/f$i")
    done
    run "$DRIVER" --jobs 2 "$PARTS" "${items[@]}"
    exits 0
    [ "$(requests 'GET ')" -eq 6 ]
    [ "$(requests CONNECTION)" -eq 2 ]
    for i in 1 2 3 4 5 6; do cmp "$FILES/f$i" "f$i"; done
}

@test "the same file wanted twice is fetched once" {
    run "$DRIVER" "$PARTS" \
        "$PWD/a" "$BIG" 3000000 any "$URL/ok/big.bin" \
        "$PWD/b" "$BIG" 3000000 any "$URL/ok/big.bin" \
        "$PWD/a" "$BIG" 3000000 any "$URL/ok/big.bin"
    exits 0
    cmp "$FILES/big.bin" a
    cmp "$FILES/big.bin" b
    [ "$(requests 'GET ')" -eq 1 ]
}

@test "memory stays below 64 MB for a large file" {
    [ -z "${VANTA_SANITIZE:-}" ] || skip "a sanitizer's own memory would be measured"
    make_file huge.bin 100000000
    run "$DRIVER" --stall 5000 --memory "$PARTS" "$PWD/huge.bin" \
        "$(sha "$FILES/huge.bin")" 100000000 any "$URL/ok/huge.bin"
    exits 0
    [ "$(sed -n 's/^memory //p' <<<"$output")" -lt 65536 ]
}

# --- connections that fail ----------------------------------------------------------

@test "a refused connection fails at once with its reason" {
    fetch -- "http://127.0.0.1:1/big.bin"
    refused network "refused"
}

@test "a host without a name fails with its reason" {
    fetch --plain -- "http://no-such-host.invalid/big.bin"
    refused network "cannot be resolved"
}

@test "a missing host costs one try; the next source serves all files" {
    local items=() i

    for i in 1 2 3 4 5 6 7 8; do
        make_file "f$i" 1000 "$i"
        items+=("$PWD/f$i" "$(sha "$FILES/f$i")" 1000 any
            "http://127.0.0.1:1/f$i $URL/ok/f$i")
    done
    run "$DRIVER" --jobs 1 "$PARTS" "${items[@]}"
    exits 0
    contains "next source: $URL/ok/f1"
    # Only the first file tried the host that is not there.
    [ "$(grep -c '^notice' <<<"$output")" -eq 1 ]
}

@test "a silent host is put off after the stall time" {
    fetch -- "$URL/silent/big.bin http://localhost:$PORT/ok/big.bin"
    arrived
    contains "the server did not answer"
}

@test "with no source left an unreachable host is retried until the deadline" {
    local start=$SECONDS

    fetch --patient --deadline 700 -- "http://127.0.0.1:1/big.bin"
    refused network "refused"
    contains "trying again in"
    [ $((SECONDS - start)) -lt 10 ]
}

@test "a host that comes up while it is retried serves the file" {
    local port=$PORT

    stop_server
    "$DRIVER" --patient --deadline 20000 "$PARTS" "$DEST" "$BIG" 3000000 any \
        "$URL/ok/big.bin" >out 2>&1 3>&- &
    pid=$!
    sleep 0.5
    # The port is taken again by a server that listens where the first one did.
    FAULTD_PORT=$port "$VANTA_BINARY_DIR/tests/net/faultd" "$FILES" "$LOG" port2 3>&- &
    SERVER_PID=$!
    wait "$pid"
    cmp "$FILES/big.bin" "$DEST"
    grep -q "trying again" out
}

@test "connections that are reset again and again still deliver the file" {
    fetch -- "$URL/reset:1000000/big.bin"
    arrived
    contains "moved=3000000"
    contains "the connection broke after"
    [ "$(requests 'range=1000000 if-range="v1"')" -eq 1 ]
    [ "$(requests 'range=2000000')" -eq 1 ]
}

@test "a reset at any place costs the rest of that answer and nothing else" {
    local at size=9000000

    make_file large.bin $size
    # No byte at all; edges of pages, of buffers, of what has a journal and a thread, of
    # chunks, of lines of the journal; all but the last byte.
    for at in 0 1 4095 4096 16384 65535 65537 262143 262144 1048575 1048576 1048577 \
        4194303 4194304 4194305 8388607 8388608 8388609 $((size - 1)); do
        rm -rf models partial
        : >"$LOG"
        run "$DRIVER" --connections 1 "$PARTS" "$PWD/models/large.bin" \
            "$(sha "$FILES/large.bin")" $size any "$URL/reset:$at:1/large.bin"
        exits 0
        cmp "$FILES/large.bin" models/large.bin
        [ ! -e "$PARTS" ]
        contains "moved=$size resumed=0" || { echo "reset after $at bytes"; return 1; }
        [ "$(requests 'GET ')" -eq 2 ]
        # A single byte is too little to be judged, and is not kept.
        [ "$at" -le 1 ] || [ "$(requests "range=$at[ -]")" -eq 1 ] ||
            { echo "after $at bytes:"; cat "$LOG"; return 1; }
    done
}

@test "a clean end too early is noticed and gone on from" {
    fetch -- "$URL/cut:1200000/big.bin"
    arrived
    contains "moved=3000000"
}

@test "a server without ranges starts over after a reset" {
    fetch -- "$URL/norangereset:1000000:2/big.bin"
    arrived
    contains "moved=5000000 resumed=0"
    [ "$(requests 'range=[1-9]')" -eq 2 ]
}

@test "a server without ranges that always breaks off is given up" {
    fetch -- "$URL/norangereset:1000000:1000/big.bin"
    refused network "the connection broke after 1000000 bytes"
    [ "$(requests 'GET ')" -lt 20 ]
}

@test "a server without ranges sends all of it, whatever was there before" {
    mkdir -p "$PARTS"
    head -c 1000000 "$FILES/big.bin" >"$PARTS/$BIG.part"
    fetch -- "$URL/norange/big.bin"
    arrived
    contains "moved=3000000 resumed=0"
}

@test "a stalled transfer is ended, and goes on where it stopped" {
    fetch -- "$URL/stallonce:500000/big.bin"
    arrived
    contains "sent nothing for"
    [ "$(requests 'range=500000')" -eq 1 ]
}

@test "a server that always stalls is given up" {
    fetch --stall 150 -- "$URL/stall:0/big.bin"
    refused network "sent nothing for"
}

@test "headers that drip for ever are ended by the stall time" {
    local start=$SECONDS

    fetch -- "$URL/slowheaders/big.bin"
    refused network "did not answer"
    [ $((SECONDS - start)) -lt 10 ]
}

@test "something that is not HTTP is named" {
    fetch -- "$URL/garbage/big.bin"
    exits 3
    [ ! -e "$DEST" ]
}

# --- answers that are wrong ---------------------------------------------------------

@test "a wrong byte is found by the digest, and the bytes are thrown away" {
    fetch -- "$URL/wrong/big.bin"
    refused digest "what came has SHA-256"
    [ ! -e "$PARTS" ]
    [ "$(requests 'GET ')" -eq 1 ]
}

@test "after wrong bytes the next source is taken, and the first not again" {
    fetch -- "$URL/wrong/big.bin $URL/ok/big.bin"
    arrived
    contains "used=$URL/ok/big.bin"
    [ "$(requests '/wrong/')" -eq 1 ]
}

@test "wrong bytes left by an earlier run do not condemn a good source" {
    mkdir -p "$PARTS"
    head -c 1000000 /dev/zero >"$PARTS/$BIG.part"
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "starting from the beginning"
}

@test "an HTML page is recognised, with its title, and written nowhere" {
    fetch -- "$URL/html/big.bin"
    refused server "a login page came instead of the file"
    contains "Network"
    lacks $'\x1b'
    [ ! -e "$PARTS" ]
}

@test "an HTML page does not cost what was fetched before" {
    mkdir -p "$PARTS"
    head -c 2000000 "$FILES/big.bin" >"$PARTS/$BIG.part"
    fetch -- "$URL/html/big.bin"
    refused server "login page"
    [ "$(stat -c %s "$PARTS/$BIG.part")" -eq 2000000 ]
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "moved=1000000 resumed=2000000"
}

@test "a Git LFS pointer is recognised" {
    fetch -- "$URL/lfs/big.bin"
    refused server "Git LFS pointer"
}

@test "a file of another kind is recognised by its first bytes" {
    run "$DRIVER" "$PARTS" "$DEST" "$BIG" 3000000 gguf "$URL/ok/big.bin"
    refused format "not a GGUF file"
}

@test "a stated length that is wrong stops before the file comes" {
    fetch -- "$URL/short:1000/big.bin"
    refused server "has 2999000 bytes, not 3000000"
    fetch -- "$URL/long:1000/big.bin"
    refused server "has 3001000 bytes, not 3000000"
}

@test "an unstated length that is wrong is found at the end" {
    fetch -- "$URL/chunkshort:1000/big.bin"
    refused server "has 2999000 bytes, not 3000000"
    [ ! -e "$PARTS" ]
}

@test "more bytes than the file has stop at once" {
    fetch -- "$URL/chunklong/big.bin"
    refused limit "sends more than the 3000000 bytes"
    [ ! -e "$PARTS" ]
}

@test "a compressed answer is refused" {
    fetch -- "$URL/gzip/big.bin"
    refused server "compressed although"
}

@test "a flood of header lines is cut off" {
    fetch -- "$URL/flood/big.bin"
    exits 3
    contains "longer than 64 KiB"
    [ ! -e "$DEST" ]
}

@test "401, 403, 404, 410 and 501 are final and say what they are" {
    fetch -- "$URL/status:401/big.bin"
    refused auth "refuses access (401)"
    fetch -- "$URL/status:403/big.bin"
    refused auth "refuses access (403)"
    fetch -- "$URL/status:404/big.bin"
    refused not-found "no such file (404)"
    fetch -- "$URL/status:410/big.bin"
    refused not-found "no such file (410)"
    fetch -- "$URL/status:501/big.bin"
    exits 3
    contains "answered 501"
    [ "$(requests 'GET ')" -eq 5 ]
}

@test "511 says that the network wants a login" {
    fetch -- "$URL/status:511/big.bin"
    refused server "log in"
}

@test "500 is tried again, and then served" {
    fetch -- "$URL/flaky:500:2/big.bin"
    arrived
    [ "$(requests 'GET ')" -eq 3 ]
}

@test "500 without end is given up" {
    fetch -- "$URL/status:500/big.bin"
    refused server "answered 500"
}

@test "408 and 503 are tried again" {
    fetch -- "$URL/flaky:408:1/big.bin"
    arrived
    rm "$DEST"
    fetch -- "$URL/flaky:503:1/big.bin"
    arrived
}

@test "429 is waited for as long as Retry-After says" {
    local start

    start=$(date +%s%N)
    fetch --stall 5000 --patient --deadline 5000 -- "$URL/busy:1/big.bin"
    arrived
    contains "asks to come back in 1.0 s"
    [ $(($(date +%s%N) - start)) -ge 1000000000 ]
}

@test "429 is waited for as long as the RateLimit field says" {
    local start

    start=$(date +%s%N)
    fetch --stall 5000 --patient --deadline 5000 -- "$URL/limited:1/big.bin"
    arrived
    [ $(($(date +%s%N) - start)) -ge 1000000000 ]
}

@test "429 that asks for longer than the deadline is given up at once" {
    fetch --patient -- "$URL/status:429:3600/big.bin"
    refused server "come back in 1 h"
    [ "$(requests 'GET ')" -eq 1 ]
}

@test "429 leads to another source where there is one" {
    fetch -- "$URL/status:429:3600/big.bin http://localhost:$PORT/ok/big.bin"
    arrived
}

@test "416 to the end of a file of unknown length means it is all there" {
    make_file open.bin 700000
    mkdir -p "$PARTS"
    cp "$FILES/open.bin" "$PARTS/$(sha "$FILES/open.bin").part"
    run "$DRIVER" "$PARTS" "$PWD/open.bin" "$(sha "$FILES/open.bin")" - any \
        "$URL/ok/open.bin"
    exits 0
    contains "moved=0 resumed=700000"
    cmp "$FILES/open.bin" open.bin
}

@test "416 for any other reason starts over" {
    mkdir -p "$PARTS"
    head -c 1000000 "$FILES/big.bin" >"$PARTS/$BIG.part"
    fetch -- "$URL/no416/big.bin"
    arrived
    contains "moved=3000000 resumed=0"
}

@test "a Content-Range that lies is not believed" {
    fetch -- "$URL/lierange:1000000/big.bin"
    # The server lies to every request with a range: the third one has none.
    arrived
    contains "another part than the one asked for"
}

# --- the file changes ---------------------------------------------------------------

@test "a file that changed between two requests is fetched anew" {
    make_file changing.bin 3000000 one
    make_file changing.bin.v2 3000000 two
    run "$DRIVER" "$PARTS" "$PWD/changing.bin" "$(sha "$FILES/changing.bin.v2")" 3000000 \
        any "$URL/changed:1000000/changing.bin"
    exits 0
    cmp "$FILES/changing.bin.v2" changing.bin
    # What of the first version was on its way when the connection was reset is lost.
    [[ $output =~ moved=([0-9]+)\ resumed=0 ]]
    [ "${BASH_REMATCH[1]}" -gt 3000000 ] && [ "${BASH_REMATCH[1]}" -le 4000000 ]
}

@test "a change is noticed on a server that ignores If-Range" {
    make_file changing.bin 3000000 one
    make_file changing.bin.v2 3000000 two
    run "$DRIVER" "$PARTS" "$PWD/changing.bin" "$(sha "$FILES/changing.bin.v2")" 3000000 \
        any "$URL/changedblind:1000000/changing.bin"
    exits 0
    cmp "$FILES/changing.bin.v2" changing.bin
    contains "was changed on the server meanwhile"
}

@test "a file of unknown digest is never mixed of two versions" {
    make_file changing.bin 3000000 one
    make_file changing.bin.v2 3000000 two
    run "$DRIVER" "$PARTS" "$PWD/changing.bin" - 3000000 any \
        "$URL/changed:1000000/changing.bin"
    exits 0
    cmp "$FILES/changing.bin.v2" changing.bin
}

# --- stopping and going on ----------------------------------------------------------

# Starts a slow fetch in the background and kills it once bytes are there.
kill_midway() {
    local i

    "$DRIVER" "$PARTS" "$DEST" "$BIG" 3000000 any "$URL/trickle:50000:10/big.bin" \
        >out 2>&1 3>&- &
    local pid=$!
    for i in $(seq 1 500); do
        [ "$(stat -c %s "$PARTS/$BIG.part" 2>/dev/null || echo 0)" -gt 600000 ] && break
        sleep 0.01
    done
    kill "-$1" "$pid"
    wait "$pid" 2>/dev/null || true
    [ ! -e "$DEST" ]
    LEFT=$(stat -c %s "$PARTS/$BIG.part")
    [ "$LEFT" -gt 600000 ]
    [ "$LEFT" -lt 3000000 ]
}

@test "names are on the disk before a call ends, and wait for it once a folder" {
    local shim=$VANTA_BINARY_DIR/tests/torture/libshim.so items=() folder i at

    [ -e "$shim" ] || skip "the shim needs Linux"
    [ -z "${VANTA_SANITIZE:-}" ] || skip "the sanitizers stand between the shim and libc"
    mkdir -p models/a models/b
    for i in 0 1 2 3 4 5 6 7 8 9; do
        make_file "small$i" 4096 "$i"
        folder=models/$([ "$i" -lt 7 ] && echo a || echo b)
        items+=("$PWD/$folder/$i" "$(sha "$FILES/small$i")" 4096 any "$URL/ok/small$i")
    done
    # What an earlier call brought may have lost its name's way to the disk.
    cp "$FILES/small8" models/b/8
    SHIM_ROOT=$PWD SHIM_LOG=$PWD/log LD_PRELOAD=$shim run "$DRIVER" "$PARTS" "${items[@]}"
    exits 0
    python3 - log "$(stat -c %i models/a)" "$(stat -c %i models/b)" <<'END'
import sys
log, folders = open(sys.argv[1], "rb"), sys.argv[2:]
calls = []
while line := log.readline():
    words = line.decode().split()
    if words[0] == "W":
        log.read(int(words[3]))
    elif words[0] == "R":
        calls.append(folders["/models/b/" in words[2]])
    elif words[0] == "S":
        calls.append("folder " + words[1] if words[1] in folders else "file")
print(calls)
for folder, names in zip(folders, (7, 2)):
    assert calls.count(folder) == names
    assert calls.count("folder " + folder) == 1
    assert calls.index("folder " + folder) > max(i for i, c in enumerate(calls) if c == folder)
# A file's bytes come before its name, each by a sync of its own.
assert calls.count("file") == 9
for i, call in enumerate(calls):
    assert call not in folders or calls[:i].count("file") > sum(c in folders for c in calls[:i])
END
}

@test "kill -9 costs only what was in flight" {
    kill_midway KILL
    fetch -- "$URL/trickle:50000:0/big.bin"
    arrived
    contains "moved=$((3000000 - LEFT)) resumed=$LEFT"
    [ "$(requests "range=$LEFT")" -eq 1 ]
}

@test "a cancelled fetch stops soon, says so and goes on later" {
    kill_midway TERM
    grep -q "item big.bin cancelled" out
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "resumed=$LEFT"
}

@test "what one source began another goes on with" {
    kill_midway KILL
    fetch -- "http://localhost:$PORT/ok/big.bin"
    arrived
    contains "resumed=$LEFT"
}

@test "a file that was whole when it was stopped needs no connection" {
    mkdir -p "$PARTS"
    cp "$FILES/big.bin" "$PARTS/$BIG.part"
    fetch -- "$URL/ok/big.bin"
    arrived
    [ ! -s "$LOG" ]
}

@test "a partial file that is longer than the file starts over" {
    mkdir -p "$PARTS"
    make_file more.bin 3000001
    cp "$FILES/more.bin" "$PARTS/$BIG.part"
    fetch -- "$URL/ok/big.bin"
    arrived
    contains "moved=3000000 resumed=0"
}

@test "a damaged journal is no obstacle" {
    kill_midway KILL
    echo '{"format": ["' >"$PARTS/$BIG.journal"
    fetch -- "$URL/ok/big.bin"
    arrived
}

@test "a file of unknown digest goes on only by what the server vouches for" {
    run "$DRIVER" --cancel-at 1000000 "$PARTS" "$DEST" - - any \
        "$URL/trickle:50000:5/big.bin"
    exits 3
    contains "item big.bin cancelled"
    run "$DRIVER" "$PARTS" "$DEST" - - any "$URL/trickle:50000:5/big.bin"
    arrived
    [[ $output =~ resumed=[1-9] ]]
    [ "$(requests 'if-range="v1"')" -eq 1 ]
}

@test "a file of unknown digest without a validator starts over" {
    run "$DRIVER" --cancel-at 1000000 "$PARTS" "$DEST" - - any \
        "$URL/noetagslow:50000:5/big.bin"
    exits 3
    contains "item big.bin cancelled"
    run "$DRIVER" "$PARTS" "$DEST" - - any \
        "$URL/noetagslow:50000:5/big.bin"
    arrived
    contains "moved=3000000 resumed=0"
    [ "$(requests 'range=[1-9]')" -eq 0 ]
}

@test "a file of unknown digest and length could be cut, and is refused" {
    run "$DRIVER" "$PARTS" "$DEST" - - any "$URL/nolength/big.bin"
    refused server "does not say how long the file is"
}

@test "a part that nobody asked for is not taken for a file of unknown digest" {
    run "$DRIVER" "$PARTS" "$DEST" - - any "$URL/part/big.bin"
    refused server "sent a part (206) where the whole file was asked for"
    contains "moved=0"
    [ "$(requests 'GET')" -eq 1 ]
    fetch -- "$URL/part/big.bin $URL/ok/big.bin"
    arrived
    contains "used=$URL/ok/big.bin"
}

@test "without a digest only one source, and only one that can vouch, is used" {
    run "$DRIVER" "$PARTS" "$DEST" - 3000000 any "file:$FILES/big.bin"
    refused unsupported "SHA-256 is not known"
    export HF_ENDPOINT=$URL
    run "$DRIVER" "$PARTS" "$DEST" - 3000000 any "hf:good/repo@main/big.bin"
    refused unsupported "SHA-256 is not known"
    run "$DRIVER" "$PARTS" "$DEST" - 3000000 any \
        "$URL/status:404/big.bin $URL/ok/big.bin"
    refused not-found "404"
}

@test "two processes that want the same file fetch it once" {
    "$DRIVER" "$PARTS" "$DEST" "$BIG" 3000000 any "$URL/trickle:100000:20/big.bin" \
        >first 2>&1 3>&- &
    local pid=$!

    while [ ! -e "$PARTS/$BIG.part" ]; do sleep 0.01; done
    fetch -- "$URL/trickle:100000:20/big.bin"
    wait "$pid"
    arrived
    contains "waiting for process"
    [ "$(requests 'GET ')" -eq 1 ]
}

@test "a second process takes over when the first is killed" {
    "$DRIVER" "$PARTS" "$DEST" "$BIG" 3000000 any "$URL/trickle:50000:10/big.bin" \
        >first 2>&1 3>&- &
    local pid=$!

    while [ ! -s "$PARTS/$BIG.part" ]; do sleep 0.01; done
    "$DRIVER" "$PARTS" "$DEST" "$BIG" 3000000 any "$URL/ok/big.bin" >second 2>&1 3>&- &
    local other=$!
    while ! grep -q "waiting for process" second; do sleep 0.01; done
    kill -KILL "$pid"
    wait "$other"
    cmp "$FILES/big.bin" "$DEST"
    grep -Eq 'resumed=[1-9]' second
}

@test "a full disk is a clean pause that goes on later" {
    local disk=$BATS_TEST_TMPDIR/disk

    [ "$(id -u)" -eq 0 ] || skip "only root may mount a small file system"
    mkdir -p "$disk"
    mount -t tmpfs -o size=2m tmpfs "$disk" 2>/dev/null || skip "mount is not allowed here"
    DEST=$disk/big.bin
    PARTS=$disk/partial
    fetch -- "$URL/ok/big.bin"
    local first=$status text=$output left
    left=$(stat -c %s "$PARTS/$BIG.part" || echo 0)
    mount -o remount,size=8m "$disk"
    fetch -- "$URL/ok/big.bin"
    cmp "$FILES/big.bin" "$DEST" && local same=yes
    umount "$disk"
    [ "$first" -eq 3 ]
    [[ $text == *"item big.bin no-space"* && $text == *"free some disk space"* ]]
    [ "$left" -gt 1000000 ]
    contains "moved=$((3000000 - left)) resumed=$left"
    [ "$same" = yes ]
}

@test "a folder that may not be written to is named" {
    [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
    mkdir -p locked
    chmod 500 locked
    DEST=$PWD/locked/big.bin
    fetch -- "$URL/ok/big.bin"
    exits 3
    contains "locked"
}

# --- where requests may go ----------------------------------------------------------

@test "ten redirects are followed, eleven are not" {
    fetch -- "$URL/redirect:10/ok/big.bin"
    arrived
    rm "$DEST"
    fetch -- "$URL/redirect:11/ok/big.bin"
    exits 3
    contains "more than 10 times"
}

@test "a redirect in a circle ends" {
    fetch -- "$URL/loop/big.bin"
    exits 3
    contains "in a circle"
    [ "$(requests 'GET ')" -eq 11 ]
}

@test "a redirect to a file or to plain http elsewhere is not followed" {
    fetch -- "$URL/tofile/big.bin"
    exits 3
    contains "an address that is not used"
    fetch -- "$URL/toremote/big.bin"
    exits 3
    contains "plain http"
}

@test "plain http needs loopback, or a digest and leave" {
    fetch -- "http://192.0.2.1/big.bin"
    exits 3
    contains "plain http is used for this machine only"
    run "$DRIVER" --plain "$PARTS" "$DEST" - 3000000 any "http://192.0.2.1/big.bin"
    exits 3
    contains "plain http is used for this machine only"
}

@test "a redirect from https to http is refused" {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    printf 'HTTP/1.0 302 Found\r\nLocation: %s/ok/big.bin\r\n\r\n' "$URL" >answer
    openssl s_server -accept 0 -key key.pem -cert cert.pem -HTTP >tls.log 2>&1 3>&- &
    local pid=$! i tls

    for i in $(seq 1 200); do
        grep -q '^ACCEPT' tls.log && break
        sleep 0.02
    done
    tls=$(sed -n 's/^ACCEPT.*:\([0-9]*\)$/\1/p' tls.log | head -1)
    unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
    # Unknown to the system: the certificate is refused, with what may be behind it.
    fetch --stall 3000 --connect 3000 -- "https://localhost:$tls/answer"
    refused network "certificate cannot be trusted"
    contains "CURL_CA_BUNDLE"
    export SSL_CERT_FILE=$PWD/cert.pem
    fetch --stall 3000 --connect 3000 -- "https://localhost:$tls/answer"
    local code=$status text=$output
    unset SSL_CERT_FILE
    export CURL_CA_BUNDLE=$PWD/cert.pem
    fetch --stall 3000 --connect 3000 -- "https://localhost:$tls/answer"
    kill "$pid"
    wait "$pid" || true
    [ "$code" -eq 3 ]
    [[ $text == *"redirected from https to http"* ]]
    contains "redirected from https to http"
    [ "$(requests 'GET ')" -eq 0 ]
}

@test "a proxy of the environment is used" {
    # faultd does not serve a proxy's requests, but it sees them.
    http_proxy=$URL no_proxy='' fetch --plain -- "http://192.0.2.1/ok/big.bin"
    exits 3
    [ "$(requests 'host=192.0.2.1')" -ge 1 ]
}

# --- file: and what may be used -----------------------------------------------------

@test "a local file is copied, and judged by its digest" {
    fetch --offline -- "file:$FILES/big.bin"
    arrived
    contains "moved=0"
    rm "$DEST"
    make_file other.bin 3000000 other
    fetch -- "file:$FILES/other.bin"
    refused digest "what came has SHA-256"
    fetch -- "file:$FILES/none.bin"
    exits 3
    contains "none.bin"
    make_file short.bin 2000 other
    fetch -- "file:$FILES/short.bin $URL/ok/big.bin"
    arrived
}

@test "a local file that cannot be read to its end leads to the next source" {
    [ "$(uname)" = Linux ] || skip "only /proc has a file whose reading always fails"
    # Its first page is never mapped: reading it is an input/output error.
    run "$DRIVER" "$PARTS" "$DEST" "$BIG" - any "file:/proc/self/mem $URL/ok/big.bin"
    arrived
    contains "reading /proc/self/mem"
    contains "used=$URL/ok/big.bin"
    rm "$DEST"
    run "$DRIVER" "$PARTS" "$DEST" "$BIG" - any "file:/proc/self/mem"
    refused io "reading /proc/self/mem"
}

@test "offline opens no connection" {
    fetch --offline -- "$URL/ok/big.bin"
    refused network "offline"
    [ ! -s "$LOG" ]
}

@test "kinds of sources can be left out" {
    export HF_ENDPOINT=$URL
    fetch --classes web -- "hf:good/repo@main/big.bin $URL/ok/big.bin"
    arrived
    contains "used=$URL/ok/big.bin"
    [ "$(requests resolve)" -eq 0 ]
    rm "$DEST"
    fetch --classes '!web' -- "$URL/ok/big.bin"
    refused unsupported "allowed"
}

@test "all failed sources are told of, each with its reason" {
    fetch -- "$URL/status:404/big.bin http://127.0.0.1:1/big.bin"
    refused not-found "no source gave it"
    contains "404"
    contains "127.0.0.1:1"
}
