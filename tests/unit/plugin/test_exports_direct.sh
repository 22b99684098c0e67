#!/bin/sh
# The direct module shows its host one symbol, is never unloaded, and brings the libraries of the daemon along and no others.
# Usage: test_exports_direct.sh PLUGIN.so; exit 77 (skipped) for a sanitizer's build, which brings its runtime.
set -eu
module=$1
if nm -D --undefined-only "$module" | grep -Eq '__(asan|tsan|ubsan|msan)_'; then
    echo "skipped: built with a sanitizer"
    exit 77
fi

complain() {
    echo "$1" >&2
    exit 1
}

exports=$(nm -D --defined-only "$module" | awk '{ print $2 " " $3 }')
[ "$exports" = "T scep_plugin_entry" ] || complain "exports should be scep_plugin_entry alone, but are: $exports"

dynamic=$(readelf -dW "$module")
needed=$(printf '%s\n' "$dynamic" | sed -n 's/.*(NEEDED).*\[lib\([a-z_0-9]*\)[-.].*/\1/p' | sort | paste -sd' ')
expected="c cjson crypto curl event_core event_openssl http_parser ini_config sqlite3 ssl systemd"
[ "$needed" = "$expected" ] || complain "libraries should be: $expected, but are: $needed"

printf '%s\n' "$dynamic" | grep -q NODELETE || complain "it could be unloaded under the threads of its libraries"
printf '%s\n' "$dynamic" | grep -q BIND_NOW || complain "it is bound lazily: what it needs may be missing later"
printf '%s\n' "$dynamic" | grep -Eq 'TEXTREL|RPATH|RUNPATH' && complain "it must be position independent"

# What changes the process is intune-scepd's, and no part of it: signals, limits, descriptors of systemd.
foreign=$(nm -D --undefined-only "$module" | awk '{ print $2 }' | sed 's/@.*//' |
    grep -Ex 'signal|sigaction|setrlimit|prctl|umask|setlocale|setenv|putenv|unsetenv|chdir|exit|abort|quick_exit' || true)
[ -z "$foreign" ] || complain "it calls what is the host's to call: $foreign"
echo "one symbol; never unloaded; the daemon's libraries"
