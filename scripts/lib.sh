# shellcheck shell=sh
# lib.sh - what the scripts of a clone share: system packages, the build, a line a step.
#
# Source it with $clone set to the clone's absolute path. POSIX sh and POSIX tools only: it
# runs under dash and under bash 3.2. Talk goes to stderr, details go to $log.
#
#     packages_check build            # sets $missing and $packages
#     packages_install                # shows the command, asks, installs; or explains, exits
#     step "Building vanta" "Built vanta" build_vanta

: "${clone:?}"
log=$clone/build/setup.log
assume_yes=
no_install=
again="./scripts/$(basename -- "$0")"

say() {
    printf '%s\n' "$*" >&2
}

# fail WHAT [NEXT STEP...]: the message, a line for each next step, exit 3.
fail() {
    say "$(basename -- "$0"): $1"
    shift
    for hint in "$@"; do
        say "  $hint"
    done
    exit 3
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Files that root makes in a user's clone are in that user's way ever after.
refuse_sudo() {
    [ "$(id -u)" = 0 ] || return 0
    case ${SUDO_UID:-0} in
    0) return 0 ;;
    esac
    say "$(basename -- "$0"): run by sudo from the account ${SUDO_USER:-$SUDO_UID}: refused"
    say "  The build and the models would belong to root. Run it without sudo: only the"
    say "  package command is run by sudo, and it is shown first."
    exit 2
}

log_start() {
    if ! mkdir -p "$clone/build" || ! : >"$log"; then
        fail "$clone/build cannot be written" \
            "Give it to your account: sudo chown -R $(id -un) '$clone/build'"
    fi
}

# duration SECONDS
duration() {
    if [ "$1" -lt 60 ]; then
        printf '%d s' "$1"
    else
        printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
    fi
}

# step DOING DONE COMMAND...: runs the command with its output in the log; one line says
# what was done and how long it took. On failure: the log's end, exit 3.
step() {
    doing=$1
    done_=$2
    shift 2
    # A terminal sees what is going on meanwhile; the line is then written over.
    [ ! -t 2 ] || printf '%s ... ' "$doing" >&2
    started=$(date +%s)
    printf '== %s\n' "$doing" >>"$log"
    from=$(($(wc -l <"$log") + 1))
    if "$@" >>"$log" 2>&1 </dev/null; then
        done_="$done_ ($(duration $(($(date +%s) - started))))"
        [ ! -t 2 ] || done_=$(printf '\r%-60s' "$done_")
        say "$done_"
        return 0
    fi
    [ ! -t 2 ] || printf '\n' >&2
    say "The end of $log:"
    # Compilers run side by side: what went wrong may stand far above the end.
    {
        tail -n +"$from" "$log" | grep -E '(^|[: ])([Ee]rror|ERROR|E):' | head -n 10
        tail -n 15 "$log"
    } | sed 's/^/  | /' >&2
    fail "failed: $doing (after $(duration $(($(date +%s) - started))))" \
        "The whole log: $log" \
        "When the cause is gone, run $again again: it goes on where it stopped."
}

# ---- system packages ----

system_read() {
    [ -z "${manager:-}" ] || return 0
    manager=none
    if [ "$(uname -s)" = Darwin ]; then
        if has brew; then
            manager=brew
            brew_prefix=$(brew --prefix)
        fi
    elif has apt-get && has dpkg-query; then
        manager=apt
    fi
}

# want NAME DEBIAN HOMEBREW: NAME is missing; these packages bring it ("": none does).
want() {
    missing="${missing:+$missing, }$1"
    case $manager in
    apt) packages="${packages:+$packages }$2" ;;
    brew) packages="${packages:+$packages }$3" ;;
    esac
}

want_program() {
    has "$1" || want "$1" "$2" "$3"
}

# want_library "jansson >= 2.13" DEBIAN HOMEBREW. Homebrew's curl and libarchive lie
# outside pkg-config's path (cmake/dependencies.cmake finds them), so there the keg counts.
want_library() {
    if [ "$manager" = brew ]; then
        [ -d "$brew_prefix/opt/$3" ] || want "$3" "" "$3"
    elif ! has pkg-config || ! pkg-config --exists "$1"; then
        want "${1%% *}" "$2" "$3"
    fi
}

cmake_is_new() {
    has cmake || return 1
    cmake --version | awk '
        NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 25)) }'
}

# What the build needs, and pip: the packages of the catalog's small models are its.
check_build() {
    cmake_is_new || want "cmake 3.25 or newer" cmake cmake
    if [ "$(uname -s)" = Darwin ]; then
        xcode-select -p >/dev/null 2>&1 ||
            fail "Apple's command line tools are missing" "Run: xcode-select --install"
    elif ! has "${CC:-cc}" && ! has gcc && ! has clang; then
        want "a C compiler" "gcc libc6-dev" ""
    elif [ "$manager" = apt ] && [ ! -e /usr/include/stdio.h ]; then
        want "the C library's headers" libc6-dev ""
    fi
    want_program make make make
    want_program pkg-config pkg-config pkgconf
    want_library "libcurl >= 7.85" libcurl4-openssl-dev curl
    want_library "libcrypto >= 3.0" libssl-dev openssl@3
    want_library "jansson >= 2.13" libjansson-dev jansson
    want_library "libarchive >= 3.5" libarchive-dev libarchive
    if [ "$manager" = apt ] && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
        want "certificates of authorities" ca-certificates ""
    fi
    if ! has pip3 && ! has pip && ! python3 -I -m pip --version >/dev/null 2>&1; then
        want pip python3-pip python3
    fi
}

# What vanta-engine needs besides; npm and git only where the engines must be built.
check_engine() {
    if [ "$(uname -s)" != Darwin ] && ! has "${CXX:-c++}"; then
        want "a C++ compiler" "g++" ""
    fi
    want_library "icu-uc >= 67" libicu-dev icu4c
    want_library "sndfile >= 1.1" libsndfile1-dev libsndfile
    want_library "samplerate >= 0.1.9" libsamplerate0-dev libsamplerate
    if engines_found; then
        return 0
    fi
    want_program git git git
    case ${VANTA_ENGINE_SOURCE:-npm} in
    npm) "$clone/deps/build-engines.sh" --fetched 2>/dev/null || want_program npm npm node ;;
    esac
}

# What the test suite needs besides.
check_tests() {
    want_library cmocka libcmocka-dev cmocka
    want_library libmicrohttpd libmicrohttpd-dev libmicrohttpd
    want_program bats bats bats-core
    want_program clang clang llvm
    want_program ccache ccache ccache
    want_program ninja ninja-build ninja
    want_program scdoc scdoc scdoc
    want_program shellcheck shellcheck shellcheck
    want_program openssl openssl openssl@3
    want_program flac flac flac
    want_program node nodejs node
    if [ "$manager" = apt ]; then
        # The only ones that Homebrew has not; tests that use them say so and skip.
        want_program strace strace ""
        for package in python3-jsonschema btrfs-progs; do
            dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
                grep -q '^install ok installed$' || want "$package" "$package" ""
        done
    fi
}

# What the tests need for another processor than this machine's; Debian only.
check_arm64() {
    want_program aarch64-linux-gnu-g++ g++-aarch64-linux-gnu ""
    want_program qemu-aarch64 qemu-user ""
    want_program unshare util-linux ""
    want_program npm npm node
}

# packages_check build|engine|tests|arm64: sets $missing (for people) and $packages (for the manager).
packages_check() {
    system_read
    missing=
    packages=
    check_build
    case $1 in
    engine) check_engine ;;
    tests)
        check_engine
        check_tests
        ;;
    arm64) check_arm64 ;;
    esac
}

# The commands that install $packages, one a line, as they will be run.
package_commands() {
    elevate=
    [ "$(id -u)" = 0 ] || elevate='sudo '
    case $manager in
    apt)
        printf '%sapt-get update\n' "$elevate"
        # Nothing of the user's is removed to make room for ours.
        printf '%sapt-get install -y --no-install-recommends --no-remove %s\n' \
            "$elevate" "$packages"
        ;;
    brew) printf 'brew install %s\n' "$packages" ;;
    esac
}

# Every package and option above is one plain word, so the shell may split the line.
run_package_commands() {
    package_commands | while IFS= read -r line; do
        printf '$ %s\n' "$line"
        case $line in
        # A stale list of one repository is no reason to stop; the install decides.
        *update) $line </dev/null || true ;;
        *) $line </dev/null || return 1 ;;
        esac
    done
}

# 0: go on.
packages_may_install() {
    [ -z "$assume_yes" ] || return 0
    if [ -t 0 ] && [ -t 2 ]; then
        printf 'Run it now? [Y/n] ' >&2
        read -r answer || return 1
        case $answer in
        '' | [Yy] | [Yy][Ee][Ss]) return 0 ;;
        esac
        return 1
    fi
    # Nobody can be asked. Root's own package command needs no more rights than root has
    # (a container, a provisioning run); raising a user's rights needs a yes.
    [ "$manager" = brew ] || [ "$(id -u)" = 0 ]
}

# packages_install KIND: after packages_check KIND. Returns when nothing is missing.
packages_install() {
    [ -n "$missing" ] || return 0
    say "Missing: $missing"
    if [ "$manager" = none ]; then
        if [ "$(uname -s)" = Darwin ]; then
            fail "no Homebrew here" "Install it (brew.sh), or what is missing by other means," \
                "then run $again again."
        fi
        fail "this system's package manager is not known here" \
            "Install what is missing with it, then run $again again."
    fi
    [ -n "$packages" ] || fail "no package of this system brings it: install it by hand"
    say "To install:"
    package_commands | sed 's/^/  /' >&2
    if [ -n "$no_install" ]; then
        fail "--no-install: nothing was installed" "Run the commands above, then $again again."
    fi
    if [ "$manager" = apt ] && [ "$(id -u)" != 0 ] && ! has sudo; then
        fail "there is no sudo here" \
            "Run the commands above without sudo as root, then $again again."
    fi
    packages_may_install ||
        fail "nothing was installed" "Run the commands above and $again again, or $again --yes."
    step "Installing system packages" "Installed system packages" run_package_commands
    packages_check "$1"
    [ -z "$missing" ] ||
        fail "still missing after the installation: $missing" \
            "This system's packages are too old or incomplete; install it by hand."
}

# ---- the build ----

jobs() {
    getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}

# Which clone a build folder was configured for; nothing when it was not.
configured_for() {
    sed -n 's/^CMAKE_HOME_DIRECTORY:[^=]*=//p' "$clone/$1/CMakeCache.txt" 2>/dev/null || true
}

# configure PRESET FOLDER [OPTION...]: a build folder that came along when the clone was
# copied or moved is made anew.
configure() {
    fresh=
    case $(configured_for "$2") in
    '' | "$clone") ;;
    *) fresh=--fresh ;;
    esac
    preset=$1
    shift 2
    (cd "$clone" && cmake --preset "$preset" ${fresh:+"$fresh"} "$@")
}

# Whether nothing that goes into the program changed since build_vanta.
vanta_is_built() {
    [ -x "$clone/build/vanta" ] && [ -e "$clone/build/.built" ] || return 1
    [ "$(cat "$clone/build/.built")" = "$clone" ] || return 1
    [ -z "$(cd "$clone" && find src include catalog cmake CMakeLists.txt \
        CMakePresets.json VERSION -newer build/.built)" ]
}

# Release build of the program alone: the tests need more packages.
build_vanta() {
    # The stamp is older than whatever changes while the compiler runs.
    printf '%s\n' "$clone" >"$clone/build/.building" || return 1
    if [ "$(configured_for build)" != "$clone" ]; then
        configure release build -DVANTA_TESTS=OFF || return 1
    fi
    cmake --build "$clone/build" --target vanta --parallel "$(jobs)" || return 1
    mv "$clone/build/.building" "$clone/build/.built"
}

# ---- the engines ----

engines=

# Sets $engines to their prefix when they are built or on the system; builds nothing.
engines_found() {
    has cmake && has "${CXX:-c++}" &&
        engines=$("$clone/deps/build-engines.sh" --found 2>/dev/null)
}

# Sets $engines, after building them where there are none. Fails, with what to do said,
# when that cannot be.
engines_make() {
    [ -z "$engines" ] || return 0
    engines=$(VANTA_ENGINE_AGAIN=$again "$clone/deps/build-engines.sh")
}

engine_is_built() {
    [ -x "$clone/build/vanta-engine" ] && [ -e "$clone/build/.engine-built" ] || return 1
    [ "$(cat "$clone/build/.engine-built")" = "$clone $engines" ] || return 1
    [ -z "$(cd "$clone" && find src include catalog cmake CMakeLists.txt \
        CMakePresets.json VERSION -newer build/.engine-built)" ]
}

# The helper program with the engines in $engines.
build_engine() {
    printf '%s\n' "$clone $engines" >"$clone/build/.building-engine" || return 1
    set -- -DVANTA_ENGINE=ON "-DVANTA_ENGINE_PREFIX=$engines"
    [ "$(configured_for build)" = "$clone" ] || set -- -DVANTA_TESTS=OFF "$@"
    configure release build "$@" &&
        cmake --build "$clone/build" --target vanta-engine --parallel "$(jobs)" &&
        mv "$clone/build/.building-engine" "$clone/build/.engine-built"
}
