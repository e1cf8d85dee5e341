# vanta verify and remove.
load ../helpers

setup() {
    fresh_home
    make_models
}

verify() {
    run --separate-stderr "$VANTA" verify --catalog "$CATALOG" "$@"
}

@test "all models, small ones first" {
    verify
    exits 0
    [ "${#lines[@]}" -eq 4 ]
    [[ $output == *"finder"*"spoken"* ]]
    verify # now the sizes are known
    [[ ${lines[0]} == *tts-1* && ${lines[1]} == *finder* && ${lines[3]} == *writer* ]]
    grep -q '"digest"' "$MODELS/registry/registry.json"
}

@test "a wrong file is exit 1, named with both digests" {
    verify writer
    exits 0
    good=$(digest_of "$MODELS/llm/writer/writer.gguf")
    printf 'the WEIGHTS of a writer' >"$MODELS/llm/writer/writer.gguf"
    bad=$(digest_of "$MODELS/llm/writer/writer.gguf")
    verify
    exits 1
    contains "writer.gguf"
    contains "expected $good"
    contains "found    $bad"
    [[ $stderr == *"vanta setup writer"* ]]
    # Known from now on, though the size is right.
    run "$VANTA" list --catalog "$CATALOG"
    contains corrupt
}

@test "a missing file is exit 1; an unknown id is exit 3" {
    rm "$MODELS/embeddings/finder/sub/config.json"
    verify finder
    exits 1
    contains "sub/config.json: is not there"
    verify spoken nobody
    exits 3
    contains "ok   spoken"
    [[ $stderr == *"nobody is not registered"* ]]
}

@test "an API entry is exit 0 with and without its key" {
    verify tts-1
    exits 0
    contains "OPENAI_API_KEY is not set"
    OPENAI_API_KEY=sk-secret verify tts-1
    exits 0
    lacks sk-secret
    contains "its key is set"
}

@test "--json has all of it" {
    printf 'x' >>"$MODELS/whisper/spoken/ggml.bin"
    verify --json
    exits 1
    python3 - <<END
import json
d = json.loads('''$output''')
assert d["version"] == 1
m = {m["id"]: m for m in d["models"]}
assert m["writer"]["ok"] and m["writer"]["state"] == "untested", m
assert m["spoken"]["bad_file"] == "ggml.bin" and not m["spoken"]["ok"], m
assert len(m["spoken"]["expected"]) == 64 and len(m["spoken"]["found"]) == 64, m
assert m["tts-1"]["state"] == "needs-key", m
END
}

@test "--json has the ids that are not there, with the reason" {
    verify --json nope spoken $'no\033pe'
    exits 3
    [[ $stderr == *"nope is not registered"* ]]
    printf '%s' "$output" >out.json
    python3 - out.json <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
m = {m["id"]: m for m in d["models"]}
assert sorted(m) == ["no?pe", "nope", "spoken"], m
assert m["spoken"]["ok"] is True and m["spoken"]["status"] == "ok"
lost = m["nope"]
assert lost["ok"] is False and lost["status"] == "not-found" and lost["state"] is None
assert "nope is not registered" in lost["message"] and lost["recorded"] is False
assert set(lost) == set(m["spoken"]), lost
END
}

@test "--quiet names only what is wrong" {
    verify --quiet
    exits 0
    [ -z "$output" ]
}

@test "options that make no sense together are a usage error" {
    verify --quick --whole
    exits 2
    verify --dry-run
    exits 2
    verify --jobs 1000
    exits 2
    verify --limit-rate 1M
    exits 2
    verify --repair --connections 100
    exits 2
}

# big_file MIB [sparse]: a model "big" of so many MiB that is registered, and nothing known
# of its chunks; $big is its file, $chunks the file of its chunk digests to be.
big_file() {
    local digest

    big=$MODELS/llm/big/b.gguf
    mkdir -p "$MODELS/llm/big"
    truncate -s "$1M" "$big"
    [ "${2-}" = sparse ] || openssl enc -aes-128-ctr -nosalt -pass pass:big -pbkdf2 -iter 1 </dev/zero 2>/dev/null |
        head -c $(($1 << 20)) >"$big"
    digest=$(digest_of "$big")
    chunks=$MODELS/registry/chunks/$digest
    python3 - "$MODELS/registry/registry.json" "$digest" "$1" <<'END'
import json, sys
path, digest, mib = sys.argv[1:]
d = json.load(open(path))
d["models"].append({
    "id": "big", "type": "llm", "path": "llm/big/b.gguf", "format": "gguf",
    "hash": digest, "date_added": "2026-01-02T03:04:05Z", "size_bytes": int(mib) << 20,
    "files": [{"path": "b.gguf", "size_bytes": int(mib) << 20, "sha256": digest}]})
json.dump(d, open(path, "w"))
END
}

# peak COMMAND...: the most memory that it had at a time, in KiB. Python's own, some 10 MiB,
# is the least that is seen.
peak() {
    python3 - "$@" <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
}

# flip FILE BYTE
flip() {
    python3 - "$@" <<'END'
import os, sys
path, at = sys.argv[1], int(sys.argv[2])
times = os.stat(path)
with open(path, "r+b") as f:
    f.seek(at)
    byte = f.read(1)
    f.seek(at)
    f.write(bytes([byte[0] ^ 4]))
if len(sys.argv) > 3:
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
END
}

# hashed ID: bytes that a verification hashes of it.
hashed() {
    "$VANTA" verify "$@" --json --catalog "$CATALOG" | python3 -c '
import json, sys
m = json.load(sys.stdin)["models"][0]
print(m["bytes_hashed"], m["files_sampled"], m["ok"], m["bytes_wrong"])'
}

@test "chunk digests are recorded, used, and removed with their model" {
    big_file 20
    [ ! -e "$chunks" ]
    verify
    exits 0
    [ "$(wc -c <"$chunks")" -eq $((72 + 5 * 32 + 32)) ]
    [ "$(hashed big)" = "20971520 0 True 0" ]
    verify big --whole -j 1
    exits 0
    touch "$MODELS/registry/chunks/mine"
    run "$VANTA" remove writer -y --catalog "$CATALOG"
    exits 0
    [ -e "$chunks" ]
    run "$VANTA" remove big -y --catalog "$CATALOG"
    exits 0
    [ ! -e "$chunks" ]
    [ -e "$MODELS/registry/chunks/mine" ]
}

@test "a file 64 times as large takes no more memory, whole or by its chunks" {
    local mib how try large small_whole small_chunks

    [ -z "${VANTA_SANITIZE:-}" ] || skip "a sanitizer's own memory would be measured"
    cp "$MODELS/registry/registry.json" before
    for mib in 16 1024; do
        cp before "$MODELS/registry/registry.json"
        big_file $mib sparse
        for how in whole chunks; do
            # One process differs from the next by less, or one of three does.
            for try in 1 2 3; do
                [ $how = chunks ] || rm -f "$chunks"
                large=$(peak "$VANTA" verify big -j 2 --catalog "$CATALOG")
                echo "$mib MiB, $how: $large KiB"
                [ "$mib" -ne 16 ] && [ "$large" -ge $((small_$how + 512)) ] || break
            done
            [ "$mib" -eq 16 ] || [ "$large" -lt $((small_$how + 512)) ]
            declare "small_$how=$large"
        done
        [ -e "$chunks" ]
    done
}

@test "a chunk file that is cut, foreign, hostile or lies makes no right file wrong" {
    big_file 12
    verify big
    exits 0
    cp "$chunks" good
    for bad in cut empty text lie foreign giant; do
        cp good "$chunks"
        case $bad in
        cut) head -c 100 good >"$chunks" ;;
        empty) : >"$chunks" ;;
        text) echo '<html>' >"$chunks" ;;
        giant) truncate -s 60G "$chunks" || continue ;;
        *)
            python3 - "$chunks" "$bad" <<'END'
import hashlib, sys
path, kind = sys.argv[1:]
d = bytearray(open(path, "rb").read()[:-32])
d[80 if kind == "lie" else 30] ^= 1
open(path, "wb").write(bytes(d) + hashlib.sha256(d).digest())
END
            ;;
        esac
        verify big
        exits 0
        contains "ok   big"
        cmp good "$chunks" # and it is right again
    done
    rm "$chunks"
    ln -s /dev/zero "$chunks"
    verify big
    exits 0
    [ ! -L "$chunks" ]
}

@test "a chunk file makes no wrong file right" {
    big_file 12
    verify big
    exits 0
    good=$(digest_of "$big")
    flip "$big" 9000000
    verify big
    exits 1
    contains "found    $(digest_of "$big")"
    [[ "$(hashed big)" == *"False 4194304" ]]
    # Nor does the damaged file's own chunk file in its place.
    python3 - "$big" "$chunks" "$good" <<'END'
import hashlib, struct, sys
path, chunks, good = sys.argv[1:]
data = open(path, "rb").read()
text = b"VANTACHK" + struct.pack("<IIQ", 1, 4 << 20, len(data)) + hashlib.sha256(data).digest()
text += bytes(16)
for i in range(0, len(data), 4 << 20):
    text += hashlib.sha256(data[i:i + (4 << 20)]).digest()
open(chunks, "wb").write(text + hashlib.sha256(text).digest())
END
    verify big
    exits 1
    verify big --whole
    exits 1
}

@test "--quick samples what nobody wrote to, and hashes all else" {
    big_file 84
    [ "$(hashed --quick big)" = "88080384 0 True 0" ] # never seen: all of it
    [ "$(hashed --quick big)" = "29360128 1 True 0" ] # 3 pairs of chunks and the last one
    verify --quick big
    contains "unchanged by size, place and date"
    touch "$big"
    [ "$(hashed --quick big)" = "88080384 0 True 0" ]
    cp "$MODELS/registry/registry.json" before.json
    verify --quick big # what samples say is not recorded
    exits 0
    cmp before.json "$MODELS/registry/registry.json"
    # Damage without a trace in the file's date, in the chunk that is always looked at.
    flip "$big" $((84 * 1048576 - 1)) keep
    verify --quick big
    exits 1
    contains "found    $(digest_of "$big")"
    flip "$big" $((84 * 1048576 - 1)) keep
    # It was found wrong, so that no sample makes it right.
    [[ "$(hashed --quick big)" == "88080384 0 True 0" ]]
}

@test "a file that cannot be read is exit 3, and the others are verified" {
    chmod -R a+rX "$BATS_TEST_TMPDIR" && chmod -R a+w "$MODELS"
    chmod 0 "$MODELS/llm/writer/writer.gguf"
    run --separate-stderr as_user env HOME="$HOME" "$VANTA" verify --catalog "$CATALOG"
    chmod 644 "$MODELS/llm/writer/writer.gguf"
    exits 3
    contains "unknown writer:"
    contains "ermission denied"
    contains "ok   finder"
    contains "ok   spoken"
}

@test "a file that changes while it is hashed is neither right nor wrong" {
    big_file 12
    verify big
    exits 0
    cp "$MODELS/registry/registry.json" before.json
    truncate -s 40G "$MODELS/llm/big/b.gguf" || skip "no such large files here"
    "$VANTA" verify big --catalog "$CATALOG" >out 2>err 3>&- &
    pid=$!
    for i in $(seq 1 200); do
        ls -l "/proc/$pid/fd" 2>/dev/null | grep -q b.gguf && break
        sleep 0.02
    done
    truncate -s 12M "$MODELS/llm/big/b.gguf"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 3 ]
    grep -q "changed while it was hashed" out
    cmp before.json "$MODELS/registry/registry.json"
}

@test "memory is bounded: 5 GiB, more than 32 bits count, in chunks and whole" {
    [ -z "${VANTA_SANITIZE:-}" ] || skip "a sanitizer's own memory would be measured"
    big_file 12
    rm -f "$big"
    truncate -s 5G "$big" || skip "no such large files here"
    # Holes. Their chunks are right; the digest of the whole is one that nobody checks as
    # long as they are.
    python3 - "$MODELS/registry" <<'END'
import hashlib, json, os, struct, sys
folder, gib = sys.argv[1], 5
digest = "ab" * 32
d = json.load(open(folder + "/registry.json"))
for m in d["models"]:
    if m["id"] == "big":
        m["hash"] = digest
        m["size_bytes"] = gib << 30
        m["files"] = [{"path": "b.gguf", "size_bytes": gib << 30, "sha256": digest}]
json.dump(d, open(folder + "/registry.json", "w"))
text = b"VANTACHK" + struct.pack("<IIQ", 1, 4 << 20, gib << 30) + bytes.fromhex(digest) + bytes(16)
text += hashlib.sha256(bytes(4 << 20)).digest() * (gib << 8)
os.makedirs(folder + "/chunks", exist_ok=True)
open(folder + "/chunks/" + digest, "wb").write(text + hashlib.sha256(text).digest())
END
    python3 - "$VANTA" "$CATALOG" <<'END'
import resource, signal, subprocess, sys
vanta, catalog = sys.argv[1:]
command = [vanta, "verify", "big", "--catalog", catalog]
done = subprocess.run(command, capture_output=True, text=True)
assert done.returncode == 0 and "5.37 GB as they should be" in done.stdout, done
# The whole way goes on much longer and takes no more after a while than in the end.
whole = subprocess.Popen(command + ["--whole"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
try:
    whole.wait(timeout=4)
except subprocess.TimeoutExpired:
    whole.send_signal(signal.SIGINT)
    whole.wait()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
peak = peak / 1024 if sys.platform.startswith("linux") else peak / 1048576
print("peak %.0f MiB" % peak)
assert peak < 64, peak
END
}

@test "--repair of what cannot be had anew says so" {
    big_file 12
    verify big
    flip "$big" 5
    verify big --repair
    exits 1
    [[ $stderr == *"not in the catalog"* ]]
    verify finder --repair # nothing is wrong
    exits 0
    verify big --repair --json
    exits 1
    python3 -c 'import json, sys; assert "repairs" not in json.loads(sys.argv[1])' "$output"
}

@test "a read-only models folder can be verified, with a warning" {
    chmod -R a+rX "$BATS_TEST_TMPDIR" && chmod -R a-w "$MODELS"
    run --separate-stderr as_user env HOME="$HOME" "$VANTA" verify --catalog "$CATALOG"
    chmod -R u+w "$MODELS"
    exits 0
    [[ $stderr == *"could not be recorded"* ]]
    [ "$(printf '%s\n' "$stderr" | grep -c recorded)" -eq 1 ]
}

@test "a model folder that leads out is not read" {
    mv "$MODELS/llm/writer" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$MODELS/llm/writer"
    verify writer
    exits 1
    contains "leads out"
}

@test "a folder's hash is what sha256sum prints for its files" {
    command -v sha256sum >/dev/null || skip "sha256sum is not installed"
    verify finder
    hash=$(cd "$MODELS/embeddings/finder" &&
        find . -type f | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum | sha256sum |
        cut -d ' ' -f 1)
    run "$VANTA" info finder --json --catalog "$CATALOG"
    contains "\"hash\": \"$hash\""
}

# at_terminal ANSWER COMMAND...: with a terminal on which the answer is typed.
at_terminal() {
    python3 - "$@" <<'END'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
os.write(terminal, sys.argv[1].encode() + b"\n")
seen = b""
try:
    while part := os.read(terminal, 4096):
        seen += part
except OSError:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
}

@test "ctrl-C while a model is hashed: exit 3, and nothing is recorded of it" {
    local digest pid code=0 i

    # Holes: hashing them takes its time, and they take no room.
    digest=$(printf %064d 7)
    mkdir -p "$MODELS/llm/huge"
    truncate -s 60G "$MODELS/llm/huge/h.gguf" || skip "no such large files here"
    python3 - "$MODELS/registry/registry.json" "$digest" <<'END'
import json, sys
path, digest = sys.argv[1:]
d = json.load(open(path))
d["models"].append({
    "id": "huge", "type": "llm", "path": "llm/huge/h.gguf", "format": "gguf",
    "hash": digest, "date_added": "2026-01-02T03:04:05Z", "size_bytes": 60 << 30,
    "files": [{"path": "h.gguf", "size_bytes": 60 << 30, "sha256": digest}],
    "verified": {"at": "2026-01-02T03:04:05Z", "digest": digest}})
json.dump(d, open(path, "w"))
END
    verify writer
    exits 0
    cp "$MODELS/registry/registry.json" before.json
    for signal in INT TERM; do
        "$VANTA" verify huge --json --catalog "$CATALOG" >out 2>err 3>&- &
        pid=$!
        for i in $(seq 1 100); do # until the file is open
            ls -l "/proc/$pid/fd" 2>/dev/null | grep -q h.gguf && break
            [ "$(uname)" = Linux ] || [ "$i" -lt 30 ] || break
            sleep 0.02
        done
        kill -"$signal" "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" -eq 3 ]
        python3 - out <<'END'
import json, sys
m = json.load(open(sys.argv[1]))["models"]
assert [x["id"] for x in m] == ["huge"], m
assert m[0]["ok"] is False and m[0]["status"] == "cancelled", m
END
        cmp before.json "$MODELS/registry/registry.json"
    done
    # The state is that of the last verification that came to an end.
    run "$VANTA" list --catalog "$CATALOG"
    [[ $output =~ huge.*untested ]]
    lacks corrupt
}

@test "a models folder with control characters in its name is shown without them" {
    local root=$'mo\033[31mdels\ttab' command

    mkdir -p "$root"
    unset VANTA_MODELS_DIR
    for command in "setup tts-1 --dry-run" "setup tts-1" "list" "verify" "verify x" \
        "info tts-1" "doctor --offline" "registry check" "registry rebuild" "remove x -y" \
        "path x" "test" "setup tts-1 --dry-run --json" "list --json" "verify --json" \
        "info tts-1 --json" "doctor --offline --json" "registry check --json"; do
        # shellcheck disable=SC2086 # words
        run "$VANTA" $command --models-dir "$root"
        lacks $'\033'
        lacks $'\t'
    done
    run "$VANTA" setup tts-1 --dry-run --models-dir "$root"
    contains "mo?[31mdels?tab"
}

@test "a models folder whose name is no UTF-8 has its JSON" {
    local root=$'bad\377root' command

    mkdir "$root" 2>/dev/null || skip "no such names here"
    unset VANTA_MODELS_DIR
    "$VANTA" setup tts-1 --models-dir "$root" >/dev/null 2>&1
    for command in "list --json" "verify --json" "info tts-1 --json" \
        "doctor --offline --json" "registry check --json" "test --json"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$VANTA" $command --models-dir "$root"
        printf '%s' "$output" | python3 -c 'import json, sys; json.load(sys.stdin)'
        [[ $stderr != *memory* ]]
    done
}

@test "remove asks at a terminal, and no means no" {
    run at_terminal "" "$VANTA" remove writer --catalog "$CATALOG"
    exits 0
    contains "Remove writer (23 B in $MODELS/llm/writer"
    contains "Nothing was removed."
    [ -e "$MODELS/llm/writer/writer.gguf" ]
    run at_terminal y "$VANTA" remove writer --catalog "$CATALOG"
    exits 0
    [ ! -e "$MODELS/llm/writer" ]
}

@test "remove needs a yes" {
    run "$VANTA" remove writer --catalog "$CATALOG" </dev/null
    exits 2
    contains "--yes"
    [ -e "$MODELS/llm/writer/writer.gguf" ]
    run "$VANTA" rm writer --yes --catalog "$CATALOG"
    exits 0
    contains "removed writer (23 B)"
    [ ! -e "$MODELS/llm/writer" ]
    run "$VANTA" list --catalog "$CATALOG"
    lacks writer
}

@test "remove follows no link out of the folder" {
    mv "$MODELS/llm/writer" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$MODELS/llm/writer"
    run "$VANTA" remove writer -y --catalog "$CATALOG"
    exits 0
    [ -e "$BATS_TEST_TMPDIR/elsewhere/writer.gguf" ]
    [ ! -L "$MODELS/llm/writer" ]
}

@test "remove of a model that another process works on is refused" {
    "$VANTA" verify --quiet --catalog "$CATALOG" || true
    python3 - "$MODELS/llm/.writer.lock" <<'END' &
import fcntl, sys, time
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
open("held", "w").close()
time.sleep(30)
END
    until [ -e held ]; do sleep 0.02; done
    run "$VANTA" remove writer -y --catalog "$CATALOG"
    kill $! || true
    exits 3
    contains "held by process"
    [ -e "$MODELS/llm/writer/writer.gguf" ]
}
