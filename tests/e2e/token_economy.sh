#!/usr/bin/env bash
# A hundred thousand validations cost two tokens and one discovery: what is fetched once serves all.
# COUNT in the environment makes it more or less.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh

count=${COUNT:-100000}
stack_new
mock_start
connector_start
challenge=$(mock_challenge '{"subject":"CN=device","subjectAltNames":[{"type":"dns","value":"device.example"}]}')
make_csr "$WORK/device" CN=device device.example "$challenge"

figures=$("$BUILD/bin/ask-daemon" "$WORK/connector.sock" "$WORK/device.der" "$count" 256) || fail "$figures"
[[ $figures == "$count allowed"* ]] || fail "not every validation was allowed: $figures"
stats=$(mock_admin GET /stats)
requests() { jq ".$1.requests" <<<"$stats"; }
same "$count" "$(requests validate)" "validations that Intune has seen"
[ "$(requests token)" -le 2 ] || fail "$(requests token) token calls"
same 1 "$(requests discovery)" "discovery calls"
ok "$figures: $(requests validate) validations, $(requests token) token calls, $(requests discovery) discovery"
