#!/bin/sh
# vanta list, verify, test; download-all is vanta setup.
# To Python the sh lines are a text, to sh the Python lines are; Python runs this as sh.
''':'
if [ "${1-}" = download-all ]; then
    shift
    set -- setup "$@"
fi
exec sh "$(dirname -- "$0")/vanta.sh" "$@"
: '''
import os
import sys

os.execv("/bin/sh", ["sh", os.path.abspath(__file__)] + sys.argv[1:])
# '
