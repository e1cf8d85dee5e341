# vanta setup over small catalogs whose sources are files: nothing leaves this machine.
load ../helpers

sha256() {
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
}

setup() {
    fresh_home
    upstream=$BATS_TEST_TMPDIR/upstream
    models=$BATS_TEST_TMPDIR/models
    catalog=$BATS_TEST_TMPDIR/catalog.json
    export VANTA_MODELS_DIR=$models
    mkdir "$upstream"
    listed=
    profiles=
    licenses=
}

# file PATH BYTES: an upstream file and its entry in a model's files; MISSING=1 leaves the
# file out, WRONG=1 gives it other bytes than stated.
file() {
    local source=$upstream/${1##*/} digest

    head -c "$2" /dev/zero | tr '\0' "${3:-x}" >"$source"
    digest=$(sha256 "$source")
    [ -z "${WRONG:-}" ] || head -c "$2" /dev/zero >"$source"
    [ -z "${MISSING:-}" ] || rm "$source"
    printf '{"path": "%s", "size_bytes": %s, "sources": ["file:%s"]%s}' "$1" "$2" \
        "$source" ", \"sha256\": \"$digest\""
}

# model ID TYPE FILES [LICENSE] [MEMORY]: adds a model to the catalog.
model() {
    listed="$listed${listed:+,}
    {\"id\": \"$1\", \"name\": \"$1\", \"type\": \"$2\", \"version\": \"1\", ${OVERRIDE:-}
     \"format\": \"gguf\", \"license\": \"${4:-MIT}\",
     \"hardware\": {\"min_ram\": \"1GB\", \"memory_bytes\": ${5:-1000}},
     \"files\": [$3]}"
}

# write_catalog [PROFILE...]: to the file that `vanta setup` below is given.
write_catalog() {
    cat >"$catalog" <<END
{"format": "vanta-catalog", "version": 1,
 "licenses": [$licenses],
 "models": [$listed],
 "profiles": [$profiles]}
END
}

vanta_setup() {
    "$VANTA" setup --catalog "$catalog" "$@"
}

# two small models and a profile of both
small_set() {
    model small-a llm "$(file a.gguf 5000 a)"
    model small-b embedding "$(file b/model.bin 7000 b), $(file b.json 20 c)"
    profiles='{"name": "duo", "description": "Two.", "slots": [
        {"type": "llm", "models": ["small-a"]}, {"type": "embedding", "models": ["small-b"]}]}'
    write_catalog
}

field() {
    python3 -c '
import json, sys
models = json.load(open(sys.argv[1] + "/registry/registry.json"))["models"]
entry = [m for m in (models.values() if isinstance(models, dict) else models)
         if m["id"] == sys.argv[2]][0]
for key in sys.argv[3].split("."):
    entry = entry[key]
print(entry)' "$models" "$@"
}

@test "a set is fetched, verified, registered; the second run moves nothing" {
    small_set
    run vanta_setup --profile duo
    exits 0
    contains "untested"
    contains "$models (from VANTA_MODELS_DIR)"
    cmp "$upstream/a.gguf" "$models/llm/small-a/a.gguf"
    cmp "$upstream/model.bin" "$models/embeddings/small-b/b/model.bin"
    [ "$(field small-a hash)" = "$(sha256 "$upstream/a.gguf")" ]
    [ "$(field small-a verified.digest)" = "$(sha256 "$upstream/a.gguf")" ]
    [ "$(field small-a source)" = "file:$upstream/a.gguf" ]
    [ "$(field small-a preparation.id)" = fetch ]
    [ -z "$(find "$models" -name '*.partial')" ]

    rm -r "$upstream"
    before=$(cat "$models/registry/registry.json")
    run vanta_setup --profile duo
    exits 0
    contains "was there"
    [ "$before" = "$(cat "$models/registry/registry.json")" ]
}

@test "the folder hash of two files, sorted by bytes, is what sha256sum prints" {
    small_set
    vanta_setup small-b
    (cd "$models/embeddings/small-b" && {
        printf '%s  b.json\n' "$(sha256 b.json)"
        printf '%s  b/model.bin\n' "$(sha256 b/model.bin)"
    }) >"$BATS_TEST_TMPDIR/lines"
    [ "$(field small-b hash)" = "$(sha256 "$BATS_TEST_TMPDIR/lines")" ]
}

@test "--dry-run shows the plan and changes nothing" {
    small_set
    run vanta_setup --profile duo --dry-run
    exits 0
    contains "small-a"
    contains "file:$upstream"
    contains "disk: "
    contains "memory: "
    [ ! -e "$models" ]
}

@test "--dry-run says what follows where what is there turns out damaged" {
    small_set
    vanta_setup small-a
    printf 'A' | dd of="$models/llm/small-a/a.gguf" conv=notrunc status=none
    run "$VANTA" verify --catalog "$catalog"
    exits 1
    run vanta_setup small-a --dry-run
    exits 0
    contains "check and adopt"
    contains "check: if small-a is damaged, what is wrong of it is fetched again"
    run vanta_setup small-a --dry-run --json
    contains '"to_do":"check and adopt","otherwise":"fetch"'
    run vanta_setup small-a --dry-run --source hub
    exits 0
    contains "check: if small-a is damaged, no source that is allowed has it"
    run vanta_setup small-b --dry-run
    lacks "check: "
    # So it is.
    run vanta_setup small-a
    exits 0
    contains "fetched"
    cmp "$upstream/a.gguf" "$models/llm/small-a/a.gguf"
    run vanta_setup small-a --dry-run
    lacks "check: "
}

@test "--dry-run says what cannot be had, and why" {
    model bare llm '{"path": "u.gguf", "size_bytes": 300,
        "sources": ["https://127.0.0.1:9/u.gguf"]}'
    model known llm "$(file k.gguf 300 k)"
    write_catalog
    run --separate-stderr vanta_setup bare known --dry-run # the why is a part of the plan
    exits 3
    contains "leave out: bare: nobody has published the digest of u.gguf"
    contains "--allow-unpinned"
    [ -z "$stderr" ]
    run --separate-stderr vanta_setup known --source hub --dry-run
    exits 3
    contains "cannot be had: known: "
    [ -z "$stderr" ]
    run --separate-stderr vanta_setup bare --dry-run --json
    exits 3
    printf '%s\n' "$output" >plan.jsonl
    python3 - plan.jsonl <<'SCRIPT'
import json, sys
plan = json.loads(open(sys.argv[1]).readline())
assert plan["to_do"] == "leave out" and plan["error"]["kind"] == "unsupported", plan
assert "nobody has published" in plan["error"]["message"] and plan["error"]["hint"], plan
SCRIPT
    [ ! -e "$models" ]
}

@test "--dry-run says what cannot be reached, in words and as JSON" {
    local far="hf:a/b@0123456789abcdef0123456789abcdef01234567/u.gguf"

    # Nothing listens on port 1 of this machine.
    export HF_ENDPOINT=http://127.0.0.1:1
    model far llm "{\"path\": \"u.gguf\", \"size_bytes\": 300, \"sources\": [\"$far\"],
        \"sha256\": \"$(printf %064d 7)\"}"
    model near llm "$(file k.gguf 300 k)"
    write_catalog
    run vanta_setup far near --dry-run
    exits 3
    contains "cannot be reached"
    contains "far: no source of it is reached now"
    contains "Connection refused"
    lacks "near: no source"
    run --separate-stderr vanta_setup far near --dry-run --json
    exits 3
    printf '%s\n' "$output" >plan.jsonl
    python3 - plan.jsonl <<'SCRIPT'
import json, sys
plan = {e["model"]: e for e in map(json.loads, open(sys.argv[1])) if "to_do" in e}
far, near = plan["far"], plan["near"]
assert far["to_do"] == "cannot be reached" and far["network_bytes"] == 300, far
assert far["error"]["kind"] == "network" and far["error"]["hint"], far
assert "Connection refused" in far["error"]["message"], far
assert near["to_do"] == "fetch" and near["error"] is None, near
SCRIPT
    run vanta_setup near --dry-run
    exits 0
    [ ! -e "$models" ]
}

@test "types, ids and --models select; the order of the words does not matter" {
    small_set
    run vanta_setup llm --profile duo --dry-run
    exits 0
    contains small-a
    lacks small-b
    run vanta_setup --profile duo --type embeddings --dry-run
    exits 0
    lacks small-a
    contains small-b
    run vanta_setup llm --models small-a --dry-run
    exits 0
    contains small-a
    run vanta_setup --models small-a,small-b --dry-run
    exits 0
    contains small-b
    run vanta_setup --models small-a small-b --dry-run
    exits 0
    contains small-b
    run vanta_setup whisper --models tiny,base --source '!hub,!packages' --dry-run
    contains whisper-tiny
    contains whisper-base
    lacks mistral
}

@test "unknown names suggest the nearest and exit 2" {
    small_set
    for words in "wisper:whisper" "smal-a:small-a" "whisper --models bas:base" \
        "--profile duu:duo" "--type lm:llm" "--source hup:hub" "--dry-rum:--dry-run"; do
        # shellcheck disable=SC2086 # several words
        run vanta_setup ${words%%:*}
        exits 2
        contains "${words##*:}"
    done
    run vanta_setup duo
    exits 2
    contains "--profile duo"
    run vanta_setup llm --models small-b
    exits 2
    contains "not of the type"
    [ ! -e "$models" ]
}

@test "a file that is there and right is adopted by hashing it" {
    small_set
    mkdir -p "$models/llm/small-a"
    cp "$upstream/a.gguf" "$models/llm/small-a/"
    rm "$upstream/a.gguf"
    run vanta_setup small-a
    exits 0
    contains "was there"
    [ "$(field small-a preparation.id)" = adopted ]
}

@test "an old layout is adopted where it is, not fetched again" {
    small_set
    mkdir -p "$models/llm"
    cp "$upstream/a.gguf" "$models/llm/a.gguf"
    rm "$upstream/a.gguf"
    run vanta_setup small-a
    exits 0
    [ "$(field small-a path)" = llm/a.gguf ]
    [ ! -e "$models/llm/small-a" ]
    run vanta_setup small-a
    exits 0
    run "$VANTA" path small-a --catalog "$catalog"
    [ "$output" = "$models/llm/a.gguf" ]
}

@test "the guide's own registry and file are taken over, not fetched again" {
    OVERRIDE='"override": true, "aliases": ["llm-mistral-7b"],' model mistral-7b llm "$(file mistral.gguf 5000 m)"
    write_catalog
    mkdir -p "$models/llm" "$models/registry"
    mv "$upstream/mistral.gguf" "$models/llm/"
    cat >"$models/registry/registry.json" <<END
{"models": [{"id": "llm-mistral-7b", "name": "LLM mistral-7b", "type": "llm", "version": "v1",
  "path": "$models/llm/mistral.gguf", "size": "4.1GB", "format": "gguf",
  "quantization": "Q4_K_M", "date_added": "2024-05-01T10:11:12", "hash": "0123",
  "parameters": {}, "hardware_requirements": {}, "metadata": {}, "mine": "kept"}]}
END
    run vanta_setup mistral-7b
    exits 0
    contains "was there"
    [ "$(field mistral-7b path)" = llm/mistral.gguf ]
    [ "$(field mistral-7b mine)" = kept ]
    [ "$("$VANTA" list --catalog "$catalog" | awk 'NR > 2' | grep -c mistral)" = 1 ]
}

@test "a file with other bytes is fetched again" {
    small_set
    mkdir -p "$models/llm/small-a"
    head -c 5000 /dev/zero >"$models/llm/small-a/a.gguf"
    run vanta_setup small-a
    exits 0
    contains "fetched anew"
    cmp "$upstream/a.gguf" "$models/llm/small-a/a.gguf"
}

@test "of a folder only what is missing or wrong is fetched" {
    small_set
    vanta_setup small-b
    rm "$models/embeddings/small-b/b.json" "$upstream/model.bin"
    run vanta_setup small-b
    exits 0
    cmp "$upstream/b.json" "$models/embeddings/small-b/b.json"
}

@test "one model's failure leaves the others alone" {
    model bad llm "$(MISSING=1 file bad.gguf 3000 q)"
    model good embedding "$(file good.bin 3000 r)"
    write_catalog
    run vanta_setup bad good
    exits 3
    contains failed
    contains bad
    [ -e "$models/embeddings/good/good.bin" ]
    [ ! -e "$models/llm/bad/bad.gguf" ]
    [ "$(field good type)" = embedding ]
}

@test "bytes that differ from the digest never get the final name" {
    model liar llm "$(WRONG=1 file liar.gguf 3000 q)"
    write_catalog
    run vanta_setup liar
    exits 1
    contains "liar.gguf"
    [ ! -e "$models/llm/liar/liar.gguf" ]
    [ ! -e "$models/registry/registry.json" ] || ! grep -q liar "$models/registry/registry.json"
}

@test "a slot takes what is here already, then the first that can be reached" {
    model first llm "$(MISSING=1 file first.gguf 3000 q)"
    model second llm "$(file second.gguf 3000 r)"
    model third llm "$(file third.gguf 3000 s)"
    profiles='{"name": "slots", "description": "One.", "slots": [
        {"type": "llm", "models": ["first", "second", "third"]}]}'
    write_catalog
    run vanta_setup --profile slots --dry-run
    exits 0
    contains "second takes the place of first"
    vanta_setup third
    run vanta_setup --profile slots
    exits 0
    contains "third takes the place of first"
    [ ! -e "$models/llm/second" ]
}

@test "too large a set fails before the first byte and names what to take instead" {
    model small llm "$(file small.gguf 100 r)"
    model huge llm '{"path": "huge.gguf", "size_bytes": 17000000000000,
        "sha256": "1111111111111111111111111111111111111111111111111111111111111111",
        "sources": ["file:/nowhere/huge.gguf"]}'
    model other embedding "$(file other.bin 100 s)"
    write_catalog
    run vanta_setup huge other
    exits 3
    contains "17.0 TB"
    contains "vanta setup "
    [ ! -e "$models" ]
    run vanta_setup huge other --dry-run
    exits 3
    contains "disk: 17.0 TB needed"
}

@test "a profile that does not fit names the one that does" {
    model huge llm '{"path": "huge.gguf", "size_bytes": 17000000000000,
        "sha256": "1111111111111111111111111111111111111111111111111111111111111111",
        "sources": ["file:/nowhere/huge.gguf"]}'
    model little llm "$(file little.gguf 100 r)"
    profiles='{"name": "vast", "description": "Vast.", "slots": [{"type": "llm", "models": ["huge"]}]},
        {"name": "little", "description": "Little.", "slots": [{"type": "llm", "models": ["little"]}]}'
    write_catalog
    run vanta_setup --profile vast --source files
    exits 3
    contains "vanta setup --profile little"
}

@test "memory is judged by need; --force goes on with a notice" {
    model hungry llm "$(file hungry.gguf 100 r)" MIT 16000000000000
    model modest llm "$(file modest.gguf 50 s)"
    write_catalog
    run vanta_setup hungry
    exits 3
    contains "16.0 TB of memory"
    contains modest
    [ ! -e "$models" ]
    run vanta_setup hungry --force
    exits 0
    contains "hardly run"
}

@test "a licence has to be accepted; text and answer lie beside the model" {
    printf 'You may, if you are kind.\n' >"$upstream/terms.txt"
    licenses="{\"id\": \"Kind-1\", \"name\": \"Kind License\", \"must_accept\": true,
        \"summary\": \"Be kind.\", \"text\": {\"path\": \"terms.txt\",
        \"size_bytes\": 26, \"sha256\": \"$(sha256 "$upstream/terms.txt")\",
        \"sources\": [\"file:$upstream/terms.txt\"]}}"
    model kind llm "$(file kind.gguf 300 k)" Kind-1
    model free embedding "$(file free.bin 300 f)"
    write_catalog
    run vanta_setup kind free
    exits 3
    contains "vanta setup kind --accept-license Kind-1"
    contains skipped
    [ -e "$models/embeddings/free/free.bin" ]
    [ ! -e "$models/llm/kind" ]

    run vanta_setup kind --accept-license Kind-1
    exits 0
    cmp "$upstream/terms.txt" "$models/llm/kind/.license/LICENSE.txt"
    grep -q Kind-1 "$models/llm/kind/.license/accepted.json"
    [ "$(field kind license.accepted.digest)" = "$(sha256 "$upstream/terms.txt")" ]
    [[ $(field kind files) != *.license* ]]

    # accepted once, not asked again; a changed text asks again
    rm "$models/llm/kind/kind.gguf"
    run vanta_setup kind
    exits 0
    printf 'You may, if you are very kind.\n' >"$upstream/terms.txt"
    sed -i.old "s/\"size_bytes\": 26, \"sha256\": \"[0-9a-f]*\"/\"size_bytes\": 31, \"sha256\": \"$(sha256 "$upstream/terms.txt")\"/" "$catalog"
    rm "$models/llm/kind/kind.gguf"
    run vanta_setup kind
    exits 3
    contains "--accept-license Kind-1"
}

@test "a file whose digest nobody knows needs a yes" {
    model unpinned llm '{"path": "u.gguf", "size_bytes": 300,
        "sources": ["https://127.0.0.1:9/u.gguf"]}'
    write_catalog
    run vanta_setup unpinned
    exits 3
    contains "--allow-unpinned"
    [ ! -e "$models/llm/unpinned" ]
}

@test "sources that are not allowed are not used" {
    small_set
    run vanta_setup small-a --source hub,packages
    exits 3
    contains "vanta catalog show small-a"
    VANTA_SOURCES='!files' run vanta_setup small-a
    exits 3
    run vanta_setup small-a --offline
    exits 0
    run vanta_setup whisper-tiny --offline
    exits 3
    contains offline
}

@test "the speech API is registered and waits for its key" {
    run "$VANTA" setup tts-1
    exits 0
    contains needs-key
    contains "speech output: off until a key is set"
    contains "export OPENAI_API_KEY="
    # Its server is away, which says nothing about the key.
    export OPENAI_BASE_URL=http://127.0.0.1:9/v1
    OPENAI_API_KEY=sk-test run "$VANTA" setup tts-1
    exits 0
    lacks "off until"
    contains "tts-1: the key was not checked: http://127.0.0.1:9/v1/models/tts-1"
    lacks warning
    lacks sk-test
    if grep -r sk-test "$models"; then return 1; fi
}

@test "--require-ready makes anything short of ready exit 1" {
    small_set
    run vanta_setup small-a --require-ready
    exits 1
    contains untested
}

@test "--json: an object a line, each with a version; nothing else on stdout" {
    small_set
    vanta_setup --profile duo --json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    python3 - "$BATS_TEST_TMPDIR/out" "$VANTA_SOURCE_DIR/docs/setup.md" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
documented = open(sys.argv[2]).read()
for e in events:
    assert "**%s**" % e["event"] in documented, e
    assert all("`%s`" % key in documented for key in e), e
assert all(e["version"] == 1 for e in events)
kinds = [e["event"] for e in events]
assert kinds[0] == "plan-model" and "plan" in kinds and kinds[-1] == "summary", kinds
done = [e for e in events if e["event"] == "model-done"]
assert {e["model"] for e in done} == {"small-a", "small-b"}
assert all(e["outcome"] == "fetched" and e["state"] == "untested" for e in done)
assert events[-1]["exit_code"] == 0 and len(events[-1]["models"]) == 2
END
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
    run vanta_setup nothing --json
    exits 2
}

@test "--quiet says nothing when all is well" {
    small_set
    run vanta_setup --profile duo --quiet
    exits 0
    [ -z "$output" ]
}

@test "a model folder that is a link out of the root is refused" {
    small_set
    mkdir -p "$models/llm" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$models/llm/small-a"
    run vanta_setup small-a
    exits 3
    contains "leads out of"
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/elsewhere")" ]
    rm "$models/llm/small-a"
    rmdir "$models/llm"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$models/llm"
    run vanta_setup small-a
    exits 3
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/elsewhere")" ]
}

@test "an unwritable root says so" {
    small_set
    : >"$models"
    run vanta_setup small-a
    exits 3
    contains "$models"
}

@test "a models folder without write permission says so" {
    small_set
    mkdir "$models"
    chmod 555 "$models"
    run as_user "$VANTA" setup --catalog "$catalog" small-a
    exits 3
    contains "$models"
    contains "ermission"
    [ -z "$(ls -A "$models")" ]
}

@test "root by sudo from a user's account is refused, with the reason" {
    [ "$(id -u)" = 0 ] || skip "only root can give a folder away"
    small_set
    mkdir "$models"
    chown 12345 "$models"
    SUDO_UID=12345 SUDO_USER=ada run vanta_setup small-a
    exits 2
    contains "ada"
    contains "without sudo"
    [ -z "$(ls -A "$models")" ]
    SUDO_UID=12345 run vanta_setup small-a --force
    exits 0
}

@test "a damaged registry stops the setup before the first byte" {
    small_set
    vanta_setup small-a
    printf '{"models": [' >"$models/registry/registry.json"
    run vanta_setup small-b
    exits 3
    contains "vanta registry rebuild"
    [ ! -e "$models/embeddings" ]
}

@test "two setups at once: one does it, the other finds it done" {
    model big llm "$(file big.gguf 60000000 z)"
    write_catalog
    vanta_setup big >"$BATS_TEST_TMPDIR/one" 2>&1 &
    one=$!
    vanta_setup big >"$BATS_TEST_TMPDIR/two" 2>&1 &
    two=$!
    wait "$one"
    wait "$two"
    cmp "$upstream/big.gguf" "$models/llm/big/big.gguf"
    [ "$(cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two" | grep -c '^big .*was there')" -ge 1 ] ||
        [ "$(cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two" | grep -c '^big .*untested')" = 2 ]
    [ -z "$(find "$models" -name '*.partial')" ]
}

@test "a second setup waits for a model's lock and says so" {
    small_set
    command -v flock >/dev/null || skip "flock is not installed"
    mkdir -p "$models/llm"
    flock "$models/llm/.small-a.lock" sleep 2 &
    sleep 0.3
    run vanta_setup small-a
    exits 0
    contains "waiting for it"
    wait
}

@test "names with control characters do not reach the terminal" {
    small_set
    run vanta_setup $'small\e[31m-a'
    exits 2
    lacks $'\e['
}

# --- several at once ------------------------------------------------------------------

# All that the registry has is there and right, and nothing is on its way.
in_step() {
    run "$VANTA" verify --catalog "$catalog"
    exits 0
    run "$VANTA" registry check --catalog "$catalog"
    exits 0
    [ -z "$(find "$models" -name '*.partial' -o -name '*.tmp-*')" ]
}

@test "setup and remove of one model at the same time leave all or nothing" {
    local round pid pids code n=0

    small_set
    vanta_setup --profile duo --quiet
    for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
        pids=
        for command in "remove small-b --yes" "setup small-b small-a --quiet" \
            "remove small-b --yes" "setup small-b --quiet"; do
            # shellcheck disable=SC2086 # words
            n=$((n + 1))
            "$VANTA" $command --catalog "$catalog" >"log.${command%% *}.$n" 2>&1 3>&- &
            pids="$pids $!"
        done
        for pid in $pids; do
            code=0
            wait "$pid" || code=$?
            # A remove may find the model gone, or held by a set-up.
            [ "$code" -eq 0 ] || [ "$code" -eq 3 ]
        done
        in_step
        if "$VANTA" path small-b --catalog "$catalog" >where 2>/dev/null; then
            [ -f "$(cat where)/b.json" ] && [ -f "$(cat where)/b/model.bin" ]
        else
            [ ! -e "$models/embeddings/small-b/b.json" ]
        fi
        "$VANTA" path small-a --catalog "$catalog" >/dev/null # nobody removed that one
    done
    ! grep -h . log.remove.* | grep -vE \
        'removed small-b|held by process|Another vanta works|not registered|meanwhile|The catalog has it|Did you mean' ||
        false
    vanta_setup small-b --quiet
    in_step
}

@test "libraries planted in the current folder are not loaded" {
    local cc name

    cc=$(command -v cc || command -v gcc || command -v clang) || skip "no compiler here"
    cat >planted.c <<END
#include <stdio.h>
__attribute__((constructor)) static void run(void)
{
    FILE *file = fopen("$BATS_TEST_TMPDIR/was-loaded", "w");
    if (file)
        fclose(file);
}
END
    "$cc" -shared -fPIC planted.c -o planted.so
    for name in libcurl.so.4 libcurl-gnutls.so.4 libcurl.so libarchive.so.13 libarchive.so \
        libjansson.so.4 libcrypto.so.3 libcurl.4.dylib libarchive.13.dylib; do
        cp planted.so "$name"
    done
    # The hub is asked (libcurl), and a member is taken out of an archive (libarchive).
    export HF_ENDPOINT=http://127.0.0.1:1
    python3 -c 'import zipfile
with zipfile.ZipFile("'"$upstream"'/a.zip", "w") as z: z.writestr("in/m.gguf", b"m" * 300)'
    printf 'm%.0s' $(seq 300) >"$upstream/m"
    model zipped llm "{\"path\": \"m.gguf\", \"size_bytes\": 300,
        \"sha256\": \"$(sha256 "$upstream/m")\",
        \"sources\": [\"file:$upstream/a.zip!/in/m.gguf\"]}"
    model far llm "{\"path\": \"u.gguf\", \"size_bytes\": 300, \"sources\":
        [\"hf:a/b@0123456789abcdef0123456789abcdef01234567/u.gguf\"],
        \"sha256\": \"$(printf %064d 7)\"}"
    write_catalog
    # One that is loaded does tell: LD_LIBRARY_PATH is the user's own word.
    if [ "$(uname)" = Linux ]; then
        mkdir theirs
        cp planted.so theirs/libcurl.so.4
        LD_LIBRARY_PATH=$PWD/theirs run vanta_setup far --dry-run
        [ -e "$BATS_TEST_TMPDIR/was-loaded" ]
        rm "$BATS_TEST_TMPDIR/was-loaded"
    fi
    run vanta_setup zipped
    exits 0
    run vanta_setup far --dry-run
    exits 3
    contains "Connection refused"
    LD_LIBRARY_PATH='' run vanta_setup far --dry-run
    exits 3
    [ ! -e "$BATS_TEST_TMPDIR/was-loaded" ]
}
