# A helper that is killed while it speaks, and vanta itself, at random moments: no half WAV
# file under its name, a message and an exit code that say so, and no process is left.
load ../helpers
load torture

first=${VANTA_TEST_SEED:-$RANDOM}
rounds=${VANTA_TORTURE_ROUNDS:-20}

setup() {
    fresh_home
    [ "$(uname)" = Linux ] || skip "what is left of a process is looked for in /proc"
    [ -z "${VANTA_SANITIZE:-}" ] || skip "slow, and of the program alone"
    VANTA=$VANTA_BINARY_DIR/vanta # the suite's own has no helper beside it
    [ -x "$VANTA-engine" ] || skip "vanta-engine is not built: make engine"
    export VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    "$VANTA_BINARY_DIR/tests/make_xtts" small made q8_0 small.gguf >/dev/null
    "$VANTA" add small.gguf --type tts --id small --quiet
    TEXT=$(printf 'Good morning to everybody here. %.0s' 1 2 3 4 5)
    started=$(date +%s%3N)
    "$VANTA" run small "$TEXT" --seed 1 -q -o whole.wav
    WHOLE_MS=$(($(date +%s%3N) - started))
    printf 'what was there before' >former.wav
    echo "VANTA_TEST_SEED=$first repeats this"
}

# is_gone PID: within seconds; one whom nobody has waited for yet counts.
is_gone() {
    local i

    for ((i = 0; i < 100; i++)); do
        grep -qs '^State:[[:space:]]*[^Z]' "/proc/$1/status" || return 0
        sleep 0.05
    done
    echo "process $1 is left" >&2
    return 1
}

# says_why WHOM: exit code and message of a run that did not come to its end.
says_why() {
    case $1 in
    killed) [ "$code" -eq 137 ] ;;
    ended) # before it could look after signals it dies by one
        [ "$code" -gt 128 ] ||
            { [ "$code" -eq 3 ] && grep -q '^vanta: \(cancelled\|speaking was stopped\)' said; } ;;
    *) [ "$code" -eq 3 ] && grep -q "^vanta: the engine $1" said ;;
    esac
}

# speaking SEED: one kill, by the number.
speaking() {
    local pid helper why left=0 ms code=0 former

    seed "$1"
    below "$WHOLE_MS"; ms=$REPLY
    below 2; former=$REPLY
    rm -f out.wav
    [ "$former" -eq 0 ] || cp former.wav out.wav
    "$VANTA" run small "$TEXT" --seed 1 -q -o out.wav >said 2>&1 3>&- &
    pid=$!
    sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
    helper=$(pgrep -P "$pid") || true
    below 5
    case $REPLY in
    0) why='was killed'; kill -KILL $helper ;;
    1) why='crashed'; kill -SEGV $helper ;;
    2) why=killed left=1; kill -KILL "$pid" ;;
    3) why=ended; kill -TERM "$pid" ;;
    4) why=ended; kill -INT "$pid" ;;
    esac 2>/dev/null || true
    wait "$pid" 2>/dev/null || code=$?
    echo "seed $1: $why after $ms of $WHOLE_MS ms: exit $code, $(head -n 1 said)"
    # It was at its end, or there was no helper yet; or it is as if nothing had been said.
    if ! cmp -s out.wav whole.wav; then
        says_why "$why" || return 1
        if [ "$former" -eq 0 ]; then [ ! -e out.wav ]; else cmp out.wav former.wav; fi ||
            return 1
    fi
    [ -z "$helper" ] || is_gone "$helper" || return 1
    [ "$(find . -name '.out.wav.tmp*' | wc -l)" -le "$left" ] || return 1
    rm -f .out.wav.tmp*
}

@test "a helper or a vanta that is killed while it speaks" {
    local i

    for ((i = first; i < first + (rounds + 3) / 4; i++)); do
        speaking "$i"
    done
}

@test "what a killed vanta left of a WAV file is taken away by the next one" {
    "$VANTA" run small "$TEXT" --seed 1 -q -o out.wav 3>&- &
    local pid=$! i

    for ((i = 0; i < 500; i++)); do
        [ -z "$(find . -name '.out.wav.tmp*' -size +0)" ] || break
        sleep 0.01
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    [ ! -e out.wav ]
    [ "$(find . -name '.out.wav.tmp*' | wc -l)" -eq 1 ]
    "$VANTA" run small "$TEXT" --seed 1 -q -o out.wav
    cmp out.wav whole.wav
    [ "$(find . -name '.out.wav.tmp*' | wc -l)" -eq 0 ]
}
