#!/usr/bin/env bash
# build.sh TARBALL OUT_DIR: the container, as a rootfs tarball and as an OCI image, from the source tarball (rootfs.sh, image.sh),
# and the Containerfile beside them.
set -euo pipefail
[ $# = 2 ] || { echo "usage: build.sh TARBALL OUT_DIR" >&2; exit 2; }
TARBALL=$(realpath "$1") OUT=$(realpath "$2")
# shellcheck source=packaging/from_tarball.sh
. "$(dirname "$0")/../from_tarball.sh"
from_tarball "$TARBALL"
release_build intune-scepd intune-scepctl
install -D -s "$WORK/build/bin/intune-scepd" "$WORK/installed/usr/sbin/intune-scepd"
install -D -s "$WORK/build/bin/intune-scepctl" "$WORK/installed/usr/bin/intune-scepctl"
"$SOURCE/packaging/container/rootfs.sh" "$WORK/installed" "$WORK/rootfs"
"$SOURCE/packaging/container/image.sh" "$WORK/rootfs" "$VERSION" "$OUT"
sed "s,^ARG ROOTFS=.*,ARG ROOTFS=intune-scep-connector-$VERSION-rootfs.tar.gz," "$SOURCE/packaging/container/Containerfile" >"$OUT/Containerfile"
