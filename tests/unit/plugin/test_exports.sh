#!/bin/sh
# A plugin shows its host one symbol and brings no library but libc along.
# Usage: test_exports.sh PLUGIN.so; exit 77 (skipped) for a sanitizer's build, which brings its runtime.
set -eu
module=$1
if nm -D --undefined-only "$module" | grep -Eq '__(asan|tsan|ubsan|msan)_'; then
    echo "skipped: built with a sanitizer"
    exit 77
fi

exports=$(nm -D --defined-only "$module" | awk '{ print $2 " " $3 }')
if [ "$exports" != "T scep_plugin_entry" ]; then
    echo "exports should be scep_plugin_entry alone, but are: $exports" >&2
    exit 1
fi

needed=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' || true)
if [ "$needed" != "libc.so.6" ]; then
    echo "libraries should be libc.so.6 alone, but are: $needed" >&2
    exit 1
fi

if readelf -d "$module" | grep -Eq 'NODELETE|TEXTREL|RPATH|RUNPATH'; then
    echo "the module must be unloadable and position independent" >&2
    exit 1
fi
