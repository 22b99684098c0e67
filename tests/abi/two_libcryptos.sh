#!/usr/bin/env bash
# A plugin in a host with two libcryptos: all three go on working, and not one symbol of the plugin is bound to anything but libc.
# That this could be otherwise shows a module that needs libcrypto: it is bound to the wrong one.
# Usage: two_libcryptos.sh TWO-LIBCRYPTOS PLUGIN.so; exit 77 (skipped) without BoringSSL (package android-libboringssl).
set -euo pipefail
program=$1 plugin=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# bound_to PLUGIN: what the dynamic linker binds its symbols to, one path a line
bound_to() {
    sed -n "s|.*binding file [^ ]*$(basename "$1") \[0\] to \([^ ]*\) .*|\1|p" "$work"/bindings.* | sort -u
}
watched() { # PLUGIN TURNS
    rm -f "$work"/bindings.*
    LD_DEBUG=bindings LD_DEBUG_OUTPUT=$work/bindings "$program" "$1" "$2"
}

status=0
watched "$plugin" 2000 || status=$?
[ $status != 77 ] || exit 77
[ $status = 0 ] || { echo "two libcryptos and a plugin do not go together" >&2; exit 1; }
found=$(bound_to "$plugin" | grep -v -e "^$plugin\$" -e '/libc\.so\.6$' || true)
[ -n "$(bound_to "$plugin")" ] || { echo "nothing is known of what $plugin is bound to" >&2; exit 1; }
[ -z "$found" ] || { echo "$plugin is bound to: $found" >&2; exit 1; }
! grep -h "to $plugin " "$work"/bindings.* | grep -v "scep_plugin_entry'" ||
    { echo "somebody else is bound to $plugin" >&2; exit 1; }
echo "ok  2000 turns; bound to $(bound_to "$plugin" | grep -v "^$plugin\$" | tr '\n' ' ')alone"

cat >"$work/needs.c" <<'TEXT'
#include <openssl/sha.h>
__attribute__((visibility("default"))) int scep_plugin_entry(void);
int scep_plugin_entry(void)
{
    unsigned char digest[32];
    return SHA256((const unsigned char *)"abc", 3, digest) == digest;
}
TEXT
gcc -shared -fPIC -O1 "$work/needs.c" -o "$work/needs.so" -lcrypto
watched "$work/needs.so" 1 2>/dev/null || true # it is no plugin
bound_to "$work/needs.so" | grep -q /android/libcrypto || { echo "the check finds no mix-up" >&2; exit 1; }
echo "ok  a module that needs OpenSSL is bound to BoringSSL here"
