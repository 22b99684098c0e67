#!/usr/bin/env bash
# What can be said of the source without running it. Each part is a script of its own, prints what is wrong and where, and
# can be run by itself. run.sh [PART…]: all of them, cheapest first, and all to the end. BUILD is a configured build directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(layers spelling form headers scripts cppcheck analyzer tidy)
failed=()

for part in "${parts[@]}"; do
    started=$SECONDS
    "$here/$part.sh" || failed+=("$part")
    echo "lint: $part, $((SECONDS - started)) s"
done
[ ${#failed[@]} = 0 ] || { echo "lint: wrong: ${failed[*]}"; exit 1; }
