#!/bin/sh
# The thin module compiles and links with musl, as on Alpine, without a warning; that it works there is not tried.
# Usage: musl.sh SOURCE_DIR; exit 77 (skipped) without musl-gcc (package musl-tools).
set -eu
cd "$1"
command -v musl-gcc >/dev/null || { echo "skipped: there is no musl-gcc"; exit 77; }
module=$(mktemp)
trap 'rm -f "$module"' EXIT
musl-gcc -std=c17 -D_GNU_SOURCE -DISCEP_VERSION='"musl"' -O2 -Wall -Wextra -Werror -fvisibility=hidden -fPIC -shared -Wl,-z,defs \
    -I. -Iinclude -Wl,--version-script=plugin/socket/scep_intune.map plugin/abi/*.c plugin/socket/*.c -o "$module"
needed=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ "$needed" = libc.so ] || { echo "it needs $needed, not libc.so alone" >&2; exit 1; }
echo "ok  builds with musl, and needs libc.so alone"
