#!/bin/sh
# From a new clone to tested models: system packages, the program, the engines, vanta setup.
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"

usage() {
    cat <<END
usage: ./scripts/setup_all_models.sh [--yes] [--no-install] [--no-engine]
           [OPTION of vanta setup...]

Installs missing system packages, builds vanta and, once per machine, the engines that run
models; then sets the models up, by default in $clone/models.

  --yes          do not ask before the package command is run
  --no-install   install no package; only name what is missing
  --no-engine    build no engines: models are fetched and verified, not tested
  --profile P    lite (about 730 MB), default or full
END
    [ ! -x "$clone/build/vanta" ] || "$clone/build/vanta" setup --help
    exit 0
}

kind=engine
n=$#
while [ "$n" -gt 0 ]; do
    case $1 in
    --yes | -y) assume_yes=1 ;;
    --no-install) no_install=1 ;;
    --no-engine) kind=build ;;
    --help | -h) usage ;;
    *) set -- "$@" "$1" ;;
    esac
    shift
    n=$((n - 1))
done

refuse_sudo
log_start
packages_check "$kind"
packages_install "$kind"
vanta_is_built || step "Building vanta" "Built vanta" build_vanta
if [ "$kind" = engine ]; then
    if engines_make; then
        engine_is_built || step "Building vanta-engine" "Built vanta-engine" build_engine
    else
        say "Going on without the engines: the models are fetched and verified, not tested."
    fi
fi

VANTA_CLONE_DIR=$clone
export VANTA_CLONE_DIR
exec "$clone/build/vanta" setup "$@"
