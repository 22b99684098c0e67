#!/usr/bin/env bash
# What libiscep.so exports is what its headers declare, with a symbol version; and what it needs is known.
set -euo pipefail
cd "$(dirname "$0")/../../.."
BUILD=${BUILD:-build}
LIBRARY=$BUILD/lib/libiscep.so
failed=0
same() { # WANTED FOUND WHAT
    [ "$1" != "$2" ] || return 0
    echo "exports: $3:"
    diff <(echo "$1") <(echo "$2") || true
    failed=1
}

same "$(sed -n 's/^ISCEP_API [^(]*[ *]\([a-z_]*\)(.*/T \1@@ISCEP_1.0/p' include/iscep/*.h | sort)" \
    "$(nm -D --defined-only "$LIBRARY" | awk '$2 != "A" { print $2, $3 }' | sort)" "declared (<) and exported (>)"
same "$(printf '%s\n' ld-linux-x86-64 libc libcjson libcrypto libcurl libevent_core-2.1)" \
    "$(readelf -d "$LIBRARY" | sed -n 's/.*NEEDED.*\[\(.*\)\.so\.[0-9]*\]/\1/p' | sort)" "what it needs"
same "libiscep.so.1" "$(readelf -d "$LIBRARY" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" "its SONAME"
same "NODELETE" "$(readelf -d "$LIBRARY" | grep FLAGS_1 | grep -o NODELETE)" "whether it stays loaded"
exit $failed
