# shellcheck shell=bash disable=SC2034
# Sourced by what builds a package from the source tarball.
#
#   from_tarball TARBALL   unpacks it. Leaves WORK (a directory that is removed at exit), SOURCE (the tree in it), VERSION, and
#                          SOURCE_DATE_EPOCH. From then on nothing of whose machine this is reaches the build: neither umask,
#                          nor time zone, nor language.
#   release_build [TARGET…]  configures SOURCE in WORK/build as a distribution would (prefix /usr, no tests) and builds the
#                          targets, or everything
#   run_logged LOG COMMAND…  prints what the command had to say only if it fails
#   tar_of DIRECTORY       the directory as a tar with nothing of the machine in it, on standard output

from_tarball() {
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    umask 022
    export LC_ALL=C TZ=UTC
    unset CFLAGS CPPFLAGS LDFLAGS CXXFLAGS
    tar -x -z -C "$WORK" --no-same-owner -f "$1"
    SOURCE=$(echo "$WORK"/intune-scep-connector-*)
    VERSION=${SOURCE##*-}
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$SOURCE/CMakeLists.txt")}
}

run_logged() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        return 1
    }
}

release_build() {
    run_logged "$WORK/configure.log" cmake -G Ninja -S "$SOURCE" -B "$WORK/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_C_FLAGS="-ffile-prefix-map=$WORK=." -DISCEP_TESTS=OFF -DISCEP_STAND_INS=ON
    run_logged "$WORK/build.log" cmake --build "$WORK/build" ${1+--target "$@"}
}

tar_of() {
    tar -c -C "$1" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" .
}
