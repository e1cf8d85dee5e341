# The scripts of a clone, on machines made of stand-ins: package manager, sudo, compiler.
load ../helpers

# A clone whose name has a space, with stand-ins for the built programs and the engines
# (tests/cli/deps.bats has their build).
new_clone() {
    clone="$BATS_TEST_TMPDIR/my clone"
    mkdir -p "$clone/build" "$clone/src" "$clone/include" "$clone/catalog" "$clone/cmake"
    cp -R "$VANTA_SOURCE_DIR/scripts" "$clone/"
    cp "$VANTA_SOURCE_DIR/CMakeLists.txt" "$VANTA_SOURCE_DIR/CMakePresets.json" \
        "$VANTA_SOURCE_DIR/VERSION" "$clone/"
    stand_in "$clone/build/vanta" 'echo "vanta: $*"; echo "clone: $VANTA_CLONE_DIR"'
    (cd "$clone" && pwd -P) >"$clone/build/.built"
    stand_in "$clone/build/vanta-engine" 'echo vanta-engine'
    mkdir "$clone/deps"
    stand_in "$clone/deps/build-engines.sh" '[ -n "$1" ] || echo build-engines >>"$asked"
case $1 in
--found) [ -z "$NO_ENGINES" ] || exit 1 ;;
--fetched) [ -n "$SOURCES_FETCHED" ]; exit ;;
esac
[ -z "$ENGINES_FAIL" ] || { echo "build-engines.sh: failed: Building llama.cpp" >&2; exit 3; }
echo /engines'
    echo "$(cd "$clone" && pwd -P) /engines" >"$clone/build/.engine-built"
}

# stand_in FILE SH
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$1"
    chmod +x "$1"
}

# A machine with the system's own tools and nothing that is installed for the build.
# id, apt-get, sudo and brew are ours; what they are asked is in $asked.
new_machine() {
    bin=$BATS_TEST_TMPDIR/bin
    asked=$BATS_TEST_TMPDIR/asked
    mkdir "$bin"
    : >"$asked"
    for tool in sh bash awk basename cat chmod cp date dirname env find getconf grep head \
        ls mkdir mv printf rm sed sleep sort tail tr touch true wc; do
        ln -s "$(command -v "$tool")" "$bin/$tool"
    done
    export asked bin
    stand_in "$bin/id" 'case $1 in -u) echo "${FAKE_UID:-1000}" ;; *) echo someone ;; esac'
    stand_in "$bin/uname" 'echo "${FAKE_SYSTEM:-Linux}"'
    stand_in "$bin/apt-get" 'echo "apt-get $*" >>"$asked"
case $1 in
install) [ -z "$APT_FAILS" ] || { echo "E: no such package"; exit 100; }
    sh "$bin/bring_all" ;;
esac'
    stand_in "$bin/dpkg-query" 'echo "install ok installed"'
    stand_in "$bin/sudo" 'echo "sudo $*" >>"$asked"; "$@"'
    stand_in "$bin/bring_all" '
for program in cc c++ make cmake pkg-config pip3 git bats clang scdoc shellcheck openssl flac node strace ccache ninja; do
    printf "#!/bin/sh\necho %s \"\$@\" >>\"\$asked\"\n" "$program" >"$bin/$program"
    chmod +x "$bin/$program"
done
printf "#!/bin/sh\n%s\n" "echo cmake version 3.25.1; echo cmake \"\$@\" >>\"\$asked\"" >"$bin/cmake"'
}

machine_with_everything() {
    new_machine
    PATH=$bin sh "$bin/bring_all"
}

on_machine() {
    env PATH="$bin" "$@"
}

shells() {
    local shell
    for shell in dash "bash --posix" "zsh --emulate sh" "busybox sh"; do
        if command -v "${shell%% *}" >/dev/null; then
            echo "$shell"
        fi
    done
}

setup() {
    fresh_home
    new_clone
}

@test "every script parses under each shell that is installed" {
    [ "$(shells | grep -c .)" -ge 2 ]
    shells | while read -r shell; do
        for script in "$VANTA_SOURCE_DIR"/scripts/*.sh "$VANTA_SOURCE_DIR"/scripts/*.py \
            "$VANTA_SOURCE_DIR"/deps/*.sh "$VANTA_SOURCE_DIR/.ci/run"; do
            $shell -n "$script" || { echo "$shell: $script" >&2; exit 1; }
        done
    done
}

@test "shellcheck has nothing to say" {
    command -v shellcheck >/dev/null || skip "shellcheck is not installed"
    cd "$VANTA_SOURCE_DIR"
    shellcheck -x scripts/*.sh deps/*.sh .ci/run
}

@test "the Python scripts are Python" {
    command -v python3 >/dev/null || skip "python3 is not installed"
    for script in "$VANTA_SOURCE_DIR"/scripts/*.py; do
        python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$script"
    done
}

@test "nothing missing, nothing changed: straight to vanta setup, under each shell" {
    machine_with_everything
    shells >"$BATS_TEST_TMPDIR/shells"
    while read -r shell; do
        ln -sf "$(command -v "${shell%% *}")" "$bin/"
        : >"$asked"
        run on_machine $shell "$clone/scripts/setup_all_models.sh" --profile lite --quiet
        exits 0
        contains "vanta: setup --profile lite --quiet"
        contains "clone: $(cd "$clone" && pwd -P)"
        run cat "$asked"
        lacks apt-get
        lacks "cmake --build"
    done <"$BATS_TEST_TMPDIR/shells"
}

@test "--no-install names what is missing and the command, and runs nothing" {
    new_machine
    run on_machine sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    contains "Missing: cmake 3.25 or newer, a C compiler, make, pkg-config, libcurl"
    contains "  sudo apt-get update"
    contains "  sudo apt-get install -y --no-install-recommends --no-remove cmake gcc libc6-dev make pkg-config libcurl4-openssl-dev libssl-dev libjansson-dev libarchive-dev"
    contains "python3-pip g++ libicu-dev libsndfile1-dev libsamplerate0-dev git npm"
    lacks "vanta: setup"
    [ ! -s "$asked" ]
}

@test "npm and git are asked for only where the engines must be built" {
    machine_with_everything
    rm "$bin/git"
    run on_machine sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 0
    NO_ENGINES=1 run on_machine sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    contains "Missing: git, npm"
    NO_ENGINES=1 VANTA_ENGINE_SOURCE=git run on_machine \
        sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    contains "Missing: git"
    lacks npm
    NO_ENGINES=1 SOURCES_FETCHED=1 run on_machine \
        sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    lacks npm
}

@test "engines of another prefix make vanta-engine anew" {
    machine_with_everything
    echo "$(cd "$clone" && pwd -P) /old-engines" >"$clone/build/.engine-built"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    contains "Built vanta-engine ("
    contains "vanta: setup"
    run cat "$asked"
    contains "-DVANTA_ENGINE=ON -DVANTA_ENGINE_PREFIX=/engines"
    contains "--target vanta-engine"
    : >"$asked"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    lacks "Built vanta-engine"
}

@test "engines that cannot be built: said, and the models are set up all the same" {
    machine_with_everything
    ENGINES_FAIL=1 SOURCES_FETCHED=1 run on_machine sh "$clone/scripts/setup_all_models.sh" --profile lite
    exits 0
    contains "failed: Building llama.cpp"
    contains "Going on without the engines: the models are fetched and verified, not tested."
    contains "vanta: setup --profile lite"
    : >"$asked"
    run on_machine sh "$clone/scripts/setup_all_models.sh" --no-engine --profile lite
    exits 0
    contains "vanta: setup --profile lite"
    run cat "$asked"
    lacks build-engines
}

@test "make engine builds the engines and vanta-engine, and installs nothing" {
    machine_with_everything
    rm "$clone/build/.engine-built"
    run on_machine sh "$clone/scripts/build_engine.sh"
    exits 0
    contains "Built vanta-engine ("
    ENGINES_FAIL=1 SOURCES_FETCHED=1 run on_machine sh "$clone/scripts/build_engine.sh"
    exits 3
    contains "failed: Building llama.cpp"
    rm "$bin/c++"
    run on_machine sh "$clone/scripts/build_engine.sh"
    exits 3
    contains "Missing: a C++ compiler"
    contains "Run the commands above, then make engine again."
}

@test "an old cmake is not enough" {
    machine_with_everything
    stand_in "$bin/cmake" 'echo cmake version 3.18.4'
    run on_machine sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    contains "Missing: cmake 3.25 or newer"
    contains "--no-remove cmake"
}

@test "any form of pip will do, npm alone will not" {
    machine_with_everything
    mv "$bin/pip3" "$bin/pip"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    mv "$bin/pip" "$bin/npm"
    run on_machine sh "$clone/scripts/setup_all_models.sh" --no-install
    exits 3
    contains "Missing: pip"
    contains "--no-remove python3-pip"
    stand_in "$bin/python3" '[ "$*" = "-I -m pip --version" ]'
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
}

@test "as root the packages are installed, then vanta goes on" {
    new_machine
    FAKE_UID=0 run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    contains "Installed system packages ("
    contains "vanta: setup"
    run cat "$asked"
    contains "apt-get update"
    contains "apt-get install -y"
    lacks sudo
}

@test "a user's rights are raised only by --yes or at a terminal, and for apt-get alone" {
    new_machine
    run on_machine sh "$clone/scripts/setup_all_models.sh" </dev/null
    exits 3
    contains "nothing was installed"
    contains "setup_all_models.sh --yes"
    [ ! -s "$asked" ]

    run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 0
    contains "vanta: setup"
    lacks "vanta: setup --yes"
    run grep -c '^sudo' "$asked"
    [ "$output" = 2 ]
    run grep '^sudo' "$asked"
    contains "sudo apt-get update"
    contains "sudo apt-get install"
}

@test "at a terminal it asks first" {
    command -v script >/dev/null && script --version 2>/dev/null | grep -q util-linux ||
        skip "needs util-linux's script for a terminal"
    new_machine
    ln -s "$(command -v script)" "$bin/"
    cat >"$BATS_TEST_TMPDIR/at_terminal" <<END
exec sh "$clone/scripts/setup_all_models.sh"
END
    echo n | on_machine SHELL=/bin/sh script -qec "sh $BATS_TEST_TMPDIR/at_terminal" /dev/null \
        >"$BATS_TEST_TMPDIR/out" 2>&1 && false
    run cat "$BATS_TEST_TMPDIR/out"
    contains "Run it now? [Y/n]"
    contains "nothing was installed"
    [ ! -s "$asked" ]

    echo y | on_machine SHELL=/bin/sh script -qec "sh $BATS_TEST_TMPDIR/at_terminal" /dev/null \
        >"$BATS_TEST_TMPDIR/out" 2>&1
    run cat "$BATS_TEST_TMPDIR/out"
    contains "Installed system packages ("
    contains "vanta: setup"
}

@test "without sudo the commands are for root to run" {
    new_machine
    rm "$bin/sudo"
    run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 3
    contains "there is no sudo here"
    contains "as root"
}

@test "root by way of a user's sudo is refused" {
    machine_with_everything
    for script in setup_all_models.sh test.sh; do
        FAKE_UID=0 SUDO_UID=1000 SUDO_USER=ada run on_machine sh "$clone/scripts/$script" --yes
        exits 2
        contains "run by sudo from the account ada"
        contains "Run it without sudo"
        lacks "vanta: setup"
    done
    FAKE_UID=0 SUDO_UID=0 SUDO_USER=root run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
}

@test "an unknown system is told what is missing" {
    new_machine
    rm "$bin/apt-get"
    run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 3
    contains "Missing: cmake 3.25 or newer, a C compiler, make"
    contains "package manager is not known"
}

@test "macOS: Homebrew's packages, kegs found by its prefix" {
    new_machine
    export FAKE_SYSTEM=Darwin brew_prefix=$BATS_TEST_TMPDIR/brew
    stand_in "$bin/xcode-select" 'exit 0'
    stand_in "$bin/brew" 'case $1 in --prefix) echo "$brew_prefix" ;; *)
    echo "brew $*" >>"$asked"
    mkdir -p "$brew_prefix/opt"
    for keg in curl openssl@3 jansson libarchive icu4c libsndfile libsamplerate; do mkdir "$brew_prefix/opt/$keg"; done
    sh "$bin/bring_all" ;; esac'
    run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 0
    contains "  brew install cmake make pkgconf curl openssl@3 jansson libarchive python3 icu4c libsndfile libsamplerate git node"
    contains "vanta: setup"
    run cat "$asked"
    contains "brew install cmake"
    lacks sudo
    lacks apt-get
}

@test "a failed installation shows the log's end and what to do" {
    new_machine
    APT_FAILS=1 FAKE_UID=0 run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 3
    contains "  | E: no such package"
    contains "failed: Installing system packages"
    contains "build/setup.log"
    contains "run ./scripts/setup_all_models.sh again"
    lacks "vanta: setup"
    grep -q '^\$ apt-get install' "$clone/build/setup.log"
}

@test "packages that do not bring what was missing are named" {
    new_machine
    stand_in "$bin/bring_all" 'true'
    FAKE_UID=0 run on_machine sh "$clone/scripts/setup_all_models.sh" --yes
    exits 3
    contains "still missing after the installation: cmake"
}

@test "a changed source is built again, a failed build shows why" {
    machine_with_everything
    touch -d '+2 seconds' "$clone/src/new.c" 2>/dev/null || { sleep 1.1; touch "$clone/src/new.c"; }
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    contains "Built vanta ("
    run cat "$asked"
    contains "cmake --preset release -DVANTA_TESTS=OFF"
    contains "--target vanta"

    stand_in "$bin/cmake" 'echo "cmake version 3.30.0"; case $1 in --build) echo "x.c:3: error: oops"; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo "compiled $i"; done; exit 2 ;; esac'
    rm "$clone/build/.built"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 3
    contains "  | x.c:3: error: oops"
    contains "failed: Building vanta"
    lacks "vanta: setup"
}

@test "a clone that was moved with its build is configured anew" {
    machine_with_everything
    echo "CMAKE_HOME_DIRECTORY:INTERNAL=/somewhere/else" >"$clone/build/CMakeCache.txt"
    echo /somewhere/else >"$clone/build/.built"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 0
    run cat "$asked"
    contains "cmake --preset release --fresh"
}

@test "a program or library planted in the current folder is not run" {
    machine_with_everything
    for name in vanta lib.sh pip3 python3 cmake; do
        stand_in "./$name" 'echo planted'
    done
    for script in setup_all_models.sh model_manager.py setup_llm_models.py test_all_models.sh; do
        run on_machine sh "$clone/scripts/$script" list
        exits 0
        contains "vanta: "
        lacks planted
    done
}

@test "the Python scripts stand for vanta's commands, run in three ways" {
    machine_with_everything
    command -v python3 >/dev/null || skip "python3 is not installed"
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$bin/python"
    cd "$clone"
    for way in python sh ""; do
        for type in whisper llm embedding tts; do
            run on_machine $way ./scripts/setup_${type}_models.py
            exits 0
            contains "vanta: setup $type"$'\n'
        done
    done
    run on_machine ./scripts/test_all_models.sh
    contains "vanta: test"$'\n'
    for way in python sh ""; do
        run on_machine $way scripts/setup_whisper_models.py --models base "two words"
        contains "vanta: setup whisper --models base two words"
        run on_machine $way scripts/model_manager.py download-all --type llm
        contains "vanta: setup --type llm"
        run on_machine $way scripts/model_manager.py verify whisper-base
        contains "vanta: verify whisper-base"
        run on_machine $way scripts/model_manager.py list --json
        contains "vanta: list --json"
    done
}

@test "the exit code of vanta is the script's" {
    machine_with_everything
    stand_in "$clone/build/vanta" 'exit 7'
    for script in setup_all_models.sh model_manager.py setup_tts_models.py test_all_models.sh; do
        run on_machine sh "$clone/scripts/$script"
        exits 7
    done
}

@test "a command of an unbuilt clone builds it first, or says what is missing" {
    machine_with_everything
    mv "$clone/build/vanta" "$BATS_TEST_TMPDIR/vanta"
    stand_in "$bin/cmake" 'echo cmake version 3.25.1
case $1 in --build) cp "$BATS_TEST_TMPDIR/vanta" "$2/vanta" ;; esac'
    run on_machine sh "$clone/scripts/model_manager.py" list
    exits 0
    contains "Built vanta ("
    contains "vanta: list"

    rm "$clone/build/vanta" "$bin/make"
    run on_machine sh "$clone/scripts/model_manager.py" list
    exits 3
    contains "this is missing: make"
    contains "setup_all_models.sh"
}

@test "test.sh builds three times and ends with ctest" {
    machine_with_everything
    stand_in "$bin/ctest" 'echo "ctest $*"'
    VANTA_REAL=0 run on_machine sh "$clone/scripts/test.sh" --yes -L cli
    exits 0
    contains "Built ("
    contains "Built with clang ("
    contains "Built with sanitizers ("
    contains "VANTA_REAL=0: the tests with real models are LEFT OUT"
    [[ ${lines[-1]} == "ctest --test-dir "*" -L cli" ]]
    run grep -c -e '-DVANTA_ENGINE=ON -DVANTA_ENGINE_PREFIX=/engines' "$asked"
    [ "$output" = 3 ]
    # What ctest finds is the end of it, and what was there is said.
    stand_in "$bin/ctest" 'mkdir -p "$2/Testing/Temporary"
printf "%s\n" "# 3 real models: a, b, c" "# 3 real models: a, b, c" >"$2/Testing/Temporary/LastTest.log"
exit 8'
    VANTA_REAL=0 run on_machine sh "$clone/scripts/test.sh" --yes -L cli
    exits 1
    [ "$(grep -c "^3 real models: a, b, c$" <<<"$output")" -eq 1 ]
}

@test "a build folder that cannot be written is named" {
    machine_with_everything
    rm -rf "$clone/build"
    : >"$clone/build"
    run on_machine sh "$clone/scripts/setup_all_models.sh"
    exits 3
    contains "my clone/build cannot be written"
}
