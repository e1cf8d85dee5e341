# Reading the command line: what holds for every command.
load ../helpers

setup() {
    fresh_home
    export VANTA_MODELS_DIR=$PWD/models
}

@test "without a command, with an unknown one, with a near one" {
    run "$VANTA"
    exits 2
    contains "usage: vanta COMMAND"
    run "$VANTA" nonsense-word
    exits 2
    contains "unknown command nonsense-word"
    run "$VANTA" docter
    exits 2
    contains "did you mean doctor?"
    run "$VANTA" --help
    exits 0
    contains "doctor"
    run "$VANTA" --version
    exits 0
    [ "$output" = "vanta $(cat "$VANTA_SOURCE_DIR/VERSION")" ]
}

@test "version is a command like the others" {
    local version

    version=$(cat "$VANTA_SOURCE_DIR/VERSION")
    run "$VANTA" version
    exits 0
    [ "$output" = "vanta $version" ]
    for command in version --version; do
        run "$VANTA" "$command" foo
        exits 2
        contains "no operand is wanted, and foo is one"
        run "$VANTA" "$command" --help
        exits 0
        contains "usage: vanta version"
        run "$VANTA" "$command" --jsn
        exits 2
        contains "did you mean --json?"
        run "$VANTA" "$command" --json
        exits 0
        contains "\"version\": 1"
        contains "\"program_version\": \"$version\""
        python3 -c 'import json, sys; json.loads(sys.argv[1])' "$output"
    done
}

@test "unknown options name the nearest" {
    run "$VANTA" doctor --ofline
    exits 2
    contains "unknown option --ofline; did you mean --offline?"
    contains "try: vanta doctor --help"
    run "$VANTA" doctor --ofline=x
    contains "did you mean --offline?"
    run "$VANTA" doctor -Z
    exits 2
    contains "unknown option -Z"
    run "$VANTA" add x --sha265=1
    contains "did you mean --sha256?"
}

@test "values: behind a space, behind =, missing, not wanted" {
    run "$VANTA" registry check --models-dir "$PWD/a"
    contains "$PWD/a"
    run "$VANTA" registry check "--models-dir=$PWD/b"
    contains "$PWD/b"
    run "$VANTA" registry check --models-dir
    exits 2
    contains "a value is missing behind --models-dir"
    run "$VANTA" doctor --models-dir --offline
    exits 2
    contains "a value is missing"
    run "$VANTA" doctor --offline=yes
    exits 2
    contains "no value goes with --offline=yes"
    run "$VANTA" registry check --models-dir=
    exits 2
}

@test "-- ends the options, and operands may stand before them" {
    echo x >./--odd.gguf
    run "$VANTA" add -- --odd.gguf
    exits 3
    contains "no model file"
    run "$VANTA" registry check --json
    exits 3
    run "$VANTA" registry --json check
    exits 3
    run "$VANTA" registry -- check --json
    exits 2
}

@test "numbers and lists" {
    run "$VANTA" setup --jobs many --dry-run
    exits 2
    contains "a number is wanted, not many"
    run "$VANTA" setup --jobs -1 --dry-run
    exits 2
    run "$VANTA" setup --jobs 99999999999999999999 --dry-run
    exits 2
    run "$VANTA" doctor --offline --catalog a.json,b.json
    exits 1
    contains "a.json"
}

@test "--help of every command, and --print-options agrees with it" {
    "$VANTA" --help | awk '/^  [a-z]/ { print $1 }' >commands
    [ "$(wc -l <commands)" -ge 8 ]
    while read -r command; do
        run "$VANTA" "$command" --help
        exits 0
        contains "usage: vanta $command"
        help=$output
        "$VANTA" "$command" --print-options >options
        while IFS=$'\t' read -r option takes text; do
            [[ $help == *"$option"* ]] || { echo "$command: $option"; false; }
        done <options
    done <commands
}

@test "hostile words are shown without their control characters" {
    run "$VANTA" $'\e[31mred'
    exits 2
    [[ $output != *$'\e'* ]]
    run "$VANTA" doctor $'--\e[31mred'
    exits 2
    [[ $output != *$'\e'* ]]
    run "$VANTA" info $'no\nsuch'
    exits 3
    [ "${#lines[@]}" -le 3 ]
}

@test "too many words" {
    run "$VANTA" verify $(seq 1 300)
    exits 2
    contains "too many words"
}

@test "output that cannot be written is a failure" {
    [ -w /dev/full ] || skip "no /dev/full here"
    run --separate-stderr sh -c '"$VANTA" catalog list >/dev/full'
    [ "$status" -eq 3 ]
    [[ $stderr == *"standard output could not be written"* ]]
}

@test "help COMMAND is the command's own help" {
    run "$VANTA" help setup
    exits 0
    contains "usage: vanta setup"
    run "$VANTA" help setpu
    exits 2
    contains "did you mean setup?"
}

@test "a file where the models folder should be is named, with what to do" {
    run "$VANTA" list --models-dir /dev/null
    exits 3
    contains "Not a directory"
    contains "check --models-dir"
}
