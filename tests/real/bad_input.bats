# Bad input and bad files, with the real engines and real models: each is answered, or named
# with its cause and an exit code; vanta goes on, and no receipt says what was not tested.
load ../helpers
load models

setup_file() {
    models_setup_file
}

setup() {
    models_setup
    needs_engine
    export VANTA_MODELS_DIR=$fixture
    encoder=all-MiniLM-L6-v2
}

a_megabyte() {
    python3 -c 'print("word " * 200000)'
}

# --- texts ---

@test "texts to embed: empty, a megabyte, invalid UTF-8, control characters alone" {
    run --separate-stderr bash -c '"$1" run "$2" "" --json' - "$VANTA" "$encoder"
    exits 0
    echo "$output" >one.json
    run bash -c ': | "$1" run "$2"' - "$VANTA" "$encoder"
    exits 2
    contains "there is no text to embed"
    a_megabyte >long
    run --separate-stderr bash -c '"$1" run "$2" --json <long' - "$VANTA" "$encoder"
    exits 0
    [[ $stderr == *"1 of 1 texts are longer than the model takes"* ]]
    echo "$output" >two.json
    run --separate-stderr bash -c 'printf "\377\376 caf\351\n\001\002\033\177\n" |
        "$1" run "$2" --json' - "$VANTA" "$encoder"
    exits 0
    echo "$output" >three.json
    python3 - <<'END'
import json, math

vectors = [t["vector"] for name in ("one", "two", "three")
           for t in json.load(open(name + ".json"))["texts"]]
assert len(vectors) == 4
for v in vectors:
    assert len(v) == 384 and abs(math.sqrt(sum(x * x for x in v)) - 1) < 1e-4

def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))

# Control characters are no tokens: what is left of the last text is the empty one.
assert cosine(vectors[0], vectors[3]) > 0.9999
assert cosine(vectors[0], vectors[1]) < 0.9 and cosine(vectors[0], vectors[2]) < 0.99
END
}

@test "prompts: empty, a megabyte, invalid UTF-8, control characters alone" {
    run bash -c ': | "$1" run "$2"' - "$VANTA" "$(writer)"
    exits 2
    contains "the prompt is empty"
    a_megabyte >long
    run bash -c '"$1" run "$2" <long' - "$VANTA" "$(writer)"
    exits 3
    grep -qE 'the prompt has 200[0-9]{3} tokens; the context has room for 4096' <<<"$output"
    for bytes in '\377\376 caf\351' '\001\002\033'; do
        run --separate-stderr bash -c 'printf "$3" | "$1" run "$2" -n 3 --json' - "$VANTA" \
            "$(writer)" "$bytes"
        exits 0
        python3 -c 'import json, sys
said = json.loads(sys.argv[1])
assert 1 <= said["generated_tokens"] <= 3 and said["prompt_tokens"] > 3, said' "$output"
    done
}

@test "a prompt longer than the context that was asked for; an answer that fills it" {
    head -c 3000 <(a_megabyte) >long
    run bash -c '"$1" run "$2" --context 64 <long' - "$VANTA" "$(writer)"
    exits 3
    grep -qE 'the prompt has 6[0-9]{2} tokens; the context has room for (64|256)' <<<"$output"
    head -c 1000 <(a_megabyte) >fits # about 200 tokens and the chat's own
    run --separate-stderr bash -c '"$1" run "$2" --plain --context 64 -n 400 --json <fits' - \
        "$VANTA" "$(writer)"
    exits 0
    python3 -c 'import json, sys
said = json.loads(sys.argv[1])
assert said["prompt_tokens"] + said["generated_tokens"] <= 260, said
assert said["context_full"] or said["ended"], said' "$output"
}

# --- recordings ---

# recordings FILE: of the real recording, one of each kind that has to sound the same, and
# one that was cut.
recordings() {
    python3 - "$1" <<'END'
import struct, sys, wave

with wave.open(sys.argv[1]) as f:
    samples = struct.unpack(f"<{f.getnframes()}h", f.readframes(f.getnframes()))
    assert f.getframerate() == 16000 and f.getnchannels() == 1

def write(name, rate, channels, width, data):
    with wave.open(name, "wb") as f:
        f.setnchannels(channels)
        f.setsampwidth(width)
        f.setframerate(rate)
        f.writeframes(data)

write("8bit.wav", 16000, 1, 1, bytes(min(s + 32896 >> 8, 255) for s in samples))
write("24bit-stereo.wav", 16000, 2, 3,
      b"".join(struct.pack("<i", s << 8)[:3] * 2 for s in samples))
fine = []
for a, b in zip(samples, samples[1:]):
    fine += [a + (b - a) * i // 6 for i in range(6)]
write("96khz.wav", 96000, 1, 2, struct.pack(f"<{len(fine)}h", *fine))
open("cut.wav", "wb").write(open(sys.argv[1], "rb").read()[:200000])
END
}

heard() {
    "$VANTA" run whisper-base "$1" --language en 2>warnings |
        tr 'A-Z' 'a-z' | tr -sc "a-z" ' ' | sed 's/^ //; s/ $//'
}

@test "8-bit, 24-bit in stereo, 96 kHz: the same words; one that was cut: those it has" {
    needs_recording
    recordings "$recording"
    said="and so my fellow americans ask not what your country can do for you"
    said="$said ask what you can do for your country"
    # In the noise of 8 bits an ending may be lost.
    run heard 8bit.wav
    [[ $output == "and so my fellow america"*" ask${said#*americans ask}" && $output =~ ^.{102,104}$ ]] ||
        { echo "8bit: $output"; return 1; }
    for file in 24bit-stereo 96khz; do
        run heard $file.wav
        [ "$output" = "$said" ] || { echo "$file: $output"; return 1; }
        [ ! -s warnings ]
    done
    run heard cut.wav
    [[ $output == "and so my fellow americans ask not"* && $output != *"your country ask"* ]]
    grep -q "ends before its header says" warnings
}

@test "empty, without a sample, silent, not audio" {
    python3 - <<'END'
import wave

for name, n in (("none", 0), ("silent", 48000)):
    with wave.open(name + ".wav", "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(16000)
        f.writeframes(bytes(2 * n))
END
    : >empty.wav
    echo "this is no recording at all" >text.wav
    run "$VANTA" run whisper-base empty.wav
    exits 3
    contains "empty.wav: an empty file"
    run "$VANTA" run whisper-base text.wav
    exits 3
    contains "text.wav: not audio"
    run --separate-stderr "$VANTA" run whisper-base none.wav
    exits 0
    [[ -z $output && $stderr == *"no speech was heard in 0.0 s"* ]]
    run --separate-stderr "$VANTA" run whisper-base silent.wav
    exits 0
    [[ -z $output && $stderr == *"no speech was heard in 3.0 s"* ]]
}

# Of eleven seconds, and of three hours of silence before them: the same words, at their
# time, in as much memory.
@test "three hours stream in bounded memory" {
    needs_recording
    cat >measure.py <<'END'
import json, os, resource, struct, subprocess, sys, wave

vanta, recording = sys.argv[1:]
with wave.open(recording) as f:
    sound = f.readframes(f.getnframes())
quiet = 3 * 3600 * 16000 * 2

def heard(name):
    """Of all processes below this one, in bytes: the helper is the largest."""
    pid = os.fork()
    if pid == 0:
        done = subprocess.run([vanta, "run", "whisper-base", name, "--language", "en",
                               "--json", "-q"], stdout=subprocess.PIPE)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        json.dump([done.returncode, json.loads(done.stdout), peak], open("result", "w"))
        os._exit(0)
    os.waitpid(pid, 0)
    return json.load(open("result"))

with open("long.wav", "wb") as f:
    n = quiet + len(sound)
    f.write(b"RIFF" + struct.pack("<I", 36 + n) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + struct.pack("<I", n))
    f.seek(quiet, 1)
    f.write(sound)
code, short, short_peak = heard(recording)
assert code == 0, short
code, long, long_peak = heard("long.wav")
assert code == 0, long
assert long["text"].strip() == short["text"].strip(), long["text"]
assert abs(long["audio_s"] - 10811) < 0.1, long["audio_s"]
assert long["segments"][0]["start_ms"] >= 3 * 3600 * 1000, long["segments"][0]
assert short_peak > 150e6, "this is not the helper"
assert long_peak < short_peak + 50e6, (short_peak, long_peak)
print(f"{short_peak / 1e6:.0f} MB, of three hours {long_peak / 1e6:.0f} MB")
END
    run python3 measure.py "$VANTA" "$recording"
    exits 0
    echo "# $output" >&3
}

# --- models ---

@test "a model changed or deleted after it was verified: no receipt, exit 1" {
    link_models
    export VANTA_MODELS_DIR=$models
    had=$(receipts $encoder)
    file=$models/embeddings/$encoder/model.f16.gguf
    own_file "$file"
    python3 - "$file" <<'END'
import sys

with open(sys.argv[1], "r+b") as f:
    f.seek(30000000)
    byte = f.read(1)[0]
    f.seek(30000000)
    f.write(bytes([byte ^ 1]))
END
    run "$VANTA" test $encoder
    exits 1
    contains model.f16.gguf
    [ "$(receipts $encoder)" -eq "$had" ]
    [ "$(state_of $encoder)" = corrupt ]
    run "$VANTA" test $encoder # hashed again: it could have been put right
    exits 1
    contains "bytes differ"
    [ "$(receipts $encoder)" -eq "$had" ]

    rm "$models/whisper/whisper-base/ggml-base.bin"
    had=$(receipts whisper-base)
    run "$VANTA" test whisper-base
    exits 1
    contains "ggml-base.bin is not there"
    [ "$(receipts whisper-base)" -eq "$had" ]
    run "$VANTA" run whisper-base /dev/null
    exits 3
    contains "whisper-base is missing"
}

@test "no engine: models are verified, and it is said how to get one" {
    link_models
    export VANTA_MODELS_DIR=$models
    mkdir alone
    cp "$VANTA" alone/vanta
    rm -rf "$models/registry"
    run alone/vanta setup --profile lite --offline
    exits 0
    contains "Not tested: "
    contains "scripts/setup_all_models.sh builds them"
    run alone/vanta verify
    exits 0
    run alone/vanta list
    contains untested
    run alone/vanta test $encoder
    exits 3
    contains "scripts/setup_all_models.sh builds them"
    run alone/vanta run $encoder text
    exits 3
    contains "scripts/setup_all_models.sh builds them"
}

@test "less memory than the model needs" {
    command -v prlimit >/dev/null || skip "prlimit is Linux's"
    link_models
    export VANTA_MODELS_DIR=$models
    had=$(receipts whisper-base)
    run prlimit --data=100000000 "$VANTA" test whisper-base
    exits 3
    contains "ran out of memory"
    contains "take a smaller model"
    [ "$(receipts whisper-base)" -eq "$had" ]
    run prlimit --data=100000000 "$VANTA" run "$(writer)" hello
    exits 3
    contains "no room for a context of 4096 tokens"
    contains "A smaller context needs less memory."
    # It goes on with what fits.
    run prlimit --data=100000000 "$VANTA" run $encoder text
    exits 0
}

# damaged KIND FILE: beside a registry that has their digests, copies of FILE cut at many
# places and with bits flipped in the header. Their bytes are what they should be, so that
# the model is what is wrong.
damaged() {
    python3 - "$models" "$1" "$2" <<'END'
import hashlib, json, os, sys

root, kind, source = sys.argv[1:]
size = os.path.getsize(source)
head = open(source, "rb").read(8 << 20)
gguf = head[:4] == b"GGUF"
folder = {"whisper": "whisper", "llm": "llm", "embedding": "embeddings"}[kind]
mark = head.find(b"token_embd.weight") if gguf else 48 + 80 * 201 * 4
assert mark > 0
# The magic, the header, the keys or filters, the names of tensors, the tensors.
cuts = [0, 3, 20, 48, 700, mark - 5, mark + 30, min(size // 2, 8 << 20)]
flips = [1, 5, 9, 14, 17, 25] if gguf else [1, 6, 11, 14, 23, 43]
models = []

def add(name, data):
    path = f"{folder}/{name}"
    file = "model.bin" if kind == "whisper" else "model.gguf"
    os.makedirs(f"{root}/{path}")
    with open(f"{root}/{path}/{file}", "wb") as f:
        f.write(data)
    digest = hashlib.sha256(data).hexdigest()
    models.append({
        "id": name, "name": name, "type": kind, "version": "1", "path": f"{path}/{file}",
        "format": "whisper-ggml" if kind == "whisper" else "gguf", "hash": digest,
        "date_added": "2026-01-02T03:04:05Z", "size_bytes": len(data),
        "files": [{"path": file, "size_bytes": len(data), "sha256": digest}],
        "verified": {"at": "2026-01-02T03:04:05Z", "digest": digest}})

for i, cut in enumerate(cuts):
    add(f"cut{i}", head[:cut])
for i, at in enumerate(flips):
    data = bytearray(head)
    data[at] ^= 0x40
    add(f"flip{i}", data)
os.makedirs(f"{root}/registry")
json.dump({"version": 2, "models": models}, open(f"{root}/registry/registry.json", "w"))
END
}

# Every one failed its test, but those whose flipped size asks for more memory than there is: that
# is no verdict, since another machine might have it.
every_one_failed() {
    python3 - "$models/registry/registry.json" <<'END'
import json, sys

tested = json.load(open("tested.json"))["models"]
assert len(tested) == 14, len(tested)
huge = {m["id"] for m in tested if m["status"] == "no-memory"}
assert len(huge) <= 4 and all(name.startswith("flip") for name in huge), huge
for m in tested:
    if m["id"] in huge:
        assert m["passed"] is False and m["ran"] is False, m
        continue
    assert m["passed"] is False and m["ran"] is True and m["status"] == "check", m
    # What is wrong, not merely that something is.
    assert m["message"].startswith(m["id"] + " failed its test: "), m["message"]
    assert len(m["message"]) > len(m["id"]) + 30, m["message"]
for entry in json.load(open(sys.argv[1]))["models"]:
    if entry["id"] in huge:
        assert not entry.get("tests"), entry
        continue
    assert len(entry["tests"]) == 1 and entry["tests"][0]["passed"] is False, entry
    assert entry["tests"][0]["digest"] == entry["hash"]
END
}

# test_damaged KIND FILE
test_damaged() {
    damaged "$1" "$2"
    run bash -c '"$1" test --models-dir "$2" --json >tested.json' - "$VANTA" "$models"
    exits 1
    every_one_failed
    # One that is not these bytes any more is no outcome of the model.
    python3 -c 'import sys
with open(sys.argv[1], "r+b") as f: f.write(b"x")' "$models"/*/flip0/model.*
    run "$VANTA" test flip0 --models-dir "$models"
    exits 1
    [ "$(receipts flip0)" -eq 1 ]
    run "$VANTA" run flip1 /dev/null --models-dir "$models"
    exits 3
}

@test "a language model cut at each structure, bits of its header flipped" {
    test_damaged llm "$(echo "$fixture/llm/$(writer)"/*.gguf)"
}

@test "a Whisper model cut at each structure, bits of its header flipped" {
    test_damaged whisper "$fixture/whisper/whisper-base/ggml-base.bin"
}

@test "a sentence encoder cut at each structure, bits of its header flipped" {
    test_damaged embedding "$fixture/embeddings/$encoder/model.f16.gguf"
}
