# A thin face over CMake and its presets.
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
CTEST_FLAGS ?= --output-on-failure
FUZZ_SECONDS ?= 30
ROUNDS ?= 1000
SEED ?= 1

.PHONY: all engine check-deps check-arm64 test asan fuzz torture bench install clean

all:
	@test -f build/CMakeCache.txt || cmake --preset release
	@cmake --build build --parallel $(JOBS)

# The inference engines, once per machine, and build/vanta-engine.
engine: all
	@scripts/build_engine.sh

# Fetches the engines' sources anew and compares them with deps/engines.lock.
check-deps:
	@deps/build-engines.sh --check

# All of it for Linux on arm64, in an emulator.
check-arm64:
	@scripts/check_arm64.sh

test: all
	@ctest --test-dir build $(CTEST_FLAGS)

asan:
	@cmake --preset asan
	@cmake --build build-asan --parallel $(JOBS)
	@ctest --test-dir build-asan $(CTEST_FLAGS)

fuzz:
	@cmake --preset fuzz
	@cmake --build build-fuzz --parallel $(JOBS)
	@scripts/fuzz.sh build-fuzz $(FUZZ_SECONDS)

# Kills and failing disks at random moments; ROUNDS=1 and the SEED of a failure repeat it.
torture: all
	@VANTA_TEST_SEED=$(SEED) VANTA_TORTURE_ROUNDS=$(ROUNDS) bats tests/torture

bench: all
	@bench/run.sh

install: all
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

clean:
	@rm -rf build build-asan build-arm64 build-clang build-fuzz
