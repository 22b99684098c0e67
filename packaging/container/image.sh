#!/usr/bin/env bash
# image.sh ROOT VERSION OUT_DIR: of what rootfs.sh has laid out, OUT_DIR/intune-scep-connector-VERSION-rootfs.tar.gz, which the
# Containerfile takes, and …-VERSION.oci.tar, the same as an image that `podman load` and `skopeo copy oci-archive:` take.
# Same ROOT and SOURCE_DATE_EPOCH, same bytes.
set -euo pipefail
[ $# = 3 ] || { echo "usage: image.sh ROOT VERSION OUT_DIR" >&2; exit 2; }
ROOT=$1 VERSION=$2 OUT=$(realpath "$3")
: "${SOURCE_DATE_EPOCH:?the time stamp of everything in the image}"
HERE=$(dirname "$(realpath "$0")")
export LC_ALL=C
name=intune-scep-connector-$VERSION
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is the connector's own (packaging/container/etc/passwd); the rest is root's.
own=(./run/intune-scep ./var/lib/intune-scep)
archive() { # UID TAR_OPTION…
    local uid=$1
    shift
    tar -C "$ROOT" --format=gnu --sort=name --owner="$uid" --group="$uid" --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        -f "$work/rootfs.tar" "$@"
}
archive 0 -c "${own[@]/#/--exclude=}" .
archive 65532 -r "${own[@]}"
gzip -6n <"$work/rootfs.tar" >"$OUT/$name-rootfs.tar.gz"
"$HERE/oci_archive.py" "$OUT/$name-rootfs.tar.gz" "$VERSION" "$OUT/$name.oci.tar"
