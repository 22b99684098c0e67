#!/usr/bin/env bash
# build.sh TARBALL OUT_DIR: the binary RPMs, by rpmbuild -tb as anybody can. On Debian, build dependencies go by other names than
# the spec's, so nobody checks them: cmake does. What is built here runs on what has this Debian's libraries; for Fedora and
# RHEL, run rpmbuild -tb TARBALL there. Same tarball, same bytes.
set -euo pipefail
[ $# = 2 ] || { echo "usage: build.sh TARBALL OUT_DIR" >&2; exit 2; }
TARBALL=$(realpath "$1") OUT=$(realpath "$2")
# shellcheck source=packaging/from_tarball.sh
. "$(dirname "$0")/../from_tarball.sh"
from_tarball "$TARBALL"

unchecked=()
[ ! -e /etc/debian_version ] || unchecked=(--nodeps)
run_logged "$WORK/rpmbuild.log" rpmbuild -tb "${unchecked[@]}" --define "_topdir $WORK/rpm" --define "_buildhost localhost" \
    --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" "$TARBALL"
cp "$WORK"/rpm/RPMS/*/*.rpm "$OUT"
