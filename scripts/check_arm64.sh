#!/bin/sh
# Builds everything for Linux on arm64 and runs its tests there, in an emulator: for those
# who change what processors do differently and have no such machine. Debian on x86-64.
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"
folder=$clone/build-arm64
root=$folder/root

usage() {
    cat <<'END'
usage: ./scripts/check_arm64.sh [--yes] [--no-install] [OPTION of ctest...]

Builds for arm64 in build-arm64/ and runs the tests of modules, parsers and the engine's
helper under qemu: an hour on two cores; less with, say, -R '^unit/'. The libraries for arm64
are Debian's packages, unpacked below build-arm64/ and not installed. Left out: tests of
what the emulator has not (seccomp, limits of resources) and XTTS at its full size.

  --yes          do not ask before the package command is run
  --no-install   install no package; only name what is missing
END
    exit 0
}

# The packages that have the libraries, as lib.sh names them to install them.
libraries="libc6-dev libstdc++-12-dev libgomp1 libssl-dev libjansson-dev libarchive-dev
    libcurl4-openssl-dev libicu-dev libsndfile1-dev libsamplerate0-dev libcmocka-dev
    libmicrohttpd-dev"

# apt with the machine's own sources and nothing else of its state: another architecture.
apt_arm64() {
    APT_CONFIG=$folder/apt.conf apt-get -y "$@"
}

get_packages() {
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" || return 1
    : >"$folder/apt/status"
    cat >"$folder/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
Dir::State "$folder/apt";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt";
END
    # shellcheck disable=SC2086 # a list of words
    apt_arm64 update && apt_arm64 install --download-only $libraries
}

# Links to absolute paths would lead out of the folder.
unpack_packages() {
    rm -rf "$root.new" && mkdir "$root.new" || return 1
    for package in "$folder"/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$root.new" || return 1
    done
    find "$root.new" -type l -lname '/*' | while IFS= read -r link; do
        to=$root.new$(readlink "$link")
        ln -snf "$(realpath -m --relative-to="$(dirname "$link")" "$to")" "$link" || return 1
    done
    rm -rf "$root" && mv "$root.new" "$root"
}

# Programs of the other kind are started through this, by tests and by each other.
write_tools() {
    printf '#!/bin/sh\nunset PWD OLDPWD\nexec "%s" -L "%s" "$@"\n' "$(command -v qemu-aarch64)" "$root" \
        >"$folder/emulator"
    chmod +x "$folder/emulator"
    cat >"$folder/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_SYSROOT "$root")
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR "$folder/emulator")
set(ENV{PKG_CONFIG_LIBDIR} "$root/usr/lib/aarch64-linux-gnu/pkgconfig")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "$root")
END
}

# ggml for this very processor would be the wrong one; as a plug-in it is for any.
make_engines() {
    engines=$(CMAKE_TOOLCHAIN_FILE=$folder/toolchain.cmake VANTA_ENGINE_SOURCE=npm \
        VANTA_ENGINE_BACKEND_DL=1 VANTA_ENGINE_CACHE=$folder/engines \
        "$clone/deps/build-engines.sh")
}

build_arm64() {
    cmake -S "$clone" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DVANTA_TESTS=ON \
        "-DCMAKE_TOOLCHAIN_FILE=$folder/toolchain.cmake" -DVANTA_ENGINE=ON \
        "-DVANTA_ENGINE_PREFIX=$engines" &&
        cmake --build "$folder/build" --parallel "$(jobs)"
}

# The kernel starts a program of the other kind by the emulator, in a namespace of the
# tests' own (Linux 6.7 and later): nothing of the machine is changed.
with_emulator() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --user --map-root-user --mount sh -eu -c '
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        printf ":arm64:M::%s:%s:%s:" \
            "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00" \
            "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff" \
            "$1" >/proc/sys/fs/binfmt_misc/register
        shift
        exec "$@"' sh "$folder/emulator" "$@"
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

refuse_sudo
log_start
[ "$(uname -sm)" = "Linux x86_64" ] || fail "made for Debian on x86-64" \
    "On arm64 itself the tests run as they are: ./scripts/test.sh"
packages_check arm64
packages_install arm64
mkdir -p "$folder"
if [ ! -d "$root" ]; then
    step "Fetching libraries for arm64" "Fetched libraries for arm64" get_packages
    step "Unpacking them" "Unpacked them" unpack_packages
fi
write_tools
make_engines
step "Building for arm64" "Built for arm64" build_arm64
with_emulator true ||
    fail "programs for arm64 cannot be started here" \
        "Linux 6.7 or later is needed, with user namespaces for your account."
export VANTA_TEST_EMULATED=1
with_emulator ctest --test-dir "$folder/build" --output-on-failure --parallel "$(jobs)" \
    -R '^(unit|fuzz|engine)/' \
    -E '^unit/test_sandbox$|^engine/(test_xtts_full|xtts_models)' "$@"
