#!/usr/bin/env bash
# What was compiled with the header of 1.0 goes on working: host-1.0 with today's module and with tomorrow's, plugin-1.0.so in
# today's host, and under scep-plugin-check. Tomorrow's is today's source with a header whose structs have all grown, as a later
# minor version may make them. BUILD names the build directory. Exit 77 (skipped) where the fixtures do not run.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
fixtures=tests/abi/fixtures
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the fixtures are x86-64 binaries"; exit 77; }
stack_new

start stand-in "$BUILD/bin/stand-in" "$WORK/s"
wait_until 20 "the stand-in's start" test -S "$WORK/s"

# answers VERIFY ISSUED ID: what a host prints that was answered so
answers() {
    local form
    for form in "" begin_; do
        echo "${form}verify_request: status 0 verdict $1 code $3 message /v1/validate"
        echo "${form}notify_issued: status 0 verdict $2 code $3 message /v1/issued"
        echo "${form}notify_failed: status 0 verdict $2 code $3 message /v1/failed"
    done
    echo "health: status 0 state 1 code "
}
allow=0x414c4c4f deny=0 retry=0x1
works() { # HOST MODULE WHAT
    same "$(answers $allow $allow allow-1)" "$("$1" "$2" allow-1 "socket=$WORK/s")" "$3: allow"
    same "$(answers $deny $deny deny-1)" "$("$1" "$2" deny-1 "socket=$WORK/s")" "$3: deny"
    same "$(answers $retry $retry retry-1)" "$("$1" "$2" retry-1 "socket=$WORK/s")" "$3: retry"
    "$1" "$2" allow-1 unknown=1 2>/dev/null && fail "$3: an unknown setting is taken"
    ok "$3"
}
works $fixtures/host-1.0 "$BUILD/lib/scep_intune.so" "the host of 1.0 with today's module"

mkdir "$WORK/next"
sed 's/^#define SCEP_PLUGIN_ABI_MINOR 0u/#define SCEP_PLUGIN_ABI_MINOR 1u/
     s/^} \(scep_text\|scep_revocation\|scep_host\|scep_request\|scep_issued\|scep_failed\|scep_answer\|scep_health\|scep_plugin\);/    uint64_t later;\n&/' \
    include/scep_plugin.h >"$WORK/next/scep_plugin.h"
same 9 "$(grep -c 'uint64_t later;' "$WORK/next/scep_plugin.h")" "structs that have grown"
next=(gcc -std=c17 -D_GNU_SOURCE -DISCEP_VERSION='"next"' -O1 -fvisibility=hidden -I"$WORK/next" -I.)
"${next[@]}" -fPIC -shared plugin/abi/*.c plugin/socket/*.c -o "$WORK/next/scep_intune.so"
"${next[@]}" $fixtures/host.c -o "$WORK/next/host"
works $fixtures/host-1.0 "$WORK/next/scep_intune.so" "the host of 1.0 with tomorrow's module"
works "$WORK/next/host" "$BUILD/lib/scep_intune.so" "tomorrow's host with today's module"

fixed() { # VERDICT_NUMBER: what the plugin of 1.0 answers
    local form
    for form in "" begin_; do
        echo "${form}verify_request: status 0 verdict $1 code Fixed message A plugin of 1.0 says so."
        echo "${form}notify_issued: status 0 verdict $allow code Fixed message A plugin of 1.0 says so."
        echo "${form}notify_failed: status 0 verdict $allow code Fixed message A plugin of 1.0 says so."
    done
    echo "health: status 0 state 1 code "
}
for host in $fixtures/host-1.0 "$WORK/next/host"; do
    for verdict in allow deny retry; do
        same "$(fixed "${!verdict}")" "$("$host" $fixtures/plugin-1.0.so any "verdict=$verdict")" "$host: $verdict"
    done
done
ok "the plugin of 1.0 with the host of 1.0 and with tomorrow's"

"$BUILD/bin/scep-plugin-check" $fixtures/plugin-1.0.so --config verdict=allow >"$WORK/check.log" 2>&1 ||
    fail "scep-plugin-check finds fault with the plugin of 1.0"
ok "the plugin of 1.0 passes scep-plugin-check"

enrols() { # VERDICT NAME
    start host-"$1" "$BUILD/bin/scep-host" --plugin $fixtures/plugin-1.0.so --plugin-config "verdict=$1" --state "$WORK/host-$1" \
        --port-file "$WORK/$1.port" --pending-retry-ms 500
    wait_until 20 "the start of scep-host ($1)" test -s "$WORK/$1.port"
    strongswan_enrol "http://127.0.0.1:$(cat "$WORK/$1.port")/scep" "$WORK/host-$1/ca.pem" "$WORK/$1" "CN=$1" "$1.example" any \
        --interval 1 --maxpolltime 3
}
enrols allow || fail "no certificate with a plugin that allows"
enrols deny && fail "a certificate with a plugin that denies"
enrols retry && fail "a certificate with a plugin that never decides"
ok "the plugin of 1.0 in today's scep-host: allow, deny, retry"
