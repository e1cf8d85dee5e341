# Completion scripts: commands, options and ids, and no more than those.
load ../helpers

# The vanta that a completion script finds: the real one, with two ids and two that hope to
# be run by a shell.
setup() {
    fresh_home
    mkdir bin
    cat >bin/vanta <<'END'
#!/bin/sh
table() {
    printf 'id  x\n--  -\n'
    for id in "$@" '$(touch${IFS}planted)' '`touch`' '-rf'; do echo "$id  x"; done
}
case "$1 ${2-}" in
"list ") table whisper-base mistral-7b ;;
"catalog list")
    table whisper-tiny whisper-base all-MiniLM-L6-v2
    printf '\nPROFILE  MODELS\n-------  ------\nlite     whisper-base\n$(touch${IFS}planted)  x\n'
    ;;
*) exec "$VANTA" "$@" ;;
esac
END
    chmod +x bin/vanta
    PATH=$PWD/bin:$PATH
    mkdir here
    : >here/a-file.bin
}

# complete_bash WORD...: what Tab offers behind the last word, a line each.
complete_bash() {
    "$VANTA" completion bash >script
    cat >run.sh <<'END'
. ./script
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_vanta vanta "${@: -1}"
printf '%s\n' "${COMPREPLY[@]}"
END
    run bash run.sh "$@"
    exits 0
}

complete_fish() {
    "$VANTA" completion fish >script
    run fish --no-config -c 'source script; complete -C "$argv[1]"' "$1"
    exits 0
}

has_line() {
    printf '%s\n' "${lines[@]}" | cut -f 1 | grep -qxF -- "$1" && return 0
    printf 'no line %s in:\n%s\n' "$1" "$output" >&2
    return 1
}

no_plant() {
    [ ! -e planted ]
    lacks touch
    lacks -rf
}

@test "bash: commands" {
    complete_bash vanta ''
    for command in setup list verify test run bench catalog completion; do
        has_line $command
    done
    complete_bash vanta ver
    [ "$output" = $'verify\nversion' ]
}

@test "bash: options of a command" {
    complete_bash vanta setup --pro
    [ "$output" = --profile ]
    complete_bash vanta list --
    has_line --json
    has_line --type
    complete_bash vanta nonsense --
    [ -z "$output" ]
}

@test "bash: ids, checked before the shell sees them" {
    complete_bash vanta verify ''
    has_line whisper-base
    has_line mistral-7b
    no_plant
    complete_bash vanta setup ''
    has_line all-MiniLM-L6-v2
    has_line whisper
    no_plant
}

@test "bash: values of options, behind a blank, = and a comma" {
    complete_bash vanta list --type w
    [ "$output" = whisper ]
    complete_bash vanta list --type = em
    [ "$output" = embedding ]
    complete_bash vanta setup --profile ''
    [ "$output" = lite ]
    complete_bash vanta setup --models whisper-base,all
    [ "$output" = whisper-base,all-MiniLM-L6-v2 ]
    complete_bash vanta list --models-dir he
    [ "$output" = here ]
}

@test "bash: operands of commands with sub-commands and files" {
    complete_bash vanta completion ''
    has_line zsh
    complete_bash vanta catalog sh
    [ "$output" = show ]
    complete_bash vanta info here/a
    [ "$output" = here/a-file.bin ]
}

@test "bash: the script is clean to shellcheck and loads under bash --posix -n" {
    "$VANTA" completion bash >script
    bash --posix -n script
    command -v shellcheck >/dev/null || skip "shellcheck is not installed"
    shellcheck script
}

@test "bash: formats and types of convert" {
    complete_bash vanta convert --to ''
    has_line gguf
    has_line whisper-ggml
    complete_bash vanta convert --type q
    has_line q8_0
    complete_bash vanta convert ''
    has_line here
    [ "$(grep -cxE 'to|o' <<<"$output")" = 0 ]
}

@test "bash: a model and a file to run, formats and voices of speech" {
    complete_bash vanta run whi
    [ "$output" = whisper-base ]
    complete_bash vanta run whisper-base here/a
    [ "$output" = here/a-file.bin ]
    complete_bash vanta run tts-1 --format f
    [ "$output" = flac ]
    complete_bash vanta run tts-1 --voice = no
    [ "$output" = nova ]
    complete_bash vanta run all-MiniLM-L6-v2 --npy here/a
    [ "$output" = here/a-file.bin ]
    complete_bash vanta test mis
    [ "$output" = mistral-7b ]
    complete_bash vanta test --type l
    [ "$output" = llm ]
    complete_bash vanta bench --re
    [ "$output" = --repeats ]
}

@test "fish: commands, options, ids and values" {
    command -v fish >/dev/null || skip "fish is not installed"
    complete_fish "vanta "
    has_line setup
    has_line completion
    complete_fish "vanta setup --pro"
    has_line --profile
    complete_fish "vanta verify "
    has_line mistral-7b
    no_plant
    complete_fish "vanta list --type e"
    has_line embedding
    complete_fish "vanta setup --models whisper-base,all"
    has_line whisper-base,all-MiniLM-L6-v2
    complete_fish "vanta run tts-1 --format f"
    has_line flac
    complete_fish "vanta run whisper-base here/a"
    has_line here/a-file.bin
    complete_fish "vanta list --type=w"
    has_line --type=whisper
}

@test "zsh: the script loads, and its functions offer the same words" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    "$VANTA" completion zsh >script
    zsh -n script
    cat >run.zsh <<'END'
# compadd and _describe as lists; the real ones need a line editor.
compdef() { : }
compset() { return 1 }
compadd() { shift; print -l -- "$@" }
_describe() { print -l -- ${(P)2%%:*} ${${(P)2}%%:*} }
_files() { print -l -- * }
source ./script
words=("$@")
CURRENT=$#
PREFIX=$@[-1]
_vanta
END
    run zsh -f run.zsh vanta ''
    has_line setup
    has_line completion
    run zsh -f run.zsh vanta setup --pro
    has_line --profile
    run zsh -f run.zsh vanta verify ''
    has_line mistral-7b
    no_plant
    run zsh -f run.zsh vanta list --type ''
    has_line embedding
    run zsh -f run.zsh vanta completion ''
    has_line fish
    run zsh -f run.zsh vanta run tts-1 --voice ''
    has_line nova
}

@test "every script names every command and alias" {
    for shell in bash zsh fish; do
        "$VANTA" completion $shell >script
        "$VANTA" --help | awk '/^  [a-z]/ { print $1 }' | while read -r command; do
            grep -qw -- "$command" script || { echo "$shell: $command"; exit 1; }
        done
        grep -qw ls script
    done
}

@test "an unknown shell is refused with the nearest one" {
    run "$VANTA" completion bahs
    exits 2
    contains "did you mean bash?"
    run "$VANTA" completion
    exits 2
    contains "one shell is wanted"
}
