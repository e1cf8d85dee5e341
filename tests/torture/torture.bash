# torture.bash - stories that are interrupted at every place, for bats files.
#
#     load ../helpers; load ../models; load ../net/server; load torture
#     setup_file() { torture_setup_file; }
#     setup() { fresh_home; torture_setup; }
#     teardown_file() { stop_server; }
#
# A story is a list of commands; what the models folder is before each of them is kept in
# $BEFORE/<number>. A scene is one of these: its command is run over a copy of its folder
# and disturbed, the invariants are checked (check.c), the command is run again to its end,
# and all must be there. Everything about a round follows from one number.

TORTURE_BIN=$VANTA_BINARY_DIR/tests/torture
SHIM=$TORTURE_BIN/libshim.so
CHECK=$TORTURE_BIN/check

# A generator of our own: bash 3.2 and 5 differ in theirs. below N: $REPLY in 0..N-1.
STATE=1
seed() {
    STATE=$((($1 * 2654435761 + 12345) & 0x7fffffff))
}
below() {
    STATE=$(((STATE * 1103515245 + 12345) & 0x7fffffff))
    REPLY=$(((STATE >> 8) % $1))
}

facts() {
    printf '"size_bytes": %d, "sha256": "%s"' "$(wc -c <"$1")" "$(digest_of "$1")"
}

# entry ID TYPE FORMAT FILES [MORE]
entry() {
    printf '{"id": "%s", "name": "%s", "type": "%s", "version": "1", "format": "%s",
 "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
 "files": [%s]%s}' "$1" "$1" "$2" "$3" "$4" "${5-}"
}

# fetched PATH FILE SOURCE
fetched() {
    printf '{"path": "%s", %s, "sources": ["%s"]}' "$1" "$(facts "$2")" "$3"
}

torture_names() {
    STAGE=$1 CATALOG=$1/catalog.json BEFORE=$1/before LIVE=$1/live
    FILES=$1/files LOG=$1/requests
    COMMIT=0123456789abcdef0123456789abcdef01234567
}

# Why there is nothing to test here.
torture_lacks() {
    if [ -n "${VANTA_SANITIZE:-}" ]; then
        echo "the sanitizers stand between the shim and libc"
    elif [ ! -e "$SHIM" ]; then
        echo "the shim needs Linux"
    fi
}

# torture_stage: the names of a test, whose folder is its own where its file has none.
torture_stage() {
    local why

    why=$(torture_lacks)
    [ -z "$why" ] || skip "$why"
    torture_names "${STAGE:-$BATS_TEST_TMPDIR}"
}

# torture_setup: a test of the story that torture_setup_file told.
torture_setup() {
    torture_stage
    export HF_ENDPOINT=$URL
    read -ra CALLS <"$STAGE/calls"
}

# torture_setup_file: upstream files, their server, the catalog, and the kept folders: once
# for all tests.
torture_setup_file() {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR # fresh_home and start_server look there

    [ -z "$(torture_lacks)" ] || return 0
    fresh_home
    torture_names "$BATS_FILE_TMPDIR"
    start_server
    export STAGE URL HF_ENDPOINT=$URL
    make_file writer.gguf 2500000
    make_file finder/weights 700000 one
    make_file finder/config.json 900 two
    make_file near.gguf 5000000 three
    make_file own.gguf 100000 four
    make_gguf "$FILES/own.gguf"
    head -c 150000 "$FILES/writer.gguf" >>"$FILES/own.gguf"
    "$VANTA_BINARY_DIR/tests/cli/make_faster_whisper" "$STAGE/speech" f32
    "$VANTA_BINARY_DIR/tests/cli/make_encoder" "$STAGE/encoder"
    "$VANTA" convert "$STAGE/speech" --to whisper-ggml -o "$STAGE/ggml.bin" 2>/dev/null
    torture_catalog "$(digest_of /dev/null)"
    # A catalog that is wrong of the GGUF says what was made in its place.
    GGUF=$("$VANTA" setup encoder --catalog "$CATALOG" --models-dir "$STAGE/try" \
        --no-test 2>&1 | sed -n 's/.*gave the digest \([0-9a-f]*\), not .*/\1/p' | head -n 1)
    torture_catalog "$GGUF"
    rm -rf "$STAGE/try"
    tell
}

torture_catalog() {
    local files='' file name inputs=''

    for file in $(cd "$STAGE/encoder" && find . -type f | sed 's|^\./||' | sort); do
        files="$files$(fetched "$file" "$STAGE/encoder/$file" "file:$STAGE/encoder/$file"), "
    done
    for name in model.bin tokenizer.json; do
        inputs="$inputs${inputs:+, }$(fetched "$name" "$STAGE/speech/$name" \
            "file:$STAGE/speech/$name")"
    done
    cat >"$CATALOG" <<END
{"format": "vanta-catalog", "version": 1, "models": [
 $(entry writer llm gguf "$(fetched writer.gguf "$FILES/writer.gguf" "hf:good/repo@$COMMIT/writer.gguf")"),
 $(entry near llm gguf "$(fetched near.gguf "$FILES/near.gguf" "file:$FILES/near.gguf")"),
 $(entry finder embedding safetensors "$(fetched weights "$FILES/finder/weights" \
        "hf:good/repo@$COMMIT/finder/weights"), $(fetched sub/config.json "$FILES/finder/config.json" \
        "hf:good/repo@$COMMIT/finder/config.json")"),
 $(entry spoken whisper whisper-ggml "{\"path\": \"ggml.bin\", $(facts "$STAGE/ggml.bin")}" \
        ", \"preparations\": [{\"id\": \"from-weights\", \"version\": 1,
   \"kind\": \"ct2-whisper\", \"output\": \"ggml.bin\", \"inputs\": [$inputs]}]"),
 $(entry encoder embedding safetensors \
        "$files{\"path\": \"model.f16.gguf\", \"sha256\": \"$1\"}" \
        ", \"preparations\": [{\"id\": \"fetch-and-convert\", \"version\": 3,
   \"kind\": \"encoder-gguf\", \"output\": \"model.f16.gguf\", \"weights\": \"f16\"}]")]}
END
    # What check.c knows besides: a model that the user adds.
    sed "s|^ {\"id\": \"writer\"| $(entry own llm gguf \
        "$(fetched own.gguf "$FILES/own.gguf" "file:x")" | tr '\n' ' ' | sed 's/[|&\\]/\\&/g'),&|" \
        "$CATALOG" >"$STAGE/known.json"
}

# --- the story ---

# Of step N: its command (STEP), what it makes complete (MAKES), and what was verified
# before it and stays (KEEPS).
STEPS=9
step() {
    MAKES='' KEEPS='' BAD=''
    case $1 in
    0) STEP='setup writer near' MAKES='writer near' ;;
    1) STEP='setup finder' MAKES=finder KEEPS='writer near' ;;
    2) STEP='setup spoken' MAKES=spoken KEEPS='writer near finder' ;;
    3) STEP='setup encoder' MAKES=encoder KEEPS='writer near finder spoken' ;;
    4) STEP='add OWN --type llm --id own' MAKES=own KEEPS='writer near finder spoken encoder' ;;
    5) STEP='remove finder --yes' KEEPS='writer near spoken encoder own' ;;
    6) STEP='registry rebuild' MAKES='writer near spoken encoder own'
       KEEPS='writer near spoken encoder own' ;;
    7) STEP='setup finder' MAKES=finder KEEPS='writer near spoken encoder own' ;;
    # Not of the story, and from nothing: fetched and registered; copied and converted too.
    one) STEP='setup writer' MAKES='writer' ;;
    all) STEP='setup writer spoken' MAKES='writer spoken' ;;
    voice) STEP='setup voice --accept-license CPML' MAKES=voice ;; # of voice.bats
    8) STEP='verify --repair writer' MAKES=writer BAD='bad writer' KEEPS='near finder spoken encoder own' ;;
    esac
}

# words N: the arguments of its command, in WORDS.
words() {
    local word

    step "$1"
    WORDS=()
    for word in $STEP; do
        [ "$word" != OWN ] || word=$FILES/own.gguf
        WORDS+=("$word")
    done
    WORDS+=(--catalog "$CATALOG" --models-dir "$LIVE")
    case $STEP in setup*) WORDS+=(--no-test) ;; esac
}

# What happens to the folder between two commands: before the last one a file goes bad.
between() {
    [ "$1" -ne 8 ] || printf 'gone bad' |
        dd of="$LIVE/llm/writer/writer.gguf" bs=1 seek=2000000 conv=notrunc 2>/dev/null
}

# tell [ENVIRONMENT...]: the whole story, undisturbed; keeps the folders, counts the calls.
tell() {
    local n

    rm -rf "$LIVE" "$BEFORE"
    mkdir -p "$BEFORE"
    for ((n = 0; n < STEPS; n++)); do
        between "$n"
        mkdir -p "$LIVE"
        cp -a "$LIVE" "$BEFORE/$n"
        words "$n"
        env LD_PRELOAD="$SHIM" SHIM_ROOT="$LIVE" SHIM_COUNT="$STAGE/count" \
            SHIM_CLASS="${1:-cdns}" "$VANTA" "${WORDS[@]}" >"$STAGE/out" 2>&1 ||
            { cat "$STAGE/out" >&2; echo "step $n: ${WORDS[*]}" >&2; return 1; }
        CALLS[n]=$(cat "$STAGE/count")
        holds "keep $KEEPS complete $MAKES" || return 1
    done
    echo "${CALLS[*]}" >"$STAGE/calls"
}

# holds [WHAT]: the invariants; says why not.
holds() {
    # shellcheck disable=SC2086
    "$CHECK" "$LIVE" "$STAGE/known.json" $1 >"$STAGE/broken" && return 0
    cat "$STAGE/broken" >&2
    return 1
}

# scene N: the folder as it was before step N.
scene() {
    rm -rf "$LIVE"
    cp -a "$BEFORE/$1" "$LIVE"
    words "$1"
}

# disturbed NAME=VALUE...: the scene's command under the shim; its exit code in CODE.
disturbed() {
    CODE=0
    env LD_PRELOAD="$SHIM" SHIM_ROOT="$LIVE" "$@" "$VANTA" "${WORDS[@]}" \
        >"$STAGE/out" 2>&1 || CODE=$?
}

# Nothing that must hold is broken, and the command goes on to its end.
recovers() {
    holds "$BAD keep $KEEPS" || { echo "after the fault" >&2; return 1; }
    CODE=0
    "$VANTA" "${WORDS[@]}" >"$STAGE/out" 2>&1 || CODE=$?
    # What lies there whole and unregistered is the user's to decide: the advice is taken.
    if [ "$CODE" -eq 3 ] && grep -q "vanta registry rebuild registers" "$STAGE/out"; then
        CODE=0
        "$VANTA" registry rebuild --catalog "$CATALOG" --models-dir "$LIVE" \
            >"$STAGE/out" 2>&1 || CODE=$?
        holds "keep $KEEPS $MAKES" && return "$CODE"
    fi
    # What was removed before it was killed is no longer there to be removed; what was
    # registered is there, and the next look at it takes away what was left beside it.
    [[ $STEP != remove* ]] || CODE=0
    if [[ $STEP == add* ]] && grep -q 'registered already' "$STAGE/out"; then
        CODE=0
        "$VANTA" verify --repair "$MAKES" --catalog "$CATALOG" --models-dir "$LIVE" \
            >"$STAGE/out" 2>&1 || CODE=$?
    fi
    if [ "$CODE" -ne 0 ]; then
        cat "$STAGE/out" >&2
        echo "exit $CODE in the run after the fault" >&2
        return 1
    fi
    holds "keep $KEEPS complete $MAKES" || { echo "after the run" >&2; return 1; }
}

# fails_at N AT CLASS ERRNO LASTING: in step N the call of that number of the class fails.
fails_at() {
    scene "$1"
    disturbed SHIM_CLASS="$3" SHIM_FAIL="$2" SHIM_ERRNO="$4" SHIM_LASTING="$5"
    case $CODE in
    0 | 1 | 3) ;;
    *) echo "exit $CODE" >&2; cat "$STAGE/out" >&2; false ;;
    esac && { [ "$CODE" -eq 0 ] || [ -s "$STAGE/out" ]; } && recovers && return 0
    echo "class $3, error $4, lasting $5: step $1 ($STEP), call $2" >&2
    return 1
}

# fails SEED CLASS ERRNO [LASTING]: a call of the class fails, by the number.
fails() {
    local n

    seed "$1"
    below "$STEPS"; n=$REPLY
    below "$((CALLS[n] + 1))"
    fails_at "$n" "$((REPLY + 1))" "$2" "$3" "${4:-0}" && return 0
    echo "again: make torture SEED=$1 ROUNDS=1" >&2
    return 1
}

# sweep CLASS ERRNO LASTING: each call of the class fails in a run of its own, where $STRIDE
# is 1; else each $STRIDEth from the $first on. ERRNO kill: kill -9 in its place. Of the set-up
# from nothing, of add, of remove and of repair.
sweep() {
    local scene at n

    mkdir -p "$BEFORE/all"
    for scene in all 4 5 8; do
        scene "$scene"
        disturbed SHIM_CLASS="$1" SHIM_COUNT="$STAGE/count"
        [ "$CODE" -eq 0 ] || { cat "$STAGE/out" >&2; return 1; }
        n=$(cat "$STAGE/count")
        # Threads race: a run may have a few more.
        for ((at = first % STRIDE + 1; at <= n + 5; at += STRIDE)); do
            if [ "$2" != kill ]; then
                fails_at "$scene" "$at" "$1" "$2" "$3" || return 1
                continue
            fi
            scene "$scene"
            disturbed SHIM_CLASS="$1" SHIM_KILL="$at" 2>/dev/null
            recovers || { echo "$scene ($STEP): killed at call $at of $n" >&2; return 1; }
        done
        echo "$1 $2 $3: $STEP: $n calls"
    done
}

# power_cut SEED: the power goes in the middle of a command, or at its end.
power_cut() {
    local n

    seed "$1"
    below "$STEPS"; n=$REPLY
    scene "$n"
    rm -f "$STAGE/log"
    find "$LIVE" -printf '%i %y %p\n' >"$STAGE/inodes"
    disturbed SHIM_LOG="$STAGE/log"
    [ "$CODE" -eq 0 ] || { cat "$STAGE/out" >&2; echo "step $n: exit $CODE" >&2; return 1; }
    python3 "$BATS_TEST_DIRNAME/replay.py" "$BEFORE/$n" "$STAGE/inodes" "$STAGE/log" \
        "$LIVE" "$1" >"$STAGE/cut" && recovers && return 0
    echo "power_cut $1: step $n ($STEP): $(cat "$STAGE/cut")" >&2
    return 1
}

# round SEED: one kill -9, by the number of the call or (one in four) by time.
round() {
    local n at way pid

    seed "$1"
    below "$STEPS"; n=$REPLY
    below "$((CALLS[n] + 1))"; at=$((REPLY + 1))
    below 4; way=$REPLY
    scene "$n"
    if [ "$way" -ne 0 ]; then
        disturbed SHIM_KILL="$at"
    else
        below 60; at=$REPLY
        "$VANTA" "${WORDS[@]}" >"$STAGE/out" 2>&1 &
        pid=$!
        sleep "0.$(printf '%03d' "$at")"
        { kill -9 "$pid" && wait "$pid"; } 2>/dev/null || true
    fi
    recovers && return 0
    echo "round $1: step $n ($STEP), killed at $( ((way)) && echo call || echo ms) $at;" \
        "again: make torture SEED=$1 ROUNDS=1" >&2
    return 1
}

# small_disks: what full needs; skips where there is no way to a small disk.
small_disks() {
    MOUNTS=-m
    [ "$(id -u)" -eq 0 ] || MOUNTS=-rm
    mkdir -p "$LIVE"
    unshare "$MOUNTS" mount -t tmpfs tmpfs "$LIVE" 2>/dev/null ||
        skip "neither root nor a user namespace that may mount a small file system"
    export STAGE CATALOG BEFORE LIVE SHIM
}

# full KIND SCENE FIRST LAST STEP EVERY: full_disk.bash, with each step where nothing is left
# out, else with every so manyth. What could not be done is in $output.
full() {
    local every=$((STRIDE == 1 ? 1 : $6))

    run unshare "$MOUNTS" "$BATS_TEST_DIRNAME/full_disk.bash" "$1" "$2" \
        $(($3 + first % every * $5)) "$4" $(($5 * every))
    echo "$output"
    exits 0
}
