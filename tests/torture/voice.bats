# A disk that is full while a checkpoint of XTTS-v2 becomes a voice: in vanta setup, which
# asks for the licence, fetches, converts and registers, and in vanta convert alone.
load ../helpers
load torture

first=${VANTA_TEST_SEED:-$RANDOM}
rounds=${VANTA_TORTURE_ROUNDS:-20}
STRIDE=$((rounds < 500 ? 500 / rounds : 1))

setup() {
    fresh_home
    torture_stage
    small_disks
    "$VANTA_BINARY_DIR/tests/make_xtts" small "$STAGE/voice"
    echo 'No money may be made with it.' >"$STAGE/voice/LICENSE.txt"
    echo "VANTA_TEST_SEED=$first repeats this"
}

upstream() {
    fetched "$1" "$STAGE/voice/$1" "file:$STAGE/voice/$1"
}

# voice_catalog FACTS: the catalog with voice alone, of whose GGUF file this is known.
voice_catalog() {
    local file inputs=''

    for file in model.pth config.json vocab.json speakers_xtts.pth; do
        inputs="$inputs${inputs:+, }$(upstream $file)"
    done
    cat <<END_OF_CATALOG
{"format": "vanta-catalog", "version": 1,
 "licenses": [{"id": "CPML", "name": "A licence", "override": true, "must_accept": true,
   "summary": "Terms.", "text": $(upstream LICENSE.txt)}],
 "models": [
  {"id": "voice", "name": "Voice", "type": "tts", "version": "1", "format": "gguf",
   "license": "CPML", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
   "files": [{"path": "voice.gguf", $1}],
   "preparations": [{"id": "from-checkpoint", "version": 1, "kind": "xtts-gguf",
     "output": "voice.gguf", "weights": "q8_0", "inputs": [$inputs]}]}]}
END_OF_CATALOG
}

@test "setup: the disk is full at every stage" {
    voice_catalog '"magic": "gguf"' >"$CATALOG"
    "$VANTA" setup voice --accept-license CPML --catalog "$CATALOG" --no-test --quiet \
        --models-dir "$STAGE/try"
    voice_catalog "$(facts "$STAGE/try/tts/voice/voice.gguf")" >"$STAGE/known.json"
    full quota voice 4096 5600000 100000 7
    contains "exit 3 voice/model.pth: writing tts/.voice.partial/fetch"
    contains "exit 3 writing tts/.voice.partial/converted: No space left"
    contains "exit 0"
    full names voice 1 18 1 1
    contains "accepted.json: No space left"
    contains "exit 0"
    # What is asked before the first byte.
    full bytes voice 4096 6200000 300000 4
    contains "MB are needed on the disk"
    contains "exit 0"
}

@test "convert: too little room, and a disk that says it has plenty" {
    run --separate-stderr unshare "$MOUNTS" bash -c '
        convert() {
            local code=0

            env "$@" "$VANTA" convert "$STAGE/voice" --to xtts-gguf -o "$LIVE/voice.gguf" \
                >"$STAGE/digest" || code=$?
            echo "exit $code: $(ls -A "$LIVE")"
        }
        mount -t tmpfs -o size=1m tmpfs "$LIVE"
        convert
        convert LD_PRELOAD="$SHIM" SHIM_ROOT="$LIVE" SHIM_ROOM=1 SHIM_CLASS=
        mount -t tmpfs -o remount,size=8m tmpfs "$LIVE"
        convert'
    echo "$output"
    echo "$stderr"
    [ "$output" = $'exit 3: \nexit 3: \nexit 0: voice.gguf' ]
    [[ $stderr == *"$LIVE/voice.gguf: takes 1.57 MB, and 1.05 MB is free"* ]]
    [[ $stderr == *"$LIVE/voice.gguf: No space left on device"* ]]
    [ "$(grep -c 'make room there, or choose a place on another disk' <<<"$stderr")" -eq 2 ]
    [[ $stderr != *.tmp-* && $stderr != *"goes on where"* ]]
}
