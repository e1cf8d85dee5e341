#!/bin/sh
# The engines, built once per machine, and the program that runs models with them:
# build/vanta-engine. What `make engine` runs.
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"
again="make engine"
no_install=1

refuse_sudo
log_start
packages_check engine
packages_install engine
engines_make
engine_is_built || step "Building vanta-engine" "Built vanta-engine" build_engine
