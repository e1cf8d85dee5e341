# vanta registry rebuild and check.
load ../helpers
load ../models

setup() {
    fresh_home
    export VANTA_MODELS_DIR=$PWD/models
    registry=$PWD/models/registry/registry.json
    make_gguf models/llm/writer/w.gguf
    make_gguf models/llm/loose.gguf loose
}

ids() {
    "$VANTA" list | awk 'NR > 2 { print $1 }' | LC_ALL=C sort | tr '\n' ' '
}

@test "files without a registry are registered" {
    run "$VANTA" registry check
    exits 1
    contains "adopted"
    [ ! -e models/registry ]
    run "$VANTA" registry rebuild
    exits 0
    contains "adopted  writer  llm/writer/w.gguf"
    [ "$(ids)" = "loose writer " ]
    run "$VANTA" verify
    exits 0
    run "$VANTA" registry check
    exits 0
    run "$VANTA" registry rebuild
    exits 0
    contains "nothing had to be changed: 2 kept"
}

@test "a damaged registry: the guide's list works, the file is kept, the models come back" {
    "$VANTA" registry rebuild
    cp "$registry" before
    head -c 200 before >"$registry"
    cp "$registry" damaged
    run "$VANTA" registry rebuild
    exits 0
    contains "restored"
    contains "kept as $registry.damaged-"
    cmp "$registry" before
    cmp "$registry".damaged-* damaged
}

@test "empty, binary and huge registries" {
    "$VANTA" registry rebuild
    : >"$registry"
    run "$VANTA" registry rebuild
    exits 0
    head -c 1000 /dev/urandom >"$registry"
    run "$VANTA" registry rebuild
    exits 0
    dd if=/dev/zero of="$registry" bs=1 count=0 seek=80000000 2>/dev/null
    run "$VANTA" registry rebuild
    exits 0
    [ "$(ids)" = "loose writer " ]
    [ "$(ls "$registry".damaged-* | wc -l)" -eq 3 ]
}

@test "missing files are marked, kept and found again" {
    "$VANTA" registry rebuild
    mv models/llm/writer away
    run "$VANTA" registry rebuild
    exits 0
    contains "missing  writer"
    contains "vanta setup ID"
    [ "$(ids)" = "loose writer " ]
    mv away models/llm/writer
    run "$VANTA" registry rebuild
    contains "found"
}

@test "--json says what was done" {
    "$VANTA" registry rebuild --json >out.json
    python3 - out.json <<'SCRIPT'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["version"] == 1 and d["changed"] is True and d["damaged"] is False
assert {(m["outcome"], m["id"]) for m in d["models"]} == {("adopted", "writer"),
                                                          ("adopted", "loose")}, d
SCRIPT
}

@test "names with control characters are left, and do not reach the terminal" {
    mkdir $'models/llm/x\e[31m'
    make_gguf $'models/llm/x\e[31m/m.gguf' evil
    run "$VANTA" registry rebuild
    exits 0
    contains "rename it"
    [[ $output != *$'\e[31m'* ]]
}

@test "links that lead out are left alone" {
    make_gguf elsewhere/m.gguf
    ln -s "$PWD/elsewhere" models/tts
    ln -s "$PWD/elsewhere" models/llm/linked
    run "$VANTA" registry rebuild
    exits 0
    contains "a symbolic link"
    [ "$(ids)" = "loose writer " ]
}

@test "a root that is not there, one that cannot be written, a wrong word" {
    run "$VANTA" registry rebuild --models-dir nowhere
    exits 3
    contains "there is no models folder"
    chmod 555 models
    run as_user "$VANTA" registry rebuild
    exits 3
    contains "Permission denied"
    run "$VANTA" registry rebuld
    exits 2
    contains "did you mean rebuild?"
    run "$VANTA" registry
    exits 2
}
