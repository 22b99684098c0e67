#!/usr/bin/env bash
# Sixty devices of four platforms, two SCEP URLs, one of them dead: each platform fares as docs/FLEET.md says, and Intune knows
# of every certificate that a device has.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh

fleet() { # OPTION…: output to fleet.log, exit code in EXIT
    EXIT=0
    "$BUILD/bin/iscep-bench" fleet --mock-admin "$MOCK_URL" --ca "$WORK/mock/ca.pem" --keys 2 \
        --timeout-ms 60000 --connect-timeout-ms 30000 --json "$WORK/fleet.json" \
        --certificates "$WORK/certificates" "$@" >"$WORK/fleet.log" 2>&1 || EXIT=$?
}
report() { jq -er "$1" "$WORK/fleet.json"; }
certificates() { jq -ers "$1" "$WORK/certificates"; }

# --- the command line
"$BUILD/bin/iscep-bench" fleet --help | grep -q -- "--policy-cycle-ms M" || fail "--help"
refused() { # WORDS OPTION…
    local words=$1 code=0
    shift
    "$BUILD/bin/iscep-bench" fleet "$@" >/dev/null 2>"$REFUSED" || code=$?
    same 2 "$code" "exit code of $*"
    grep -qF -- "$words" "$REFUSED" || fail "$*: $(cat "$REFUSED")"
}
stack_new
REFUSED=$WORK/refused
refused "--url is needed"
refused "--mix: PLATFORM=PERCENT" --url http://a/ --mock-admin http://m/ --mix android=99
refused "--devices: a number" --url http://a/ --mock-admin http://m/ --devices 0
ok "the command line"

stack_start --ra

# --- one URL dead
DEAD=http://127.0.0.1:9/scep # discard: nobody listens
fleet --url "$SCEP_URL" --url "$DEAD" --devices 60 --mix android=30,windows=30,ios=30,macos=10 \
    --policy-cycle-ms 100 --policy-cycles 20 --svg "$WORK/fleet.svg"
same 1 "$EXIT" "exit code, for macOS lacks the certificates of the dead URL"
same 60 "$(certificates length)" "certificates"
for platform in android windows; do
    same "18 18 0" "$(report ".platforms.$platform | \"\(.issued) \(.firstCycle) \(.lost)\"")" "$platform"
done
same "18 0" "$(report '.platforms.ios | "\(.issued) \(.lost)"')" "iOS"
same "12 6 6" "$(report '.platforms.macos | "\(.wanted) \(.issued) \(.lost)"')" "macOS"
same "[\"$DEAD\"]" "$(report '[.setbackList[].url] | unique | tostring')" "URLs that failed"
same '["cannot connect"]' "$(report '[.causes[].reason] | tostring')" "why"
# Whoever of iOS failed was handed the dead URL, had no second try in that cycle, and succeeded in a later one.
same true "$(report '[.setbackList[] | select(.platform == "ios") | "\(.device) \(.cycle)"] | length == (unique | length)')" \
    "one try a cycle"
same "$(report '[.setbackList[] | select(.platform == "ios") | .device] | unique | length')" \
    "$(certificates '[.[] | select(.platform == "ios" and .cycle > 1)] | length')" "iOS devices that needed another cycle"
ok "each platform has what it can have"

same "$(reported_thumbprints)" "$(certificates '.[].thumbprint' | sort)" "what Intune knows, and what devices have"
same "$(delivered_thumbprints)" "$(certificates '.[].thumbprint' | sort)" "what the CA has delivered, and what devices have"
same 60 "$(certificates 'map(.serialNumber) | unique | length')" "serial numbers"
same 60 "$(certificates 'map(.transactionId) | unique | length')" "transactions"
ok "Intune knows every certificate"

grep -q "android: 18 of 18" "$WORK/fleet.svg" || fail "the chart"
grep -Eq "^macos +12 +6" "$WORK/fleet.log" || fail "the report"
! grep -q "MII" "$WORK/fleet.log" "$WORK/fleet.json" "$WORK/certificates" || fail "something that looks like a challenge is told"

# --- renewals
fleet --url "$SCEP_URL" --devices 10 --mix windows=50,ios=50 --renew-waves 2
same 0 "$EXIT" "exit code"
same "10 10 10" "$(report '.waves | map(.issued) | join(" ")')" "certificates of each wave"
same 30 "$(certificates 'map(.serialNumber) | unique | length')" "serial numbers"
ok "two waves of renewals"

# --- somebody else in the place of Intune
fleet --url "$SCEP_URL" --devices 2 --mix android=100 --policy-cycles 1 --mock-ca "$CA_FILE"
same 1 "$EXIT" "exit code"
same '["no profile: TLS certificate not trusted"]' "$(report '[.causes[].reason] | tostring')" "why"
ok "a server that is not trusted gives nothing"

# --- an interrupt
rm "$WORK/certificates" "$WORK/fleet.json"
start interrupted "$BUILD/bin/iscep-bench" fleet --mock-admin "$MOCK_URL" --ca "$WORK/mock/ca.pem" --keys 1 --url "$SCEP_URL" \
    --devices 10000 --rate 20 --json "$WORK/fleet.json" --certificates "$WORK/certificates"
wait_until 30 "the first certificate" test -s "$WORK/certificates"
kill -INT "$STARTED"
code=0
wait "$STARTED" || code=$?
same 1 "$code" "exit code of an interrupted run"
grep -q "INTERRUPTED" "$WORK/interrupted.log" || fail "the report does not say that it was interrupted"
same true "$(report .isInterrupted)" "isInterrupted"
same "$(certificates length)" "$(report .all.issued)" "certificates"
ok "an interrupt still reports"
