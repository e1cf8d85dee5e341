# vanta setup of XTTS-v2: the licence first, then its checkpoint is fetched, converted and
# deleted.
load ../helpers

setup() {
    fresh_home
    unset COQUI_TOS_AGREED TTS_HOME
    upstream=$BATS_TEST_TMPDIR/upstream
    models=$BATS_TEST_TMPDIR/models
    catalog=$BATS_TEST_TMPDIR/catalog.json
    folder=$models/tts/voice
    gguf=$folder/voice.gguf
    export VANTA_MODELS_DIR=$models
    "$VANTA_BINARY_DIR/tests/make_xtts" small "$upstream"
    echo 'No money may be made with it.' >"$upstream/LICENSE.txt"
    voice_catalog
}

fact() {
    printf '"size_bytes": %s, "sha256": "%s", "sources": ["file:%s"]' \
        "$(wc -c <"$upstream/$1")" "$(digest_of "$upstream/$1")" "$upstream/$1"
}

# voice_catalog [LICENCE]: the model "voice".
voice_catalog() {
    local file inputs=''

    for file in model.pth config.json vocab.json speakers_xtts.pth; do
        inputs="$inputs${inputs:+, }{\"path\": \"$file\", $(fact $file)}"
    done
    cat >"$catalog" <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1,
 "licenses": [{"id": "${1:-CPML}", "name": "A licence", "override": true,
   "summary": "Non-commercial use only, of the model and of the speech it makes.",
   "must_accept": true, "text": {"path": "LICENSE.txt", $(fact LICENSE.txt)}}],
 "models": [
  {"id": "voice", "name": "Voice", "type": "tts", "version": "1", "format": "gguf",
   "license": "${1:-CPML}", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [{"path": "voice.gguf", "magic": "gguf"}],
   "preparations": [{"id": "from-checkpoint", "version": 1, "kind": "xtts-gguf",
     "output": "voice.gguf", "weights": "q8_0", "inputs": [$inputs]}]}]}
END_OF_CATALOG
}

vanta_setup() {
    "$VANTA" setup voice --catalog "$catalog" --no-test "$@" </dev/null
}

entry() {
    python3 -c 'import json, sys
for m in json.load(open(sys.argv[1]))["models"]:
    if m["id"] == "voice": print(eval(sys.argv[2], {"m": m}))' \
        "$models/registry/registry.json" "$1"
}

@test "no answer without a terminal: refused, with what to pass" {
    run vanta_setup
    exits 3
    contains "its licence, A licence, has to be accepted first"
    contains "--accept-license CPML"
    contains "Non-commercial use only, of the model and of the speech it makes."
    [ ! -e "$folder" ]
    [ -z "$(find "$models" -name '*.pth' 2>/dev/null)" ]
    COQUI_TOS_AGREED=0 run vanta_setup
    exits 3
    COQUI_TOS_AGREED=yes run vanta_setup
    exits 3
    run vanta_setup --accept-license MIT
    exits 3
}

# answered TEXT WORDS...: a setup at a terminal where TEXT is typed; what was shown is $output.
answered() {
    run python3 - "$@" <<'END'
import os, pty, sys

answer, words = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(words[0], words)
data, told = b"", False
while True:
    try:
        block = os.read(fd, 65536)
    except OSError:
        break
    if not block:
        break
    data += block
    if b"Accept it for voice?" in data and not told:
        os.write(fd, answer.encode() + b"\n")
        told = True
sys.stdout.buffer.write(data.replace(b"\r", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

@test "at a terminal the terms are shown and the answer is asked, no being the default" {
    for answer in '' n; do
        answered "$answer" "$VANTA" setup voice --catalog "$catalog" --no-test
        exits 3
        contains "No money may be made with it."
        contains "Non-commercial use only, of the model and of the speech it makes."
        contains "was not accepted"
        [ ! -e "$gguf" ]
    done
    answered y "$VANTA" setup voice --catalog "$catalog" --no-test
    exits 0
    [ "$(head -c 4 "$gguf")" = GGUF ]
    grep -q "$(digest_of "$upstream/LICENSE.txt")" "$folder/.license/accepted.json"
}

@test "accepted: the GGUF is made, the checkpoint is gone, both digests stay" {
    run vanta_setup --accept-license CPML
    exits 0
    [ "$(head -c 4 "$gguf")" = GGUF ]
    [ "$(find "$folder" -type f | sort)" = "$(printf '%s\n' "$folder/.license/LICENSE.txt" \
        "$folder/.license/accepted.json" "$gguf")" ]
    [ ! -e "$models/tts/.voice.partial" ]
    cmp "$upstream/LICENSE.txt" "$folder/.license/LICENSE.txt"
    grep -q "$(digest_of "$upstream/LICENSE.txt")" "$folder/.license/accepted.json"
    "$VANTA" convert "$upstream" --to xtts-gguf --catalog "$catalog" -o same.gguf
    cmp same.gguf "$gguf"
    run "$VANTA" convert "$upstream" --to xtts-gguf --type f16 --catalog "$catalog" -o f16.gguf
    contains "made of the weights of voice"
    [ "$(entry 'm["hash"]')" = "$(digest_of "$gguf")" ]
    [ "$(entry 'm["preparation"]["inputs"][0]["path"]')" = model.pth ]
    [ "$(entry 'm["preparation"]["inputs"][0]["sha256"]')" = "$(digest_of "$upstream/model.pth")" ]
    [ "$(entry 'len(m["preparation"]["inputs"])')" = 4 ]
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
    run "$VANTA" path voice --catalog "$catalog"
    [ "$output" = "$gguf" ]
    run "$VANTA" list --catalog "$catalog"
    contains untested
    for what in voice "$gguf"; do
        run "$VANTA" info $what --catalog "$catalog"
        exits 0
        contains "languages      en, es, fr, "
        contains "voices         2"
        run "$VANTA" info $what --json --catalog "$catalog"
        exits 0
        python3 - "$output" <<'SCRIPT'
import json, sys
d = json.loads(sys.argv[1])
speech = d["speech"] if "speech" in d else d["file"]
assert speech["voices"] == 2 and speech["languages"][:3] == ["en", "es", "fr"], d
assert all(l.islower() for l in speech["languages"]), d
SCRIPT
    done
    rm -r "$upstream"
    run vanta_setup
    exits 0
    contains "was there"
}

@test "a GGUF that has changed since is found, and made anew" {
    vanta_setup --accept-license CPML
    printf x | dd of="$gguf" bs=1 seek=200000 conv=notrunc 2>/dev/null
    run "$VANTA" verify voice --catalog "$catalog"
    exits 1
    run vanta_setup
    exits 0
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
    [ "$(entry 'm["hash"]')" = "$(digest_of "$gguf")" ]
    printf x | dd of="$gguf" bs=1 seek=300000 conv=notrunc 2>/dev/null
    run "$VANTA" verify voice --catalog "$catalog" --repair
    exits 0
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
    [ "$(entry 'm["hash"]')" = "$(digest_of "$gguf")" ]
}

@test "--keep-source" {
    run vanta_setup --accept-license CPML --keep-source
    exits 0
    for file in model.pth config.json vocab.json speakers_xtts.pth; do
        cmp "$upstream/$file" "$folder/.source/$file"
    done
    [ "$(head -c 4 "$gguf")" = GGUF ]
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
    "$VANTA" convert "$folder/.source" --to xtts-gguf --type f16 -o f16.gguf
}

@test "what was kept is taken again, without its source" {
    vanta_setup --accept-license CPML --keep-source
    mv "$upstream/model.pth" elsewhere
    printf x | dd of="$gguf" bs=1 seek=200000 conv=notrunc 2>/dev/null
    if "$VANTA" verify voice --catalog "$catalog"; then return 1; fi
    run vanta_setup
    exits 0
    cmp elsewhere "$folder/.source/model.pth"
    run "$VANTA" verify voice --catalog "$catalog"
    exits 0
}

@test "--weights" {
    for type in f16 f32 q8_0; do
        run vanta_setup --accept-license CPML --weights $type
        exits 0
        "$VANTA" convert "$upstream" --to xtts-gguf --type $type --catalog "$catalog" \
            -o $type.gguf
        cmp $type.gguf "$gguf"
        [ "$(entry 'm["quantization"].lower()')" = $type ]
        run "$VANTA" verify voice --catalog "$catalog"
        exits 0
        rm -r "$models"
    done
    run vanta_setup --accept-license CPML --weights q4_0
    exits 2
    contains "f32, f16 and q8_0"
}

@test "Coqui's own ways to agree count for its licence, and for no other" {
    COQUI_TOS_AGREED=1 run vanta_setup
    exits 0
    rm -r "$models"
    mkdir -p "$folder"
    echo 'I have read, understood and agreed to the Terms and Conditions.' >"$folder/tos_agreed.txt"
    run vanta_setup
    exits 0
    grep -q CPML "$folder/.license/accepted.json"
    rm -r "$models"
    theirs=.local/share/tts/tts_models--multilingual--multi-dataset--xtts_v2
    mkdir -p "$HOME/$theirs"
    : >"$HOME/$theirs/tos_agreed.txt"
    run vanta_setup
    exits 0
    rm -r "$models"
    voice_catalog Other
    COQUI_TOS_AGREED=1 run vanta_setup
    exits 3
    contains "--accept-license Other"
}

@test "a changed text asks again" {
    vanta_setup --accept-license CPML
    rm "$gguf"
    echo 'Nor may any be lost.' >>"$upstream/LICENSE.txt"
    voice_catalog
    run vanta_setup
    exits 3
    contains "--accept-license CPML"
}

@test "a checkpoint with another digest is not converted" {
    printf x | dd of="$upstream/model.pth" bs=1 seek=100000 conv=notrunc 2>/dev/null
    run vanta_setup --accept-license CPML
    exits 1
    contains "what came has SHA-256 $(digest_of "$upstream/model.pth")"
    [ ! -e "$gguf" ]
    run "$VANTA" path voice --catalog "$catalog"
    exits 3
}

@test "a checkpoint that names what can be run is refused by that name" {
    python3 - "$upstream/model.pth" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
class_, call = b"cTTS.tts.configs.xtts_config\nXttsConfig\n", b"cposix\nsystem"
assert class_ in data
call += b"_" * (len(class_) - len(call) - 1) + b"\n"
open(sys.argv[1], "wb").write(data.replace(class_, call))
END
    voice_catalog
    run vanta_setup --accept-license CPML
    [ "$status" -ne 0 ]
    contains "its pickle asks for posix.system_"
    contains "nothing of it was run"
    [ ! -e "$gguf" ]
}
