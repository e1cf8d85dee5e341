# vanta setup of XTTS-v2 from a model hub: the five files and the licence's text are asked
# for there, and each is judged by its digest, hash.md5 too.
load ../helpers
load server

# What hash.md5 of the published model says, and its digest in the catalog.
PUBLISHED=10f92b55c512af7a8d39d650547a15a7

setup() {
    fresh_home
    unset COQUI_TOS_AGREED TTS_HOME
    start_server
    models=$BATS_TEST_TMPDIR/models
    catalog=$BATS_TEST_TMPDIR/catalog.json
    folder=$models/tts/voice
    export HF_ENDPOINT=$URL VANTA_MODELS_DIR=$models
    "$VANTA_BINARY_DIR/tests/make_xtts" small "$FILES/xtts"
    echo 'No money may be made with it.' >"$FILES/xtts/LICENSE.txt"
    printf %s $PUBLISHED >"$FILES/xtts/hash.md5"
    voice_catalog
}

teardown() {
    stop_server
}

upstream() {
    printf '{"path": "%s", "size_bytes": %d, "sha256": "%s",
       "sources": ["hf:good/repo@0123456789abcdef0123456789abcdef01234567/xtts/%s"]}' "$1" \
        "$(wc -c <"$FILES/xtts/$1")" "$(sha "$FILES/xtts/$1")" "$1"
}

voice_catalog() {
    cat >"$catalog" <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1,
 "licenses": [{"id": "CPML", "name": "A licence", "override": true, "must_accept": true,
   "summary": "Non-commercial use only.", "text": $(upstream LICENSE.txt)}],
 "models": [
  {"id": "voice", "name": "Voice", "type": "tts", "version": "1", "format": "gguf",
   "license": "CPML", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [{"path": "voice.gguf", "magic": "gguf"}],
   "preparations": [{"id": "from-checkpoint", "version": 1, "kind": "xtts-gguf",
     "output": "voice.gguf", "weights": "q8_0", "inputs": [
       $(upstream model.pth), $(upstream config.json), $(upstream vocab.json),
       $(upstream hash.md5), $(upstream speakers_xtts.pth)]}]}]}
END_OF_CATALOG
}

vanta_setup() {
    "$VANTA" setup voice --catalog "$catalog" --no-test --accept-license CPML "$@" </dev/null
}

# inputs: what the registry says the model was made of, a name and a digest a line.
inputs() {
    python3 -c 'import json, sys
for m in json.load(open(sys.argv[1]))["models"]:
    for i in m["preparation"]["inputs"]: print(i["path"], i["sha256"])' \
        "$models/registry/registry.json"
}

# asked FILE: how often the hub was asked for it.
asked() {
    requests "GET /good/repo/resolve/[^ ]*/xtts/$1"
}

@test "the five files and the licence come from the hub, by their digests" {
    local file

    run vanta_setup
    exits 0
    contains "hf:good/repo"
    [ "$(head -c 4 "$folder/voice.gguf")" = GGUF ]
    for file in model.pth config.json vocab.json hash.md5 speakers_xtts.pth; do
        [ "$(asked $file)" -ge 1 ]
        inputs | grep -qxF "$file $(sha "$FILES/xtts/$file")"
        [ ! -e "$folder/$file" ]
    done
    [ "$(asked LICENSE.txt)" -ge 1 ]
    [ "$(inputs | wc -l)" -eq 5 ]
    cmp "$FILES/xtts/LICENSE.txt" "$folder/.license/LICENSE.txt"
    [ ! -e "$models/tts/.voice.partial" ]
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
    : >"$LOG"
    run vanta_setup
    exits 0
    [ ! -s "$LOG" ]
}

@test "--keep-source keeps all five" {
    local file

    run vanta_setup --keep-source
    exits 0
    for file in model.pth config.json vocab.json hash.md5 speakers_xtts.pth; do
        cmp "$FILES/xtts/$file" "$folder/.source/$file"
    done
}

@test "another hash.md5 than the catalog's, or none: nothing is converted; the right one is enough then" {
    local how

    for how in other none; do
        printf %032d 0 >"$FILES/xtts/hash.md5"
        [ $how = other ] || rm "$FILES/xtts/hash.md5"
        run vanta_setup
        if [ $how = other ]; then
            exits 1
            contains "voice/hash.md5"
            contains "has SHA-256"
        else
            exits 3
            contains "voice/hash.md5"
            contains "the repository has no such file"
        fi
        [ ! -e "$folder/voice.gguf" ]
        run "$VANTA" path voice --catalog "$catalog"
        exits 3
        : >"$LOG"
        printf %s $PUBLISHED >"$FILES/xtts/hash.md5"
        run vanta_setup
        exits 0
        [ "$(asked hash.md5)" -ge 1 ]
        [ "$(asked model.pth)" -eq 0 ] # it was there already, and right
        rm -r "$models"
    done
}

@test "the built-in catalog has the five files, and hash.md5 as it was published" {
    "$VANTA" catalog show coqui-XTTS-v2 --json | python3 -c '
import hashlib, json, sys

def find(value):
    if isinstance(value, dict):
        if value.get("path") and value.get("sha256"):
            yield value["path"], value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from find(one)

files = dict(find(json.load(sys.stdin)))
five = {"model.pth", "config.json", "vocab.json", "hash.md5", "speakers_xtts.pth"}
assert five <= set(files), files
assert files["hash.md5"]["size_bytes"] == 32
assert files["hash.md5"]["sha256"] == hashlib.sha256(sys.argv[1].encode()).hexdigest()' \
        $PUBLISHED
}
