#!/bin/sh
# From a new clone to verified models: system packages, the program, vanta setup.
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"

usage() {
    cat <<END
usage: ./scripts/setup_all_models.sh [--yes] [--no-install] [OPTION of vanta setup...]

Installs missing system packages, builds vanta and sets the models up, by default in
$clone/models.

  --yes          do not ask before the package command is run
  --no-install   install no package; only name what is missing
  --profile P    lite (about 730 MB), default or full
END
    [ ! -x "$clone/build/vanta" ] || "$clone/build/vanta" setup --help
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

refuse_sudo
log_start
packages_check build
packages_install build
vanta_is_built || step "Building vanta" "Built vanta" build_vanta

VANTA_CLONE_DIR=$clone
export VANTA_CLONE_DIR
exec "$clone/build/vanta" setup "$@"
