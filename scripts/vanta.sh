#!/bin/sh
# The clone's own vanta, built first when it is not there yet: vanta.sh COMMAND...
set -eu
clone=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/lib.sh
. "$clone/scripts/lib.sh"

if [ ! -x "$clone/build/vanta" ]; then
    refuse_sudo
    packages_check build
    [ -z "$missing" ] ||
        fail "vanta is not built yet, and this is missing: $missing" \
            "./scripts/setup_all_models.sh installs it, builds vanta and sets the models up."
    log_start
    step "Building vanta" "Built vanta" build_vanta
fi

VANTA_CLONE_DIR=$clone
export VANTA_CLONE_DIR
exec "$clone/build/vanta" "$@"
