# Sentence encoders for real: the GGUF's tensors are those that llama.cpp's converter writes,
# the file is the same one everywhere, and the tokenizer's ids are the reference's.
# all-mpnet-base-v2 (457 MB more) with VANTA_REAL=all.
#
# tests/data/minilm_tensors.tsv: name, shape, SHA-256 of the data as f32, type in the f16
# file, SHA-256 of that where it differs; of what convert_hf_to_gguf.py of llama.cpp v0.5.0
# writes. tests/data/encoder_ids.json: ids by transformers 5.23.0 (a text may be [TEXT, N]).
load ../helpers

setup_file() {
    [ "${VANTA_REAL:-}" = 0 ] && return 0
    export FIXTURE_STATUS=0
    export FIXTURE_TEXT
    FIXTURE_TEXT=$("$VANTA_SOURCE_DIR/tests/real/fixture.sh" all-MiniLM-L6-v2 2>&1) ||
        FIXTURE_STATUS=$?
}

setup() {
    [ "${VANTA_REAL:-}" != 0 ] || skip "VANTA_REAL=0"
    [ "$FIXTURE_STATUS" != 4 ] || skip "${FIXTURE_TEXT##*$'\n'}"
    if [ "$FIXTURE_STATUS" != 0 ]; then
        echo "$FIXTURE_TEXT"
        return 1
    fi
    fresh_home
    minilm=$VANTA_BINARY_DIR/real-models/embeddings/all-MiniLM-L6-v2
    mpnet=$VANTA_BINARY_DIR/real-models/embeddings/all-mpnet-base-v2
    driver=$VANTA_BINARY_DIR/tests/real/wordpiece_driver
}

with_mpnet() {
    [ "${VANTA_REAL:-}" = all ] || skip "457 MB more; VANTA_REAL=all runs it"
    run "$VANTA_SOURCE_DIR/tests/real/fixture.sh" all-mpnet-base-v2
    [ "$status" -ne 4 ] || skip "${lines[-1]}"
    exits 0
}

# same_file FOLDER TYPE SHA256: the GGUF has this digest.
same_file() {
    run --separate-stderr "$VANTA" convert "$1" --to gguf --type "$2" -o out.gguf --force
    exits 0
    [ "${output%% *}" = "$3" ] || { echo "$2 is $output"; return 1; }
}

# Compares FILE's tensors with the column of the table that belongs to TYPE.
tensors_are_llama_cpps() {
    python3 - "$1" "$2" "$VANTA_SOURCE_DIR/tests/data/minilm_tensors.tsv" <<'END'
import hashlib, struct, sys

data, kind = open(sys.argv[1], "rb").read(), sys.argv[2]
at = 4


def number(fmt):
    global at
    value = struct.unpack_from("<" + fmt, data, at)[0]
    at += struct.calcsize("<" + fmt)
    return value


def string():
    global at
    size = number("Q")
    at += size
    return data[at - size:at].decode()


def skip(kind):
    global at
    if kind == 8:
        string()
    elif kind == 9:
        inner = number("I")
        for _ in range(number("Q")):
            skip(inner)
    else:
        at += 1 if kind == 7 else 4


assert data[:4] == b"GGUF" and number("I") == 3
tensors, keys = number("Q"), number("Q")
for _ in range(keys):
    string()
    skip(number("I"))
found = []
for _ in range(tensors):
    name = string()
    extents = [number("Q") for _ in range(number("I"))]
    found.append((name, extents, number("I"), number("Q")))
start = (at + 31) // 32 * 32
lines = [line.rstrip("\n").split("\t") for line in open(sys.argv[3])]
assert [t[0] for t in found] == [line[0] for line in lines], "names or their order differ"
for (name, extents, number_of, offset), (_, shape, f32, of_f16, f16) in zip(found, lines):
    size = {0: 4, 1: 2}[number_of]
    for extent in extents:
        size *= extent
    assert "x".join(map(str, extents)) == shape, name
    assert number_of == (1 if kind == "f16" and of_f16 == "F16" else 0), name
    wanted = f32 if kind == "f32" or f16 == "-" else f16
    digest = hashlib.sha256(data[start + offset:start + offset + size]).hexdigest()
    assert digest == wanted, name
assert len(found) == 101
END
}

# Texts of the table through the tokenizer, with both forms of the vocabulary.
ids_are_the_references() {
    python3 - "$driver" "$@" "$VANTA_SOURCE_DIR/tests/data/encoder_ids.json" <<'END'
import json, os, subprocess, sys

driver, folder, kind, table = sys.argv[1:]
model = json.load(open(table))[os.path.basename(folder)]
cases = [(t if isinstance(t, str) else t[0] * t[1], ids) for t, ids in model["cases"]]
assert len(cases) > 60
lines = "".join(text.encode().hex() + "\n" for text, _ in cases)
for form in ([], ["vocab"]):
    done = subprocess.run([driver, folder, kind, str(model["max_tokens"]), *form],
                          input=lines, capture_output=True, text=True, check=True)
    got = [[int(word) for word in line.replace("cut", "").split()]
           for line in done.stdout.splitlines()]
    assert len(got) == len(cases)
    for (text, ids), there in zip(cases, got):
        assert ids == there, (form, text[:60], ids[:20], there[:20])
END
}

@test "MiniLM's tensors are those of llama.cpp's converter" {
    for type in f32 f16; do
        "$VANTA" convert "$minilm" --to gguf --type "$type" -o "$type.gguf"
        tensors_are_llama_cpps "$type.gguf" "$type"
    done
}

@test "MiniLM's files are the same on every machine" {
    same_file "$minilm" f32 79198c1b623d48e0ddaa0699a11531024167e3bbb0fe96846298f8f9033df027
    same_file "$minilm" f16 e2803b74887088e7238801f8684e47f39ebc1bcd62728dbcccb5b81307888147
    same_file "$minilm" q8_0 572faf424efb07b2cabd8b3091196f30c0141b3b1d8639b62cda0a1062fddd36
}

@test "MiniLM's ids are the reference's" {
    ids_are_the_references "$minilm" bert
}

@test "MPNet's files are the same on every machine (VANTA_REAL=all)" {
    with_mpnet
    same_file "$mpnet" f32 fe4e771a770c6f95df7d0203d801b4701cf2744fd6196fb10b597649f3d4dc68
    same_file "$mpnet" f16 60799137edf7eb1e541bb545207922ac65eedc894c50b290687edc13c3585ef9
    same_file "$mpnet" q8_0 0610a23ae3fd3aabb86bc27c9d613f25d3d4ead001d5e25401c217133c3698a2
}

@test "MPNet's ids are the reference's (VANTA_REAL=all)" {
    with_mpnet
    ids_are_the_references "$mpnet" mpnet
}
