#!/usr/bin/env bash
# ./dev package --try [--record] [--commit COMMIT] [PACKAGES NEXT]: the Debian packages in bare Debian roots. What docs/QUICKSTART.md says, timed; then
# upgrade, downgrade, removal and purge, with systemd and without. PACKAGES and NEXT are directories with the packages of this version and
# of one that comes after it; without them both are built. --record puts what the commands said into docs/QUICKSTART.md.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/package/root.sh
. tests/package/root.sh
# shellcheck source=tests/package/quickstart.sh
. tests/package/quickstart.sh
# shellcheck source=tests/package/first_run.sh
. tests/package/first_run.sh
# shellcheck source=tests/package/life_cycle.sh
. tests/package/life_cycle.sh

[ "$(id -u)" = 0 ] || { echo "try.sh: only root can make Debian roots" >&2; exit 2; }
record=no
commit=HEAD
while [[ "${1:-}" = --* ]]; do
    case $1 in
    --record) record=yes ;;
    --commit) commit=$2 && shift ;;
    *) echo "try.sh: unknown option $1" >&2 && exit 2 ;;
    esac
    shift
done
stack_new
trap 'root_end; stack_remove' EXIT

# The same source, called by the number after its own.
build_next() { # TARBALL OUT
    local name version next
    name=$(basename "$1" .tar.gz)
    version=${name##*-}
    next=${version%.*}.$((${version##*.} + 1))
    tar -x -C "$WORK" -f "$1"
    sed -i "s/^\(project(intune-scep-connector VERSION \)$version/\1$next/" "$WORK/$name/CMakeLists.txt"
    mv "$WORK/$name" "$WORK/${name%-*}-$next"
    mkdir -p "$2"
    tar -c -z -C "$WORK" -f "$2/${name%-*}-$next.tar.gz" "${name%-*}-$next"
    packaging/debian/build.sh "$2/${name%-*}-$next.tar.gz" "$2"
}

packages=$(cd "$caller" && realpath -m -- "${1:-$WORK/packages}")
next=$(cd "$caller" && realpath -m -- "${2:-$WORK/next}")
if [ ! -d "$next" ]; then
    packaging/package.sh deb --out "$packages" --commit "$commit" >"$WORK/package.log" 2>&1 || fail "the packages: $(tail -n 40 "$WORK/package.log")"
    build_next "$(echo "$packages"/*.tar.gz)" "$next"
fi
version_of() { dpkg-deb -f "$1"/intune-scep-connector_*.deb Version; }

first_run "$packages"
[ $record = no ] || quickstart_record "$WORK/transcript"
life_cycle_booted "$packages" "$next"
root_end
life_cycle_bare "$packages" "$next"
