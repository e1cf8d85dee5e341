#!/bin/sh
# Runs the whole test suite: system packages, three builds, ctest.
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"

usage() {
    cat <<'END'
usage: ./scripts/test.sh [--yes] [--no-install] [OPTION of ctest...]

Installs missing system packages, builds the engines once per machine, builds with the
system's compiler, with clang and with sanitizers, and runs all tests. The real-model tests
download about 730 MB once and keep them below build/; VANTA_REAL=0 leaves them out.

  --yes          do not ask before the package command is run
  --no-install   install no package; only name what is missing
END
    exit 0
}

n=$#
while [ "$n" -gt 0 ]; do
    case $1 in
    --yes | -y) assume_yes=1 ;;
    --no-install) no_install=1 ;;
    --help | -h) usage ;;
    *) set -- "$@" "$1" ;;
    esac
    shift
    n=$((n - 1))
done

# What was compiled once from the same text, in whichever clone, is not compiled again; nor
# is it by the tests that build, whose home is another.
: "${CCACHE_DIR:=${XDG_CACHE_HOME:-$HOME/.cache}/ccache}"
CCACHE_BASEDIR=$clone CCACHE_NOHASHDIR=1
CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
export CCACHE_DIR CCACHE_BASEDIR CCACHE_NOHASHDIR
export CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER

# With most of it from ccache, make itself would take as long as all the rest.
with_engine() {
    preset=$1
    shift
    (
        export CMAKE_GENERATOR=Ninja
        configure "$preset" "$@" -DVANTA_ENGINE=ON "-DVANTA_ENGINE_PREFIX=$engines"
    )
}

build_release() {
    with_engine release build -DVANTA_TESTS=ON -DVANTA_SUITES=ON &&
        cmake --build "$clone/build" --parallel "$(jobs)"
}

build_clang() {
    with_engine clang build-clang && cmake --build "$clone/build-clang" --parallel "$(jobs)"
}

build_asan() {
    with_engine asan build-asan && cmake --build "$clone/build-asan" --parallel "$(jobs)"
}

refuse_sudo
log_start
packages_check tests
packages_install tests
engines_make
step "Building" "Built" build_release
step "Building with clang" "Built with clang" build_clang
step "Building with sanitizers" "Built with sanitizers" build_asan
if [ "${VANTA_REAL:-}" = 0 ]; then
    say "VANTA_REAL=0: the tests with real models are LEFT OUT"
else
    # The engines once more, as Homebrew has them; the cache keeps these too.
    VANTA_ENGINE_BACKEND_DL=1 "$clone/deps/build-engines.sh" >>"$log"
fi
# Many tests wait, for servers that stall and clients that try again.
status=0
ctest --test-dir "$clone/build" --output-on-failure --parallel $(($(jobs) + 2)) "$@" || status=$?
# For the record, how many there were; and what was left out.
sed -n 's/^#* *\([0-9]* real models: .*\)/\1/p; s/^#* *\(WITHDRAWN: .*\)/\1/p' \
    "$clone/build/Testing/Temporary/LastTest.log" 2>/dev/null | sort -u
[ "$status" -eq 0 ]
