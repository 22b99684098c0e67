#!/usr/bin/env bash
# tarball.sh OUT_DIR [COMMIT]: the source as OUT_DIR/intune-scep-connector-VERSION.tar.gz; prints its path. Same commit, same bytes:
# sorted, owned by nobody, every time stamp the commit's (or $SOURCE_DATE_EPOCH). COMMIT is HEAD; what is not committed is not in it.
# In an unpacked tarball there is no git; what is made of that is the tarball that it came from.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: tarball.sh OUT_DIR [COMMIT]" >&2; exit 2; }
mkdir -p "$1"
OUT=$(realpath "$1")
COMMIT=${2:-HEAD}
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
if [ -e .git ]; then
    git archive --format=tar "$COMMIT" | tar -x -C "$work/tree"
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --format=%ct "$COMMIT")}
else
    tests/support/source_files.sh '*' | tar -c -T - | tar -x -C "$work/tree"
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y CMakeLists.txt)}
fi

version=$(sed -n 's/^project(intune-scep-connector VERSION \([0-9.]*\).*/\1/p' "$work/tree/CMakeLists.txt")
[ -n "$version" ] || { echo "tarball.sh: CMakeLists.txt names no version" >&2; exit 1; }
name=intune-scep-connector-$version
mv "$work/tree" "$work/$name"
tar -c -C "$work" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
    "$name" | gzip -9n >"$OUT/$name.tar.gz"
echo "$OUT/$name.tar.gz"
