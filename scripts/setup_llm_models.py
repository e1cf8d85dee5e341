#!/bin/sh
# vanta setup llm: python scripts/setup_llm_models.py --models NAME...
# To Python the sh lines are a text, to sh the Python lines are; Python runs this as sh.
''':'
exec sh "$(dirname -- "$0")/vanta.sh" setup llm "$@"
: '''
import os
import sys

os.execv("/bin/sh", ["sh", os.path.abspath(__file__)] + sys.argv[1:])
# '
