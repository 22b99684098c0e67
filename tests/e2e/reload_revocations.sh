#!/usr/bin/env bash
# Reloads while the SCEP server's plugin has a revocation in hand: its result is taken however many reloads came meanwhile,
# and nobody begins anew for the tenant before, even if the tenant was gone for a while.
# WORKERS says how many workers the connector has (1).
set -euo pipefail
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
WORKERS=${WORKERS:-1}
stack_new
mock_start --revocation-quiet-s 0
connector_configure
sed -i "/^\[connector\]/a workers = $WORKERS" "$WORK/connector.conf"
printf '\n[ca/host]\nkind = plugin\nissuer = CN=Host\ntimeout_ms = 60000\n\n[revocation]\npoll_interval_ms = 3600000\n' \
    >>"$WORK/connector.conf"
cp "$WORK/connector.conf" "$WORK/contoso.conf"
sed 's/contoso/fabrikam/; s/^tenant_id = .*/tenant_id = 99999999-2222-3333-4444-555555555555/' "$WORK/contoso.conf" >"$WORK/fabrikam.conf"
connector_start

reload_to() { # NAME
    cp "$WORK/$1.conf" "$WORK/connector.conf"
    "$BUILD/bin/intune-scepctl" reload --socket "$WORK/connector.sock" >"$WORK/reload.out" 2>&1 ||
        fail "the reload: $(cat "$WORK/reload.out")"
}
ask_to_revoke() { mock_admin POST /revocations "{\"serialNumber\":\"$1\",\"issuerName\":\"CN=Host\"}" >/dev/null; } # SERIAL
run_now() { connector_ask /v1/revocations/run -X POST --fail >/dev/null; }
take_work() { # into WORK/work
    connector_ask /v1/revocations/next -X POST -H 'X-Scep-Wait-Ms: 20000' --fail >"$WORK/work" && test -s "$WORK/work"
}
settle() { # prints the HTTP status
    connector_ask /v1/revocations/result -X POST -o "$WORK/settled" -w '%{http_code}' \
        -H "X-Scep-Revocation-Id: $(jq -r .id "$WORK/work")" -H 'X-Scep-Revocation-Outcome: revoked'
}
state_of() { mock_admin GET /revocations | jq -r --arg s "$1" '.[] | select(.serialNumber == $s).state'; } # SERIAL
has_state() { [ "$(state_of "$1")" = "$2" ]; }
last_poll() { connector_ask /v1/journal | jq -r '.revokers[0].lastPollAt'; }

ask_to_revoke 0A1B
run_now
wait_until 20 "the plugin's work" take_work
same 0A1B "$(jq -r .serialNumber "$WORK/work")" "what is to be revoked"

reload_to fabrikam
reload_to contoso
ask_to_revoke 0C2D
run_now
read -rt 1 <> <(:) || true # for what must not happen
same null "$(last_poll)" "the last poll of the tenant that came back"
same queued "$(state_of 0C2D)" "what Intune asked for meanwhile"
ok "who comes back waits for what was begun before it went"

reload_to contoso
same 200 "$(settle)" "a result after three reloads ($(cat "$WORK/settled"))"
wait_until 20 "the result's upload" has_state 0A1B succeeded
ok "the plugin's result is taken after three reloads"

wait_until 20 "the next one's work" take_work
same 0C2D "$(jq -r .serialNumber "$WORK/work")" "what comes next"
same 200 "$(settle)" "its result"
wait_until 20 "its upload" has_state 0C2D succeeded
ok "and then it goes on"

# Of two that are asked of the plugin it has fetched one when a reload comes: the other is there to be fetched, too.
ask_to_revoke 0E01
ask_to_revoke 0E02
run_now
wait_until 20 "the first of two" take_work
first=$(jq -r .serialNumber "$WORK/work")
same 200 "$(settle)" "its result"
reload_to contoso
wait_until 20 "the second of two" take_work
same 0E01,0E02 "$(printf '%s\n' "$first" "$(jq -r .serialNumber "$WORK/work")" | sort | paste -sd,)" "the two"
same 200 "$(settle)" "the second's result"
wait_until 20 "the first's upload" has_state 0E01 succeeded
wait_until 20 "the second's upload" has_state 0E02 succeeded
ok "what was asked of the plugin and not fetched before a reload is fetched after it"
