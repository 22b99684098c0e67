#!/usr/bin/env bash
# build.sh TARBALL OUT_DIR: the Debian packages of this source, built on Debian. What lintian, if it is there, has against
# them is a failure, and they are there to be looked at.
set -euo pipefail
[ $# = 2 ] || { echo "usage: build.sh TARBALL OUT_DIR" >&2; exit 2; }
mkdir -p "$2"
OUT=$(realpath "$2")
# shellcheck source=packaging/from_tarball.sh
. "$(dirname "$0")/../from_tarball.sh"
from_tarball "$1"

cp -R "$SOURCE/packaging/debian" "$SOURCE/debian"
rm "$SOURCE/debian/build.sh"
cat >"$SOURCE/debian/changelog" <<TEXT
intune-scep-connector ($VERSION-1) unstable; urgency=medium

  * Version $VERSION: what is new is told in changelog.gz.

 -- $(sed -n 's/^Maintainer: //p' "$SOURCE/debian/control")  $(date -R -d "@$SOURCE_DATE_EPOCH")
TEXT
(cd "$SOURCE" && run_logged "$WORK/debian.log" env DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-parallel=$(nproc)}" \
    dpkg-buildpackage -b -us -uc)
cp "$WORK"/*.deb "$OUT"
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning "$WORK"/*.deb
fi
