# Sentence encoders for real: our vectors are the reference's, for all types of weights, on
# our own loops and on ggml's operators, and llama.cpp has the same ones for the same ids.
# all-mpnet-base-v2 (457 MB more) with VANTA_REAL=all.
#
# tests/data/encoder_vectors.json: for each text the ids and the vector (base64 of f32) by
# sentence-transformers 6.2.0, transformers 5.23.0, torch 2.13 in f32; among the texts the
# empty one, one of 384 equal words, many scripts, emoji and control characters.
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
    driver=$VANTA_BINARY_DIR/tests/real/encoder_driver
    [ -x "$VANTA_BINARY_DIR/vanta-engine" ] || skip "built without the engines (VANTA_ENGINE=OFF)"
    [ -x "$driver" ]
    [ "$FIXTURE_STATUS" != 4 ] || skip "${FIXTURE_TEXT##*$'\n'}"
    if [ "$FIXTURE_STATUS" != 0 ]; then
        echo "$FIXTURE_TEXT"
        return 1
    fi
    fresh_home
    embeddings=$VANTA_BINARY_DIR/real-models/embeddings
}

# vectors_agree MODE TYPE MODEL COSINE: converts the model, runs it, compares every text.
vectors_agree() {
    run "$VANTA" convert "$embeddings/$3" --to gguf --type "$2" -o "$3.$2.gguf" --force
    exits 0
    python3 - "$driver" "$1" "$3.$2.gguf" "$3" "$4" \
        "$VANTA_SOURCE_DIR/tests/data/encoder_vectors.json" <<'END'
import base64, json, math, struct, subprocess, sys

driver, mode, file, model, least, table = sys.argv[1:]
cases = json.load(open(table))[model]
assert len(cases) == 28
lines = "".join(" ".join(map(str, ids)) + "\n" for ids, _ in cases)
done = subprocess.run([driver, mode, file], input=lines.encode(), capture_output=True)
assert done.returncode == 0, done.stderr
size = len(done.stdout) // len(cases)
worst = 2
for i, (ids, vector) in enumerate(cases):
    wanted = base64.b64decode(vector)
    assert len(wanted) == size
    a = struct.unpack(f"<{size // 4}f", wanted)
    b = struct.unpack_from(f"<{size // 4}f", done.stdout, i * size)
    assert abs(math.sqrt(sum(x * x for x in b)) - 1) < 1e-4
    cosine = sum(x * y for x, y in zip(a, b)) / math.sqrt(
        sum(x * x for x in a) * sum(x * x for x in b))
    worst = min(worst, cosine)
    assert cosine >= float(least), f"text {i}, {len(ids)} tokens: {cosine}"
print(f"{model} {mode} {file}: least cosine {worst:.6f}")
END
}

with_mpnet() {
    [ "${VANTA_REAL:-}" = all ] || skip "457 MB more; VANTA_REAL=all runs it"
    run "$VANTA_SOURCE_DIR/tests/real/fixture.sh" all-mpnet-base-v2
    [ "$status" -ne 4 ] || skip "${lines[-1]}"
    exits 0
}

@test "MiniLM: f32, f16 and q8_0 give the reference's vectors" {
    vectors_agree ids f32 all-MiniLM-L6-v2 0.9999
    vectors_agree ids f16 all-MiniLM-L6-v2 0.999
    vectors_agree ids q8_0 all-MiniLM-L6-v2 0.999
}

@test "MiniLM on ggml's own operators" {
    vectors_agree plain f32 all-MiniLM-L6-v2 0.9999
    vectors_agree plain f16 all-MiniLM-L6-v2 0.999
}

@test "llama.cpp loads MiniLM's file and gives the same vectors for the same ids" {
    vectors_agree llama f32 all-MiniLM-L6-v2 0.9999
    vectors_agree llama f16 all-MiniLM-L6-v2 0.999
}

@test "MPNet: f32, f16 and q8_0 give the reference's vectors" {
    with_mpnet
    vectors_agree ids f32 all-mpnet-base-v2 0.9999
    vectors_agree ids f16 all-mpnet-base-v2 0.999
    vectors_agree ids q8_0 all-mpnet-base-v2 0.999
    vectors_agree plain f32 all-mpnet-base-v2 0.9999
}
