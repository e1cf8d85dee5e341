# vanta setup against a model hub on the loopback: interrupted, killed, refused, shared.
load ../helpers
load server

setup() {
    fresh_home
    start_server
    export HF_ENDPOINT=$URL VANTA_MODELS_DIR=$BATS_TEST_TMPDIR/models
    models=$VANTA_MODELS_DIR
    catalog=$BATS_TEST_TMPDIR/catalog.json
    commit=0123456789abcdef0123456789abcdef01234567
    listed=
    children=
}

teardown() {
    local pid

    for pid in $children; do
        kill -9 "$pid" 2>/dev/null || true
    done
    stop_server
}

# hub_model ID ORG BYTES [MORE SOURCES]
hub_model() {
    make_file "$1.gguf" "$3" "$1"
    listed="$listed${listed:+,}
    {\"id\": \"$1\", \"name\": \"$1\", \"type\": \"llm\", \"version\": \"1\", \"format\": \"gguf\",
     \"license\": \"MIT\", \"hardware\": {\"min_ram\": \"1GB\", \"memory_bytes\": 1000},
     \"files\": [{\"path\": \"$1.gguf\", \"size_bytes\": $3, \"sha256\": \"$(sha "$FILES/$1.gguf")\",
       \"sources\": [\"hf:$2/repo@$commit/$1.gguf\"${4:-}]}]}"
    echo "{\"format\": \"vanta-catalog\", \"version\": 1, \"models\": [$listed]}" >"$catalog"
}

vanta_setup() {
    "$VANTA" setup --catalog "$catalog" "$@"
}

# started WORDS...: a setup in the background, until the server has begun to send.
started() {
    local i

    "$VANTA" setup --catalog "$catalog" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    child=$!
    children="$children $child"
    for i in $(seq 1 250); do
        # Past the first journal entry, so that there is something to go on from.
        [ "$(find "$models" -path '*.partial*' -type f -size +1000k 2>/dev/null | wc -l)" -gt 0 ] &&
            return 0
        sleep 0.02
    done
    cat "$BATS_TEST_TMPDIR/out"
    return 1
}

@test "a model comes from the hub; the source stands in table and registry" {
    hub_model from-hub good 300000
    run vanta_setup from-hub
    exits 0
    contains "hf:good/repo"
    cmp "$FILES/from-hub.gguf" "$models/llm/from-hub/from-hub.gguf"
    grep -q "hf:good/repo@$commit/from-hub.gguf" "$models/registry/registry.json"

    : >"$LOG"
    run vanta_setup from-hub
    exits 0
    [ ! -s "$LOG" ]
}

@test "ctrl-C ends it cleanly, and the same command goes on where it was" {
    hub_model slow slow 8000000
    started slow
    kill -INT "$child"
    code=0
    wait "$child" || code=$?
    [ "$code" -eq 3 ]
    grep -q "the same command goes on" "$BATS_TEST_TMPDIR/out"
    [ ! -e "$models/llm/slow/slow.gguf" ]

    run vanta_setup slow
    exits 0
    cmp "$FILES/slow.gguf" "$models/llm/slow/slow.gguf"
    grep -q "range=[1-9]" "$LOG" || { cat "$LOG"; false; }
    [ ! -e "$models/llm/.slow.partial" ]
}

@test "kill -9 costs at most what was in flight" {
    hub_model slow slow 8000000
    started slow
    kill -9 "$child"
    wait "$child" || true
    [ ! -e "$models/llm/slow/slow.gguf" ]
    run vanta_setup slow
    exits 0
    cmp "$FILES/slow.gguf" "$models/llm/slow/slow.gguf"
    grep -q "range=[1-9]" "$LOG" || { cat "$LOG"; false; }
    run "$VANTA" verify slow --catalog "$catalog"
    exits 0
}

@test "two setups at once fetch a model once" {
    hub_model slow slow 4000000
    started slow
    run vanta_setup slow
    exits 0
    contains "waiting for it"
    contains "was there"
    wait "$child"
    [ "$(requests 'GET .*trickle')" -eq 1 ] || { cat "$LOG"; false; }
}

@test "a setup that waits for another shows how far that one is" {
    hub_model slow slow 6000000
    started slow
    run vanta_setup slow --json
    exits 0
    contains '"event":"wait","model":"slow"'
    # More and more of it, and never more than all.
    bytes=$(sed -n 's/.*"event":"wait".*"bytes":\([0-9]*\),.*/\1/p' <<<"$output")
    [ "$(sort -n <<<"$bytes")" = "$bytes" ] || { echo "$bytes"; false; }
    [ "$(head -1 <<<"$bytes")" -lt "$(tail -1 <<<"$bytes")" ]
    [ "$(tail -1 <<<"$bytes")" -le 6000000 ]
    contains '"outcome":"present"'
    wait "$child"
}

@test "what the hub refuses is named; the other models are set up" {
    hub_model locked gated 100000
    hub_model open good 100000
    run vanta_setup locked open
    exits 3
    contains "locked"
    contains "gated/repo"
    [ -e "$models/llm/open/open.gguf" ]
    [ ! -e "$models/llm/locked/locked.gguf" ]
}

@test "a hub that is not there: the next source of the same file is used" {
    make_file both.gguf 200000 both
    hub_model both good 200000 ", \"file:$FILES/both.gguf\""
    HF_ENDPOINT=http://127.0.0.1:9 run vanta_setup both
    exits 0
    contains "file:$FILES/both.gguf"
    cmp "$FILES/both.gguf" "$models/llm/both/both.gguf"
}

@test "HF_HUB_OFFLINE and --offline open no connection" {
    hub_model from-hub good 300000
    HF_HUB_OFFLINE=1 run vanta_setup from-hub
    exits 3
    run vanta_setup from-hub --offline
    exits 3
    contains "--offline"
    [ ! -s "$LOG" ]
}

@test "a token stays out of registry, output and files" {
    hub_model from-hub good 300000
    HF_TOKEN=hf_good run vanta_setup from-hub
    exits 0
    lacks hf_good
    if grep -rq hf_good "$models"; then return 1; fi
    lacks SECRET
    if grep -rq SECRET "$models"; then return 1; fi
}

@test "a full disk is seen before the first byte" {
    mkdir "$models"
    mount -t tmpfs -o size=3m tmpfs "$models" 2>/dev/null || skip "no file system can be mounted here"
    hub_model from-hub good 4000000
    run vanta_setup from-hub
    status_kept=$status
    sent=$(requests 'GET ')
    umount "$models"
    [ "$status_kept" -eq 3 ]
    contains "4.00 MB"
    contains "free"
    [ "$sent" -eq 0 ]
}

# on_terminal COLUMNS WORDS...: a setup with a terminal of so many columns; what it wrote
# goes to $BATS_TEST_TMPDIR/screen.
on_terminal() {
    python3 - "$BATS_TEST_TMPDIR/screen" "$@" <<'END'
import fcntl, os, pty, struct, sys, termios

screen, columns, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execv(words[0], words)
data = b""
while True:
    try:
        block = os.read(fd, 65536)
    except OSError:
        break
    if not block:
        break
    data += block
open(screen, "wb").write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

@test "a terminal sees bars redrawn in place, never wider than it is" {
    hub_model slow slow 6000000
    for columns in 120 40; do
        rm -rf "$models"
        on_terminal "$columns" "$VANTA" setup --catalog "$catalog" slow
        python3 - "$BATS_TEST_TMPDIR/screen" "$columns" <<'END'
import re, sys

text = open(sys.argv[1], encoding="utf-8").read()
columns = int(sys.argv[2])
redraws = text.count("\x1b[J")
assert 3 < redraws < 60, redraws
bars = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", l)
        for l in re.split(r"[\r\n]+|\x1b\[J", text) if "%" in l]
assert bars, text
for line in bars:
    assert len(line) < columns, (len(line), line)
assert any(re.search(r"^[0-9.]+ MB (of 6.00 MB )?left .*[1-9]% .*MB/s", l)
           for l in bars), bars
if columns == 120:
    assert any(re.search(r"^slow/slow.gguf +\[#+-*\] +[0-9]+% +[0-9.]+ MB/s +0:0[0-9]  hf +"
                         r"[0-9.]+ MB of 6.00 MB", l) for l in bars), bars
# What was drawn is taken away again, before the line that stays.
last = text[text.rindex("\x1b[J"):]
assert re.search(r"slow: there, 6\.\d+ MB fetched", last) and "%" not in last, last
END
    done
}

@test "NO_COLOR is honoured, and bars are only for terminals" {
    hub_model slow slow 3000000
    NO_COLOR=1 on_terminal 100 "$VANTA" setup --catalog "$catalog" slow
    run grep -cE $'\e\\[[0-9;]*m' "$BATS_TEST_TMPDIR/screen"
    [ "$output" -eq 0 ]
    rm -rf "$models"
    run vanta_setup slow
    exits 0
    lacks $'\e'
}

@test "at a terminal the profile that fits is offered, and a no is a no" {
    hub_model little good 1000
    python3 - "$catalog" "file:$FILES/little.gguf" <<'END'
import json, sys

path = sys.argv[1]
catalog = json.load(open(path))
catalog["models"][0]["files"][0]["sources"] = [sys.argv[2]]
huge = json.loads(json.dumps(catalog["models"][0]))
huge["id"] = huge["name"] = "huge"
huge["files"][0]["size_bytes"] = 17000000000000
catalog["models"].append(huge)
catalog["profiles"] = [
    {"name": n, "description": n, "slots": [{"type": "llm", "models": [m]}]}
    for n, m in (("vast", "huge"), ("tight", "little"))]
json.dump(catalog, open(path, "w"))
END
    python3 - "$VANTA" "$catalog" "$models" <<'END'
import os, pty, sys

program, catalog, models = sys.argv[1:]
for answer, there in (("n", False), ("y", True)):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(program, [program, "setup", "--profile", "vast", "--source", "files",
                           "--catalog", catalog])
    text, answered = "", False
    while True:
        try:
            block = os.read(fd, 65536).decode()
        except OSError:
            break
        if not block:
            break
        text += block
        if "[Y/n]" in text and not answered:
            answered = True
            os.write(fd, (answer + "\n").encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert answered and "The profile tight fits" in text, text
    assert code == (0 if there else 3), (code, text)
    assert os.path.exists(models + "/llm/little/little.gguf") == there, text
END
}

@test "setup itself stays below 64 MB whatever the model's size" {
    [ -r /proc/self/status ] || skip "only Linux says how much a process has had"
    hub_model large good 150000000
    "$VANTA" setup --catalog "$catalog" large >/dev/null 2>&1 3>&- &
    child=$!
    children=$child
    most=0
    while kb=$(awk '/VmHWM/ { print $2 }' "/proc/$child/status" 2>/dev/null) && [ -n "$kb" ]; do
        most=$kb
        sleep 0.02
    done
    wait "$child"
    [ "$most" -gt 0 ]
    [ -n "${VANTA_SANITIZE:-}" ] || [ "$most" -lt 62500 ] || { echo "$most kB"; false; }
}

@test "without a terminal a line every few seconds says how far it is and how long still" {
    hub_model trickled single 24000000 # one stream, ten seconds
    started trickled
    for i in $(seq 1 40); do
        grep -q '% of 24.0 MB' "$BATS_TEST_TMPDIR/out" && break
        sleep 0.2
    done
    kill -INT "$child"
    wait "$child" || true
    output=$(cat "$BATS_TEST_TMPDIR/out")
    contains "% of 24.0 MB"
    contains "(trickled)"
    lacks "0 ms left"
    lacks $'\r'
}

@test "VANTA_SOURCES forbids kinds of sources, as --source does" {
    hub_model from-hub good 300000
    export VANTA_SOURCES='!hub'
    run vanta_setup from-hub
    exits 3
    contains "hub"
    [ "$(requests GET)" -eq 0 ]
    run vanta_setup from-hub --source hub
    exits 0
}
