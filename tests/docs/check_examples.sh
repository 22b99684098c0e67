#!/bin/sh
# A document's code block under a line `<!-- file: PATH -->` must be that file, byte for byte.
# Usage: check_examples.sh [ROOT]; names each block that differs.
set -eu
cd "${1:-$(dirname "$0")/../..}"
block=$(mktemp)
found=0
failed=0
trap 'rm -f "$block"' EXIT

for document in README.md docs/*.md docs/*/*.md; do
    [ -f "$document" ] || continue
    # shellcheck disable=SC2013 # a path of ours has no spaces
    for path in $(sed -n 's/^<!-- file: \(.*\) -->$/\1/p' "$document"); do
        awk -v marker="<!-- file: $path -->" '
            $0 == marker { state = 1; next }
            state == 1 && /^```/ { state = 2; next }
            state == 2 && /^```$/ { exit }
            state == 2 { print }' "$document" >"$block"
        found=$((found + 1))
        if ! diff -u --label "$document" --label "$path" "$block" "$path"; then
            failed=1
        fi
    done
done
[ "$found" -gt 0 ] || { echo "check_examples: no marked block in any document" >&2; exit 1; }
exit "$failed"
