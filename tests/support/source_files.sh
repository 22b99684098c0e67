#!/usr/bin/env bash
# source_files.sh PATTERN…: the project's files whose names match one of the patterns ('*.c', dev), from the top of the tree, sorted,
# new ones included. Git knows them; an unpacked tarball has no git, and then it is every file that nobody builds.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -e .git ]; then
    git ls-files -co --exclude-standard -- "$@" | while IFS= read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file" # one that was just removed is still in the index
    done | LC_ALL=C sort -u
    exit
fi

patterns=()
for pattern in "$@"; do
    [ ${#patterns[@]} = 0 ] || patterns+=(-o)
    case $pattern in
    */*) patterns+=(-path "./$pattern") ;;
    '*'*) patterns+=(-name "$pattern") ;;
    *) patterns+=(-path "./$pattern") ;; # as git has it: one at the top
    esac
done
# What .gitignore says.
find . \( -path './build' -o -path './build-*' -o -path ./.cache -o -name __pycache__ \) -prune -o \
    \( -type f -o -type l \) ! -name compile_commands.json \( "${patterns[@]}" \) -print | sed 's,^\./,,' | LC_ALL=C sort
