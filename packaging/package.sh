#!/usr/bin/env bash
# package.sh [KIND…] [--out DIR] [--commit COMMIT]: what ./dev package calls. KIND is deb, rpm, tarball, rootfs, sbom, or all (the
# default). Everything is built from the source tarball of one commit, and goes to DIR with the sums of it all. DIR is new, or empty, or
# has what was built from the same source; build/packages, which it is without --out, is emptied first if it has another's.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"

usage() {
    echo "usage: package.sh [deb|rpm|tarball|rootfs|sbom|all]... [--out DIR] [--commit COMMIT]" >&2
    exit 2
}

kinds=()
out=
commit=HEAD
while [ $# -gt 0 ]; do
    case $1 in
    deb | rpm | tarball | rootfs | sbom) kinds+=("$1") ;;
    all) kinds+=(deb rpm rootfs sbom) ;;
    --out | --commit)
        [ $# -ge 2 ] || usage
        declare "${1#--}=$2"
        shift
        ;;
    *) usage ;;
    esac
    shift
done
[ ${#kinds[@]} -gt 0 ] || kinds=(deb rpm rootfs sbom)

is_wanted() { [[ " ${kinds[*]} " == *" $1 "* ]]; }

# Whatever is in DIR is summed up and gets its bill of materials as of this source.
has_another() { [ -n "$(ls -A "$1")" ] && ! cmp -s "$source" "$1/${source##*/}"; }

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
source=$(./tarball.sh "$new" "$commit")
if [ -z "$out" ]; then
    out=$(realpath ..)/build/packages
    mkdir -p "$out"
    if has_another "$out"; then find "$out" -mindepth 1 -delete; fi
fi
out=$(cd "$caller" && mkdir -p -- "$out" && realpath -- "$out")
if has_another "$out"; then
    echo "package: $out has something that is not of this source: name a directory that is new or empty" >&2
    exit 1
fi
tarball=$out/${source##*/}
cp "$source" "$tarball"
echo "package: source: ${tarball##*/}"
# The bill of materials comes last: it is of what the others have made.
for kind in deb:debian rpm:rpm rootfs:container sbom:sbom; do
    is_wanted "${kind%:*}" || continue
    echo "package: ${kind%:*}"
    "./${kind#*:}/build.sh" "$tarball" "$out"
done
cd "$out"
rm -f SHA256SUMS
sums=$(find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum)
echo "$sums" | tee SHA256SUMS
