#!/bin/sh
# Tests every registered model on this machine: vanta test.
exec sh "$(dirname -- "$0")/vanta.sh" test "$@"
