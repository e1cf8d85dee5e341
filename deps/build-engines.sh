#!/bin/sh
# The inference engines (llama.cpp, ggml, whisper.cpp): found on the system, or built once
# per machine from the pinned sources. Prints their prefix, the only line on stdout.
# deps/README.md says what is taken from where; POSIX sh and POSIX tools only.
# shellcheck disable=SC2317 # most functions are run by `step`
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"
again=${VANTA_ENGINE_AGAIN:-./deps/build-engines.sh}
lock=${VANTA_ENGINE_LOCK:-$clone/deps/engines.lock}

usage() {
    cat <<'END_OF_USAGE'
usage: deps/build-engines.sh [--found | --fetched | --check | --peers]

Prints the prefix of the engines; builds them first when neither the system nor the cache
has them.

  --found   build nothing: exit 1 when they are not there
  --fetched exit 0 when the packages of the sources are there, 1 when npm must get them
  --check   fetch the sources anew and compare them with deps/engines.lock
  --peers   also build the engines' own programs (llama-bench, llama-quantize,
            llama-perplexity, whisper-cli, whisper-bench) into PREFIX/bin, to compare with

  VANTA_ENGINE_SOURCE      npm, git or a folder that has the packages; then the system is
                           not asked. Without it: the system, else npm
  VANTA_ENGINE_CACHE       in place of ~/.cache/vanta/engines
  VANTA_ENGINE_BACKEND_DL  1: ggml's backends as plug-ins, as Homebrew has them
END_OF_USAGE
    exit 0
}

read_settings() {
    source=${VANTA_ENGINE_SOURCE:-}
    backend_dl=${VANTA_ENGINE_BACKEND_DL:-0}
    case $source in
    '' | npm | git | /*) ;;
    *)
        say "build-engines.sh: VANTA_ENGINE_SOURCE is npm, git or an absolute path: $source"
        exit 2
        ;;
    esac
    case ${VANTA_ENGINE_CACHE:-} in
    /*) cache=$VANTA_ENGINE_CACHE ;;
    '')
        cache=${XDG_CACHE_HOME:-}
        # As the base directory specification has it, a relative path counts as none.
        case $cache in
        /*) ;;
        *) cache=${HOME:?}/.cache ;;
        esac
        cache=$cache/vanta/engines
        ;;
    *)
        say "build-engines.sh: VANTA_ENGINE_CACHE is an absolute path: $VANTA_ENGINE_CACHE"
        exit 2
        ;;
    esac
    [ -r "$lock" ] || fail "$lock cannot be read"
}

# ---- on the system ----

# Prints the prefix of llama when CMake finds all three in the accepted range and a program
# that uses them together links and runs.
system_prefix() {
    [ -z "$source" ] && [ "$backend_dl" = 0 ] && has cmake || return 1
    probe=$(mktemp -d "${TMPDIR:-/tmp}/vanta-probe.XXXXXX") || return 1
    prefix=$(
        cmake -S "$clone/deps/probe" -B "$probe" "-DVANTA_ENGINE_LOCK=$lock" \
            >"$probe/log" 2>&1 && cmake --build "$probe" >>"$probe/log" 2>&1 &&
            "$probe/probe" >>"$probe/log" 2>&1 && cat "$probe/prefix"
    ) || prefix=
    rm -rf "$probe"
    [ -n "$prefix" ] && printf '%s\n' "$prefix"
}

# ---- the cache ----

# What the compiled code depends on: when one of these changes, so does the key.
build_flags() {
    echo Release shared native openmp "backend-dl=$backend_dl"
    echo "${CFLAGS:-}" / "${CXXFLAGS:-}" / "${LDFLAGS:-}" / "${CMAKE_GENERATOR:-}"
}

# One of the same name from another package manager is not the same compiler.
compilers() {
    for compiler in "${CC:-cc}" "${CXX:-c++}"; do
        # shellcheck disable=SC2086 # CC may hold options
        echo "$compiler" && $compiler --version 2>&1 | head -n 2
    done
}

processor() {
    uname -s -m
    case $(uname -s) in
    Darwin) sysctl -n machdep.cpu.brand_string machdep.cpu.features 2>/dev/null || true ;;
    *) grep -m 1 -E '^(flags|Features)[[:space:]]*:' /proc/cpuinfo 2>/dev/null || true ;;
    esac
}

cache_key() {
    {
        grep -v '^#' "$lock"
        # How it is built is written between these two lines of this script.
        sed -n '/^# ---- the build/,/^# ---- published/p' "$clone/deps/build-engines.sh"
        build_flags
        compilers
        processor
    } | sha256 | cut -c 1-12
}

is_built() {
    [ -e "$1/vanta-engines" ]
}

# ---- the lock ----

# A folder is made by one process alone, everywhere. Who made it is in its file "owner":
# host, process, its start (a process number may come again).
self() {
    printf '%s %s %s\n' "$(uname -n)" "$1" "$(ps -o lstart= -p "$1" 2>/dev/null || echo ?)"
}

# Whether the lock's owner is gone. Of another host's only its age tells: an owner touches
# the lock at each step.
lock_is_stale() {
    [ -d "$1" ] || return 1
    owner=$(cat "$1/owner" 2>/dev/null) || owner=
    owner_host=${owner%% *}
    owner_pid=${owner#* }
    owner_pid=${owner_pid%% *}
    if [ "$owner_host" = "$(uname -n)" ] && [ -n "$owner_pid" ]; then
        [ "$(self "$owner_pid")" = "$owner" ] && kill -0 "$owner_pid" 2>/dev/null && return 1
        # A process of another user cannot be signalled, yet it is there.
        ps -p "$owner_pid" >/dev/null 2>&1 && [ "$(self "$owner_pid")" = "$owner" ] && return 1
        return 0
    fi
    [ -n "$(find "$1" -prune -mmin +60 2>/dev/null)" ]
}

lock_take() {
    told=
    until mkdir "$1" 2>/dev/null; do
        [ -w "$cache" ] || fail "$cache cannot be written"
        if lock_is_stale "$1"; then
            # Renamed first: of two who wait, one succeeds. If a third took the lock in
            # between, both build; each publishes a whole result, so no harm is done.
            mv "$1" "$1.stale.$$" 2>/dev/null && rm -rf "$1.stale.$$"
            continue
        fi
        [ -n "$told" ] || say "Waiting for another build of the engines (lock: $1)"
        told=1
        sleep 1
    done
    locked=$1
    self $$ >"$1/owner"
}

lock_touch() {
    [ -z "$locked" ] || touch "$locked"
}

locked=
work=
leave() {
    [ -z "$work" ] || rm -rf "$work"
    [ -z "$locked" ] || rm -rf "$locked"
}

# ---- the build ----

configure_engine() {
    engine_source=$1
    engine_build=$2
    shift 2
    cmake -S "$engine_source" -B "$engine_build" -DCMAKE_BUILD_TYPE=Release \
        -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$final" \
        "-DCMAKE_INSTALL_RPATH=$origin" "$@"
}

# The libraries are made for $final and put below $work/root until they are whole.
install_engine() {
    DESTDIR="$work/root" cmake --install "$1"
}

build_llama() {
    set -- -DGGML_NATIVE=ON
    # Where a plug-in is looked for is compiled in; elsewhere it is the program's folder.
    # A plug-in for this very processor is more than ggml's build offers.
    [ "$backend_dl" = 0 ] ||
        set -- -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON "-DGGML_BACKEND_DIR=$final/lib"
    configure_engine "$work/llama.cpp" "$work/llama" -DLLAMA_BUILD_IS_DEV=OFF \
        -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF "$@" &&
        cmake --build "$work/llama" --parallel "$(jobs)" && install_engine "$work/llama"
}

build_whisper() {
    configure_engine "$work/whisper.cpp" "$work/whisper" -DWHISPER_BUILD_TESTS=OFF \
        -DWHISPER_BUILD_EXAMPLES=OFF -DWHISPER_BUILD_SERVER=OFF \
        -DWHISPER_USE_SYSTEM_GGML=ON "-DCMAKE_PREFIX_PATH=$work/root$final" &&
        cmake --build "$work/whisper" --parallel "$(jobs)" && install_engine "$work/whisper"
}

# ---- published ----

# The file by which a cache entry is known to be whole is written before the rename.
publish() {
    # Nobody here asks for the third library that whisper.cpp's build makes.
    rm -rf "$work/root$final"/lib/libparakeet* "$work/root$final"/lib/cmake/parakeet \
        "$work/root$final"/lib/pkgconfig/parakeet.pc "$work/root$final"/include/parakeet.h
    # whisper's CMake package asks that the folder of its programs exists.
    mkdir -p "$work/root$final/bin"
    printf 'key %s\n' "$key" >"$work/root$final/vanta-engines" &&
        sync && rm -rf "$final" && mv "$work/root$final" "$final"
}

work_start() {
    # What a killed build left: its owner is gone, since the lock is ours.
    rm -rf "$cache/building.$key".*
    work=$cache/building.$key.$$
    (umask 077 && mkdir "$work") || fail "$cache cannot be written"
}

build_engines() {
    say "Building the engines: once per machine, some minutes (log: $log)"
    lock_touch
    step "Fetching the engines' sources" "Fetched the engines' sources" sources_make "$work"
    lock_touch
    step "Building llama.cpp" "Built llama.cpp" build_llama
    lock_touch
    step "Building whisper.cpp" "Built whisper.cpp" build_whisper
    publish || fail "$final cannot be written"
}

# ---- the engines' own programs ----

build_llama_peers() {
    configure_engine "$work/llama.cpp" "$work/llama-peers" -DLLAMA_BUILD_IS_DEV=OFF \
        -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_TESTS=OFF \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF \
        -DLLAMA_OPENSSL=OFF -DLLAMA_USE_SYSTEM_GGML=ON "-DCMAKE_PREFIX_PATH=$final" \
        -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON &&
        cmake --build "$work/llama-peers" --parallel "$(jobs)" \
            --target llama-bench llama-quantize llama-perplexity &&
        rm -f "$work"/llama-peers/bin/libllama.* && cp -P "$work"/llama-peers/bin/* "$work/bin/"
}

build_whisper_peers() {
    configure_engine "$work/whisper.cpp" "$work/whisper-peers" -DWHISPER_BUILD_TESTS=OFF \
        -DWHISPER_BUILD_EXAMPLES=ON -DWHISPER_BUILD_SERVER=OFF \
        -DWHISPER_USE_SYSTEM_GGML=ON "-DCMAKE_PREFIX_PATH=$final" \
        -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON &&
        cmake --build "$work/whisper-peers" --parallel "$(jobs)" \
            --target whisper-cli whisper-bench &&
        rm -f "$work"/whisper-peers/bin/libwhisper.* "$work"/whisper-peers/bin/libparakeet.* &&
        cp -P "$work"/whisper-peers/bin/* "$work/bin/"
}

build_peers() {
    # Beside the programs lie the libraries that they alone need, first in their path.
    origin=$origin\;$origin/../lib
    mkdir "$work/bin"
    step "Fetching the engines' sources" "Fetched the engines' sources" sources_make "$work"
    lock_touch
    step "Building llama.cpp's programs" "Built llama.cpp's programs" build_llama_peers
    lock_touch
    step "Building whisper.cpp's programs" "Built whisper.cpp's programs" build_whisper_peers
    { mv "$work"/bin/* "$final/bin/" && : >"$final/bin/.whole"; } || fail "$final/bin cannot be written"
}

# ---- what was asked ----

main() {
    want=build
    for argument; do
        case $argument in
        --found | --fetched | --check | --peers) want=${argument#--} ;;
        --help | -h) usage ;;
        *)
            say "build-engines.sh: unknown option: $argument (--help says what there is)"
            exit 2
            ;;
        esac
    done
    read_settings
    # shellcheck source=deps/sources.sh
    . "$clone/deps/sources.sh"

    if [ "$want" = fetched ]; then
        packages_are_here || exit 1
        exit 0
    fi
    case $(uname -s) in
    Darwin) origin=@loader_path ;;
    *) origin=\$ORIGIN ;;
    esac
    key=$(cache_key)
    final=$cache/$key

    # What was built counts before the system's: it is found at once, and stays the same.
    if is_built "$final"; then
        case $want in
        check) ;;
        peers) [ ! -e "$final/bin/.whole" ] || want=print ;;
        *) want=print ;;
        esac
    elif [ "$want" != check ] && found=$(system_prefix); then
        [ "$want" != peers ] || fail "the engines are the system's, and so are their programs" \
            "VANTA_ENGINE_SOURCE=npm $again --peers builds both."
        final=$found
        want=print
    fi
    case $want in
    print)
        printf '%s\n' "$final"
        exit 0
        ;;
    found) exit 1 ;;
    esac

    mkdir -p "$cache/sources" 2>/dev/null || fail "$cache/sources cannot be written" \
        "VANTA_ENGINE_CACHE names another folder."
    log=$cache/$key.log
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    lock_take "$cache/$key.lock"
    work_start
    if [ "$want" = check ]; then
        : >"$log"
        step "Comparing the engines' sources with the lock file" \
            "The engines' sources are what the lock file says" sources_check "$work"
        exit 0
    fi
    if ! is_built "$final"; then
        : >"$log"
        build_engines
    fi
    if [ "$want" = peers ] && [ ! -e "$final/bin/.whole" ]; then
        work_start
        : >"$log"
        build_peers
    fi
    printf '%s\n' "$final"
}

# In a function, so that all of this file is read before a long build starts: whoever
# updates the clone meanwhile does not change what runs.
main "$@"
exit
