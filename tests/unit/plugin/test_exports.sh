#!/bin/sh
# A plugin shows its host one symbol, brings no library but libc along, and loads on whatever has the glibc of 2021.
# Usage: test_exports.sh PLUGIN.so; exit 77 (skipped) for a sanitizer's build, which brings its runtime.
set -eu
module=$1
newest_glibc=2.34
undefined=$(nm -D --undefined-only "$module")
if printf '%s\n' "$undefined" | grep -Eq '__(asan|tsan|ubsan|msan)_'; then
    echo "skipped: built with a sanitizer"
    exit 77
fi

complain() {
    echo "$module: $1" >&2
    exit 1
}

exports=$(nm -D --defined-only "$module" | awk '{ print $2 " " $3 }')
[ "$exports" = "T scep_plugin_entry" ] || complain "exports should be scep_plugin_entry alone, but are: $exports"

dynamic=$(readelf -dW "$module")
needed=$(printf '%s\n' "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' || true)
[ "$needed" = "libc.so.6" ] || complain "libraries should be libc.so.6 alone, but are: $needed"
printf '%s\n' "$dynamic" | grep -Eq 'NODELETE|TEXTREL|RPATH|RUNPATH' &&
    complain "it must be unloadable and position independent"
printf '%s\n' "$dynamic" | grep -q BIND_NOW || complain "it is bound lazily: what it needs may be missing later"

# What is not of glibc are the weak names that the compiler's start-up files ask for.
foreign=$(printf '%s\n' "$undefined" | grep -v '@GLIBC_' | grep -Ev ' w (_ITM_|__gmon_start__$)' || true)
[ -z "$foreign" ] || complain "it needs what is not of libc: $foreign"
highest=$(printf '%s\n' "$undefined" | sed -n 's/.*@GLIBC_//p' | sort -uV | tail -n 1)
[ "$(printf '%s\n%s\n' "$highest" "$newest_glibc" | sort -V | tail -n 1)" = "$newest_glibc" ] ||
    complain "it needs glibc $highest; $newest_glibc is the newest that it may"

# Nothing runs when it is loaded or unloaded but the compiler's own (one pointer each), and no thread pays for it.
segments=$(readelf -lW "$module")
printf '%s\n' "$segments" | grep -q 'GNU_RELRO' || complain "its relocations stay writable"
printf '%s\n' "$segments" | grep 'GNU_STACK' | grep -q 'RW ' || complain "it wants an executable stack"
printf '%s\n' "$segments" | grep -q ' TLS ' && complain "it has thread-local storage"
for array in INIT FINI; do
    size=$(printf '%s\n' "$dynamic" | sed -n "s/.*(${array}_ARRAYSZ) *\([0-9]*\).*/\1/p")
    [ "${size:-0}" -le 8 ] || complain "it has functions of its own that run when it is loaded or unloaded"
done

echo "one symbol; libc alone, glibc $highest or later"
