# helpers.bash - what every bats file starts with:
#
#     load ../helpers
#     setup() { fresh_home; }
#
# ctest sets VANTA (the program), VANTA_SOURCE_DIR and VANTA_BINARY_DIR; by hand the
# release build's are taken.
: "${VANTA_SOURCE_DIR:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${VANTA_BINARY_DIR:=$VANTA_SOURCE_DIR/build}"
: "${VANTA:=$VANTA_BINARY_DIR/vanta}"
export VANTA_SOURCE_DIR VANTA_BINARY_DIR VANTA

# An empty home and current folder for the test, and none of the user's own settings.
fresh_home() {
    local name

    for name in $(compgen -e | grep -E '^(VANTA_|XDG_|HF_|OPENAI_|SUDO_|TRANSFORMERS_OFFLINE)'); do
        case $name in
        VANTA_SOURCE_DIR | VANTA_BINARY_DIR | VANTA_SANITIZE | VANTA_REAL) ;;
        *) unset "$name" ;;
        esac
    done
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work" || return 1
}

# contains TEXT: $output has it; otherwise the test fails and shows the output.
contains() {
    [[ $output == *"$1"* ]] && return 0
    printf 'not found: %s\nin:\n%s\n' "$1" "$output" >&2
    return 1
}

lacks() {
    [[ $output != *"$1"* ]] && return 0
    printf 'found, and should not be: %s\nin:\n%s\n' "$1" "$output" >&2
    return 1
}

# exits CODE: what `run` saw.
exits() {
    [ "$status" -eq "$1" ] && return 0
    printf 'exit %s, expected %s; output:\n%s\n' "$status" "$1" "$output" >&2
    return 1
}
