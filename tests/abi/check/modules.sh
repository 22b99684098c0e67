#!/usr/bin/env bash
# scep-plugin-check is green on both of our modules: nobody behind them, and everybody behind them.
# BUILD names the build directory.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh

green() { # WHAT ARGUMENT…
    local what=$1
    shift
    # A child that exits while the plugin has threads confuses the search for leaks, which storm does.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$BUILD/bin/scep-plugin-check" "$@" >"$WORK/check.txt" ||
        fail "$what: $(grep -v '^ok' "$WORK/check.txt")"
    [ "$(grep -c '^skip' "$WORK/check.txt" || true)" = 0 ] || fail "$what: $(grep '^skip' "$WORK/check.txt")"
    ok "$what"
}

stack_new
green "thin, without a connector" --timeout-ms 100 --config "socket=$WORK/nobody.sock" "$BUILD/lib/scep_intune.so"

mock_start
connector_start
challenge=$(mock_challenge '{"subject":"CN=checked","subjectAltNames":[{"type":"dns","value":"checked.example"}]}')
make_csr "$WORK/device" CN=checked checked.example "$challenge"
green "thin, a request that is denied" --timeout-ms 5000 --config "socket=$WORK/connector.sock" "$BUILD/lib/scep_intune.so"
for page in "$BUILD/packaging/man/man1/scep-plugin-check.1":"passed: \([0-9]*\) ok" docs/PLUGIN-ABI.md:"failed: \([0-9]*\) ok, 1"; do
    example=$(sed -n "s/^scep_intune .*, ABI 1\.0: ${page#*:}.*/\1/p" "${page%%:*}")
    [[ $page == *passed* ]] || example=$((example + 1))
    same "$(grep -c '^ok' "$WORK/check.txt")" "$example" "how many checks there are in the example of ${page%%:*}"
done
green "thin, a request that is allowed" --timeout-ms 5000 --config "socket=$WORK/connector.sock" \
    --request "$WORK/device.der" "$BUILD/lib/scep_intune.so"

kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || true
green "direct" --timeout-ms 5000 --config "config=$WORK/connector.conf" --request "$WORK/device.der" \
    "$BUILD/lib/scep_intune_direct.so"
