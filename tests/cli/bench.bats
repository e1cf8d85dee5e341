# vanta bench: a table of medians, what the registry keeps, the comparison.
load ../helpers
load ../scripted

setup() {
    fresh_home
    scripted_models
    install_engine
}

# timed PROMPT_MS...: a writer that takes so long, one after the other.
timed() {
    local ms comma=''

    printf '{%s, "speed": [' "$(loaded)"
    for ms in "$@"; do
        printf '%s[{"ok": {"prompt_ms": %s, "generate_ms": 100}}]' "$comma" "$ms"
        comma=', '
    done
    printf ']}'
}

@test "a table: median, least, most; the next time compares" {
    timed 99999 512 256 1024 | script writer
    vanta setup writer --no-test
    run vanta bench writer --repeats 3
    exits 0
    contains "writer, 3 runs after a warm-up, fake"
    grep -qE '^FIGURE +MEDIAN +LEAST +MOST +LAST TIME' <<<"$output"
    grep -qE '^prompt of 512 tokens +1000.0 tokens/s +500.0 tokens/s +2000.0 tokens/s +-$' \
        <<<"$output"
    grep -qE '^loading \(once\) +3.500 ms' <<<"$output"
    lacks "The last time"
    # The warm-up, then one run.
    run vanta bench writer -r 1
    exits 0
    contains "The last time was 20"
    lacks "another machine"
    grep -qE '^prompt of 512 tokens .* same$' <<<"$output"
}

@test "better, worse, and another engine" {
    timed 512 | script writer
    vanta setup writer --no-test
    vanta bench writer -r 1
    # The last time was faster by half, and by another engine.
    sed -i.bak 's/"prompt_tokens_per_s": 1000.0/"prompt_tokens_per_s": 2000.0/
        s/"load_ms": 3.5/"load_ms": 7.0/; s/"engine_build": "fake"/"engine_build": "other"/' \
        "$MODELS/registry/registry.json"
    run vanta bench writer -r 1
    exits 0
    grep -qE '^prompt of 512 tokens .* -50 % worse$' <<<"$output"
    grep -qE '^loading \(once\) .* -50 % better$' <<<"$output"
    contains "on another machine or engine"
}

@test "--json" {
    timed 512 512 256 1024 | script writer
    vanta setup writer --no-test
    vanta bench writer --json -r 3 >out.json
    vanta bench writer --json -r 1 >again.json
    python3 - out.json again.json <<'SCRIPT'
import json, sys
d, again = (json.load(open(f)) for f in sys.argv[1:])
assert d["version"] == 1 and d["model"] == "writer" and d["engine"] == "fake"
assert d["repeats"] == 3 and d["last_at"] is None
f = {x["name"]: x for x in d["figures"]}
p = f["prompt_tokens_per_s"]
assert (p["median"], p["least"], p["most"]) == (1000, 500, 2000)
assert p["unit"] == "tokens/s" and p["more_is_better"] is True and p["last"] is None
assert f["load_ms"]["more_is_better"] is False
assert again["last_at"] and again["figures"][0]["last"] == 1000
SCRIPT
}

@test "speech and sentences have their own figures" {
    vanta setup listener finder --no-test
    run vanta bench listener -r 2
    exits 0
    grep -qE '^real-time factor +0.200 ' <<<"$output"
    run vanta bench finder -r 2
    exits 0
    grep -qE '^short sentences +128000.0 sentences/s' <<<"$output"
}

@test "what cannot be measured" {
    vanta setup writer tts-1 --no-test
    run vanta bench tts-1
    exits 3
    contains "paid for"
    run vanta bench writr
    exits 3
    contains "writer"
    rm "$MODELS/llm/writer/writer.gguf"
    run vanta bench writer
    exits 3
    contains "writer is missing"
    printf cut >"$MODELS/llm/writer/writer.gguf"
    run vanta bench writer
    exits 1
    contains "writer is corrupt"
    contains "vanta setup --models writer"
}

@test "a helper that dies: exit 3, nothing kept" {
    printf '{%s, "speed": [{"do": "abort"}]}' "$(loaded)" | script writer
    vanta setup writer --no-test
    run vanta bench writer
    exits 3
    contains SIGABRT
    not grep -q '"bench"' "$MODELS/registry/registry.json"
}

@test "usage" {
    for words in '' 'a b' 'a --repeats 0' 'a --repeats 101' 'a --repeats x' 'a --threads 2000'; do
        # shellcheck disable=SC2086
        run vanta bench $words
        exits 2
    done
}
