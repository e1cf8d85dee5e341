# Commands that are killed, and disks that fail, at any place: what must hold holds (check.c),
# and the next run comes to its end. VANTA_TEST_SEED and VANTA_TORTURE_ROUNDS, which make
# torture sets, say where to begin and how much of it.
load ../helpers
load ../models
load ../net/server
load torture

# A fresh home has no such settings: they are taken before.
first=${VANTA_TEST_SEED:-$RANDOM}
rounds=${VANTA_TORTURE_ROUNDS:-20}
# From 500 rounds on a sweep leaves nothing out.
STRIDE=$((rounds < 500 ? 500 / rounds : 1))

setup_file() {
    torture_setup_file
}

setup() {
    fresh_home
    torture_setup
    echo "VANTA_TEST_SEED=$first repeats this"
}

teardown_file() {
    stop_server
}

@test "kill -9 at random moments of nine commands" {
    local i

    for ((i = first; i < first + rounds; i++)); do
        round "$i"
    done
}

@test "a disk that fails to write, to sync or to rename, once and for good" {
    local i

    for ((i = first; i < first + rounds / 2; i++)); do
        fails "$i" cdns 5 "$((i % 2))"
    done
}

@test "a disk that is full from some moment on" {
    local i

    for ((i = first; i < first + rounds / 2; i++)); do
        fails "$i" cd 28 1
    done
}

@test "a disk that fails to read" {
    local i

    for ((i = first; i < first + rounds / 2; i++)); do
        fails "$i" r 5 "$((i % 2))"
    done
}

@test "each call that changes the disk fails, once and for good" {
    sweep cdns 5 0
    sweep cdns 5 1
}

@test "the disk is full from each call on that makes or writes a file" {
    sweep cd 28 0
    sweep cd 28 1
}

@test "each reading fails, once and for good" {
    sweep r 5 0
    sweep r 5 1
}

@test "a disk that is full at every stage of a set-up" {
    small_disks
    full quota all 4096 28000000 100000 17
    contains "writing llm/.writer.partial/fetch"
    contains "writing whisper/.spoken.partial/converted"
    contains "exit 0"
    full quota one 2490000 2545000 4096 1
    contains "exit 3 writing registry/"
    contains "exit 0"
    full names all 1 30 1 1
    contains "creating the folder llm"
    contains "registry/history"
    contains "exit 0"
    # What is asked before the first byte.
    full bytes all 4096 30000000 500000 4
    contains "are needed on the disk"
    contains "exit 0"
}

@test "kill -9 in place of each call that changes the disk" {
    sweep cdns kill 0
}

@test "the power goes: only what was synced is there for certain" {
    local i

    for ((i = first; i < first + rounds; i++)); do
        power_cut "$i"
    done
}

@test "a clock that goes back an hour at each look" {
    local n

    for ((n = 0; n < STEPS; n++)); do
        scene "$n"
        between "$n"
        disturbed SHIM_CLOCK=3600
        [ "$CODE" -eq 0 ] || { cat "$STAGE/out"; return 1; }
        holds "keep $KEEPS complete $MAKES"
    done
}

@test "eight set-ups of the same and of overlapping sets at once" {
    local pids=() pid sets=('writer near' 'writer finder' 'near spoken' 'spoken encoder') i

    rm -rf "$LIVE"
    : >"$LOG"
    for i in 0 1 2 3 4 5 6 7; do
        # shellcheck disable=SC2086
        "$VANTA" setup ${sets[i % 4]} --no-test --catalog "$CATALOG" --models-dir "$LIVE" \
            >"$STAGE/out$i" 2>&1 &
        pids+=($!)
    done
    for i in 0 1 2 3 4 5 6 7; do
        wait "${pids[i]}" || { cat "$STAGE/out$i"; return 1; }
    done
    holds 'complete writer near finder spoken encoder'
    # Each file was asked for once, whatever its parts.
    [ "$(requests 'GET /good/repo/resolve/[^ ]*/finder/config.json')" -eq 1 ]
}
