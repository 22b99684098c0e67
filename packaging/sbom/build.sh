#!/usr/bin/env bash
# build.sh TARBALL OUT_DIR: FILE.spdx.json beside each package, tarball and rootfs of OUT_DIR that was built from TARBALL.
set -euo pipefail
[ $# = 2 ] || { echo "usage: build.sh TARBALL OUT_DIR" >&2; exit 2; }
TARBALL=$(realpath "$1") OUT=$(realpath "$2")
# shellcheck source=packaging/from_tarball.sh
. "$(dirname "$0")/../from_tarball.sh"
from_tarball "$TARBALL"

unpack() { # ARTEFACT INTO
    case $1 in
    *.deb) dpkg-deb -x "$1" "$2" ;;
    *.rpm) rpm2archive - <"$1" | tar -xz --no-same-owner -C "$2" ;;
    *.tar.gz) tar -xz --no-same-owner -f "$1" -C "$2" ;;
    esac
}

shopt -s nullglob
for artefact in "$OUT"/*.deb "$OUT"/*.rpm "$OUT"/*.tar.gz; do
    tree=$WORK/$(basename "$artefact").tree
    mkdir "$tree"
    unpack "$artefact" "$tree"
    python3 -B "$SOURCE/packaging/sbom/spdx.py" "$artefact" "$tree" "$VERSION" >"$artefact.spdx.json"
    rm -rf "$tree"
done
