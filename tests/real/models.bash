# models.bash - for suites with the models of profile lite (fixture.sh):
#
#     load ../helpers
#     load models
#     setup_file() { models_setup_file; }
#     setup() { models_setup; }
#
# Sets $fixture, the folder that has them, and $models, where link_models makes a root of
# the test's own: a test that changes a file copies that one first (own_file).

models_setup_file() {
    if [ "${VANTA_REAL:-}" = 0 ]; then
        echo "# VANTA_REAL=0: the tests with real models are LEFT OUT" >&3
        return 0
    fi
    export FIXTURE_STATUS=0
    export FIXTURE_TEXT
    FIXTURE_TEXT=$("$VANTA_SOURCE_DIR/tests/real/fixture.sh" 2>&1) || FIXTURE_STATUS=$?
    echo "# ${FIXTURE_TEXT##*$'\n'}" >&3
}

models_setup() {
    [ "${VANTA_REAL:-}" != 0 ] || skip "VANTA_REAL=0"
    [ "$FIXTURE_STATUS" != 4 ] || skip "${FIXTURE_TEXT##*$'\n'}"
    if [ "$FIXTURE_STATUS" != 0 ]; then
        echo "$FIXTURE_TEXT"
        return 1
    fi
    fresh_home
    fixture=$VANTA_BINARY_DIR/real-models
    models=$BATS_TEST_TMPDIR/models
}

# A root of the test's own with the fixture's files linked, not copied.
link_models() {
    mkdir -p "$models"
    (cd "$fixture" && find . -type d) | while IFS= read -r dir; do
        mkdir -p "$models/$dir"
    done
    (cd "$fixture" && find . -type f ! -name '*.lock') | while IFS= read -r file; do
        ln "$fixture/$file" "$models/$file" 2>/dev/null || cp "$fixture/$file" "$models/$file"
    done
}

# The file, no longer the fixture's.
own_file() {
    cp "$1" "$1.own" && mv "$1.own" "$1"
}

needs_engine() {
    [ -x "$(dirname "$VANTA")/vanta-engine" ] ||
        skip "vanta-engine is not built here (make engine)"
}

# Sets $recording, eleven seconds of real speech.
needs_recording() {
    local code=0

    recording=$("$VANTA_SOURCE_DIR/tests/real/recording.sh" 2>"$BATS_TEST_TMPDIR/why") ||
        code=$?
    [ "$code" != 4 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/why")"
    [ "$code" = 0 ] || { cat "$BATS_TEST_TMPDIR/why"; return 1; }
}

# The language model of the profile: where only package indexes are reached, its sibling.
writer() {
    basename "$fixture"/llm/*
}

# receipts ID: how many the registry of $models has.
receipts() {
    python3 -c 'import json, sys
models = json.load(open(sys.argv[1]))["models"]
print(sum(len(m["tests"]) for m in models if m["id"] == sys.argv[2]))' \
        "$models/registry/registry.json" "$1"
}

# state_of ID
state_of() {
    "$VANTA" list --json --models-dir "$models" | python3 -c 'import json, sys
print(*[m["state"] for m in json.load(sys.stdin)["models"] if m["id"] == sys.argv[1]])' "$1"
}
