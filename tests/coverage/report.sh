#!/usr/bin/env bash
# report.sh BUILD [--write]: what the tests that ran in BUILD, a build of the preset coverage, have reached: a table by layer, pages
# to click through (BUILD/coverage/index.html), and whether unreached.txt says why for each line of it that was not.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
shift
mkdir -p "$build/coverage"

# A process that was killed while it wrote leaves a counter file that gcov cannot read: it is told, and left out.
gcovr --root . --filter 'connector/' --filter 'plugin/' --exclude 'plugin/examples/' --gcov-ignore-parse-errors -j "$(nproc)" \
    --json "$build/coverage/lines.json" --html-details "$build/coverage/index.html" --html-title "intune-scep-connector" \
    "$build/connector" "$build/plugin" 2>"$build/coverage/gcovr.log" || { cat "$build/coverage/gcovr.log"; exit 1; }
tests/coverage/report.py "$build/coverage/lines.json" tests/coverage/unreached.txt "$@"
echo "pages: $build/coverage/index.html"
