#!/usr/bin/env bash
# codespell on code and documents. spelling.ignore has the words that it takes for misspelt and that are right here.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

# Not what somebody else wrote or a machine made: licence, recorded bytes, pictures.
tests/support/source_files.sh '*.c' '*.h' '*.cpp' '*.md' '*.sh' '*.py' '*.txt' '*.in' '*.inc' '*.service' '*.yml' '*.go' '*.java' '*.pl' '*.html' \
    '*.js' '*.css' dev | grep -vE '^tests/(fuzz/corpus|fuzz/dict)/' |
    on_all_cores 120 codespell --ignore-words tests/lint/spelling.ignore || complain "spelling: codespell"
exit "$failed"
