# vanta doctor: a line for each thing that could be wrong, and what helps.
load ../helpers
load ../models

setup() {
    fresh_home
    export VANTA_MODELS_DIR=$PWD/models
    # Package clients take their time to say their version.
    mkdir bin
    printf '#!/bin/sh\necho "pip 23.0 from /x"\n' >bin/pip3
    printf '#!/bin/sh\necho 11.0.0\n' >bin/npm
    chmod +x bin/pip3 bin/npm
    PATH=$PWD/bin:$PATH
}

@test "a bare machine: warnings, no failure, nothing created" {
    run "$VANTA" doctor --offline
    exits 0
    contains "ok    models folder"
    contains "warn  llm"
    contains "vanta setup llm"
    contains "ok    pip            $PWD/bin/pip3 pip 23.0"
    contains "ok    npm            $PWD/bin/npm npm 11.0.0"
    [ ! -e models ]
    [ -z "$(ls "$HOME")" ]
}

# client NAME BODY: a pip3 or npm that says its version, writes down what else it is asked,
# and does BODY.
client() {
    cat >"bin/$1" <<END
#!/bin/sh
[ "\$1" = --version ] && { echo "pip 23.0"; exit 0; }
echo "\$@" >>"$PWD/$1.log"
$2
END
}

no_network() {
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    export HF_ENDPOINT=http://127.0.0.1:1
}

@test "indexes are asked by the user's own clients, and nothing is downloaded" {
    local name version

    no_network
    export TMPDIR=$PWD/tmp
    mkdir tmp
    client pip3 'echo "$3 (9.9.9)"; echo "Available versions: 9.9.9"'
    client npm 'printf "%s\n" "${2##*@}"'
    run "$VANTA" doctor
    exits 0
    contains "warn  pip's index    the index answers, and has no "
    contains "it was withdrawn, or this index does not carry it"
    contains "ok    npm's index    answers, in "
    lacks "from nowhere"
    grep -q '^index versions [a-z0-9.-]* --disable-pip-version-check --no-input' pip3.log
    grep -q '^view [a-z@/0-9.-]* version ' npm.log
    [ "$(cat pip3.log npm.log | wc -l)" -eq 2 ]
    name=$(cut -d ' ' -f 3 pip3.log)
    version=$(cat "$VANTA_SOURCE_DIR"/catalog/*.json | grep -A 1 "\"name\": \"$name\"" |
        sed -n 's/.*"version": "\(.*\)".*/\1/p')
    [ -n "$version" ]
    client pip3 "echo 'Available versions: 9.9.9, $version'"
    run "$VANTA" doctor
    exits 0
    contains "ok    pip's index    answers, in "
    run "$VANTA" doctor --offline
    contains "ok    pip's index    not asked (--offline)"
    [ "$(cat pip3.log npm.log | wc -l)" -eq 4 ]
    [ -z "$(ls -A tmp)" ]
}

@test "an index that is not reached, one that never answers: no source is left" {
    no_network
    client pip3 'echo "Failed to establish a new connection: host.invalid" >&2; exit 1'
    client npm 'sleep 60'
    start=$SECONDS
    run "$VANTA" doctor
    exits 1
    [ $((SECONDS - start)) -lt 40 ]
    contains "warn  pip's index"
    contains "warn  npm's index    no answer came in 12 seconds"
    contains "fail  sources        models can come from nowhere"
    lacks host.invalid
}

@test "a pip that cannot be asked for versions is no problem" {
    no_network
    client pip3 "echo 'ERROR: unknown command \"index\"' >&2; exit 1"
    run "$VANTA" doctor
    exits 0
    contains "ok    pip's index    not asked: this pip is too old"
}

@test "--offline opens no connection and --json is a document" {
    https_proxy=http://u:secret@127.0.0.1:1 "$VANTA" doctor --offline --json >out.json
    python3 - out.json <<'SCRIPT'
import json, sys
text = open(sys.argv[1]).read()
d = json.loads(text)
assert d["version"] == 1 and d["ok"] is True and d["failures"] == 0, d
assert "secret" not in text
hub = [c for c in d["checks"] if c["topic"] == "model hub"]
assert hub[0]["text"].startswith("not asked"), hub
for c in d["checks"]:
    assert c["level"] in ("ok", "warn", "fail")
    assert c["level"] == "ok" or c["remedy"], c
SCRIPT
}

@test "a hub that does not answer is a warning, soon" {
    start=$SECONDS
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    HF_ENDPOINT=http://127.0.0.1:1 run "$VANTA" doctor
    exits 0
    contains "warn  model hub      127.0.0.1 is not reached"
    [ $((SECONDS - start)) -lt 30 ]
}

@test "a damaged registry, an unwritable root and a missing one" {
    mkdir -p models/registry
    echo '{' >models/registry/registry.json
    run "$VANTA" doctor --offline
    exits 1
    contains "fail  registry"
    contains "vanta registry rebuild"
    rm -r models/registry
    chmod 555 models
    run as_user "$VANTA" doctor --offline
    exits 1
    contains "fail  models folder"
    contains "--models-dir"
    run as_user "$VANTA" doctor --offline --models-dir "$PWD/models/sub/dir"
    exits 1
    contains "cannot be created"
}

@test "a broken catalog of the user's is one line, and the rest is checked" {
    mkdir -p "$HOME/.config/vanta/catalog.d"
    echo '[' >"$HOME/.config/vanta/catalog.d/mine.json"
    run "$VANTA" doctor --offline
    exits 1
    contains "fail  catalog"
    contains "mine.json"
    contains "ok    disk"
}

@test "models, orphans and leftovers" {
    make_gguf models/llm/a/a.gguf
    "$VANTA" registry rebuild
    make_gguf models/llm/b.gguf other
    mkdir -p models/llm/.x.partial/fetch
    head -c 2000 /dev/zero >models/llm/.x.partial/fetch/x.part
    run "$VANTA" doctor --offline
    exits 0
    contains "llm/b.gguf is a model that no entry has"
    contains "2.00 kB of an unfinished download"
    contains "ok    llm"
}

@test "names with control characters do not reach the terminal" {
    mkdir -p models/llm $'models/llm/.\e[31m.partial'
    make_gguf $'models/llm/\e[32m.gguf'
    run "$VANTA" doctor --offline
    exits 0
    [[ $output != *$'\e'* ]]
}

@test "operands make no sense" {
    run "$VANTA" doctor everything
    exits 2
}
