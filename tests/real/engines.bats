# The engines as they are really built (deps/), and vanta-engine with them. Their build is
# cached per machine; where it is not, it takes some minutes here.
load ../helpers

setup_file() {
    [ -z "$VANTA_SANITIZE" ] || return 0
    # The user's own home has the cache.
    export ENGINES PLUGINS INSTALLED=$BATS_FILE_TMPDIR/usr
    ENGINES=$("$VANTA_SOURCE_DIR/deps/build-engines.sh")
    PLUGINS=$(VANTA_ENGINE_BACKEND_DL=1 "$VANTA_SOURCE_DIR/deps/build-engines.sh")
    cmake --install "$VANTA_BINARY_DIR" --prefix "$INSTALLED" >/dev/null
}

setup() {
    helper=$VANTA_BINARY_DIR/vanta-engine
    [ -x "$helper" ] || skip "vanta-engine is not built here (make engine)"
    [ -z "$VANTA_SANITIZE" ] || skip "the release build is tested"
    fresh_home
}

teardown() {
    [ ! -d "${PLUGINS:-/nowhere}.away" ] || mv "$PLUGINS.away" "$PLUGINS"
}

# The folder of the engines' libraries below $1.
libraries_below() {
    dirname "$(find "$1" \( -name 'libllama.so.0' -o -name 'libllama.0.dylib' \) | head -n 1)"
}

@test "vanta-engine names its engines, their versions and a device to compute with" {
    run "$helper" --version
    exits 0
    contains "vanta-engine $(cat "$VANTA_BINARY_DIR/vanta-engine.build")"
    for part in llama ggml whisper; do
        version=$(awk -v part=$part '$1 == part && $2 == "version" { print $3 }' \
            "$VANTA_SOURCE_DIR/deps/engines.lock")
        grep -qE "^$part(\.cpp)? ${version//./\\.}" <<<"$output"
    done
    run "$helper" --devices
    exits 0
    contains "device CPU: "
}

@test "the build's line: version, engines, the key of their build" {
    run cat "$VANTA_BINARY_DIR/vanta-engine.build"
    [ "${#lines[@]}" = 1 ]
    grep -qE "^$(cat "$VANTA_SOURCE_DIR/VERSION") llama\.cpp-v[0-9.]+ whisper\.cpp-[0-9.]+ ggml-[0-9.]+ ([0-9a-f]{12}|system)$" <<<"$output"
    [ ! -e "$ENGINES/vanta-engines" ] || contains " $(basename "$ENGINES")"
}

@test "no library is taken from the current folder or by the environment" {
    [ "$(uname -s)" = Linux ] || skip "ELF"
    for program in "$helper" "$INSTALLED/libexec/vanta/vanta-engine"; do
        run readelf -d "$program"
        exits 0
        grep -qE '\(RPATH\) +Library rpath: \[[^]:]+(:[^]:]+)*\]' <<<"$output"
    done
    # Planted copies of every library and plug-in tell when they are loaded.
    echo '#include <stdio.h>
__attribute__((constructor)) static void told(void) { fputs("planted\n", stderr); }' >told.c
    cc -shared -fPIC -o told.so told.c
    for name in libggml.so.0 libggml-base.so.0 libggml-cpu.so.0 libllama.so.0 libwhisper.so.1 \
        libggml-cpu.so libggml-cpu-x64.so libggml-cuda.so libggml-blas.so libggml-rpc.so; do
        cp told.so "$name"
    done
    for option in --version --devices; do
        GGML_BACKEND_PATH=$PWD/told.so LD_LIBRARY_PATH=$PWD run "$helper" $option
        exits 0
        lacks planted
    done
}

@test "what is installed runs from its own libraries, wherever its prefix is moved" {
    [ -e "$ENGINES/vanta-engines" ] || skip "the engines are the system's"
    mv "$INSTALLED" "$BATS_TEST_TMPDIR/moved"
    program=$BATS_TEST_TMPDIR/moved/libexec/vanta/vanta-engine
    run "$program" --devices
    exits 0
    contains "device CPU: "
    if [ "$(uname -s)" = Linux ]; then
        run ldd "$program"
        lacks "$ENGINES"
        contains "$BATS_TEST_TMPDIR/moved/"
    fi
    cmp "$BATS_TEST_TMPDIR/moved/libexec/vanta/vanta-engine.build" \
        "$VANTA_BINARY_DIR/vanta-engine.build"
    mv "$BATS_TEST_TMPDIR/moved" "$INSTALLED"
}

@test "a ggml whose backends are plug-ins: linked, its devices found, installed too" {
    [ "$PLUGINS" != "$ENGINES" ]
    cmake -S "$VANTA_SOURCE_DIR" -B b -DCMAKE_BUILD_TYPE=Release -DVANTA_TESTS=OFF \
        -DVANTA_ENGINE=ON "-DVANTA_ENGINE_PREFIX=$PLUGINS" >/dev/null
    cmake --build b --parallel "$(getconf _NPROCESSORS_ONLN)" >/dev/null
    run b/vanta-engine --version
    exits 0
    contains "$(basename "$PLUGINS")"
    run b/vanta-engine --devices
    exits 0
    contains "device CPU: "
    if [ "$(uname -s)" = Linux ]; then
        run ldd b/vanta-engine
        lacks libggml-cpu
    fi

    # The place of the plug-ins that was compiled in is not the installed one.
    cmake --install b --prefix "$PWD/usr" >/dev/null
    lib=$(libraries_below "$PWD/usr")
    [ -e "$lib/libggml-cpu.so" ]
    # With that out of sight, those beside libggml are loaded.
    mv "$PLUGINS" "$PLUGINS.away"
    run usr/libexec/vanta/vanta-engine --devices
    exits 0
    contains "device CPU: "
}
