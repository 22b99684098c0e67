#!/usr/bin/env bash
# Intune and the connector on bad days: never a certificate, never a crash, and as little as possible that anybody
# notices. Every single failure by itself is in matrix.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start
connector_configure
echo "breaker_open_ms = 2000" >>"$WORK/connector.conf"
connector_start
host_start

serial=0
# One request over the local API, as a SCEP server would send it. ANSWER is "STATUS VERDICT CODE".
ask() { # [CURL OPTION…]
    serial=$((serial + 1))
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=dev-$serial\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"dev-$serial.example\"}]}")
    cp "$WORK/device.key" "$WORK/dev.key"
    make_csr "$WORK/dev" "CN=dev-$serial" "dev-$serial.example" "$challenge"
    local reply
    reply=$(connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: t-$serial" \
        -H 'X-Scep-Timeout-Ms: 3000' --data-binary "@$WORK/dev.der" -w '\n%{http_code}' "$@")
    ANSWER="$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')"
}
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null

healthy() { # AFTER
    ask
    same "200 allow Success" "$ANSWER" "the healthy request after $1"
}
healthy "the start"

# A failure that passes is invisible: it is tried again while the caller waits.
for fault in '{"endpoint":"validate","kind":"status","status":503,"times":1}' '{"endpoint":"validate","kind":"cut","times":2}' \
    '{"endpoint":"validate","kind":"status","status":429,"retryAfter":1,"times":1}'; do
    mock_fault "$fault"
    healthy "$fault"
    same 0 "$(mock_admin GET /faults | jq length)" "faults that are left"
done
ok "failures that pass are invisible"

# Intune stays away: everybody is told at once, and when; then one probe finds out that it is back.
mock_fault '{"endpoint":"validate","kind":"status","status":500}'
circuit_is_open() { ask -D "$WORK/head" && [ "$ANSWER" = "503 retry circuit_open" ]; }
wait_until 20 "the open circuit" circuit_is_open
grep -qi '^Retry-After: [12]' "$WORK/head" || fail "no Retry-After with an open circuit: $(cat "$WORK/head")"
mock_no_faults
is_healthy() { ask && [ "$ANSWER" = "200 allow Success" ]; }
wait_until 10 "the closed circuit" is_healthy
ok "a dead Intune is answered at once, and found again"

# An impatient device asks again while its first request is on its way: one call to Intune.
validations() { mock_admin GET /stats | jq .validate.requests; }
before=$(validations)
mock_fault '{"endpoint":"validate","kind":"latency","latencyMs":1500,"times":1}'
ask_again() { # FILE
    connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: t-$serial" \
        --data-binary "@$WORK/dev.der" -o /dev/null -w '%{http_code}' >"$1"
}
for n in 1 2 3 4; do ask_again "$WORK/shared.$n" & shared[n]=$!; done
for n in 1 2 3 4; do wait "${shared[n]}" && same 200 "$(cat "$WORK/shared.$n")" "answer $n of the shared call"; done
same $((before + 1)) "$(validations)" "validations for four equal questions at a time"
ok "equal questions share one call"

# Nobody waits any more: nothing is tried again.
before=$(validations)
mock_fault '{"endpoint":"validate","kind":"status","status":429,"retryAfter":1,"times":1}'
connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: gone' \
    --data-binary "@$WORK/dev.der" --max-time 0.3 -o /dev/null 2>/dev/null && fail "an answer within 0.3 s"
wait_until 10 "the end of the request" grep -q 'transaction_id=gone verdict=retry code=throttled' "$WORK/connector.log"
same $((before + 1)) "$(validations)" "validations for a caller who hung up"
ok "nothing is retried for a caller who hung up"

# Intune says something that nobody has heard of: a refusal, with its text kept.
mock_fault '{"endpoint":"validate","kind":"code","code":"SomethingNew","times":1}'
ask
same "403 deny SomethingNew" "$ANSWER" "an unknown code"
mock_fault '{"endpoint":"validate","kind":"code","code":"success","times":1}'
ask
same "403 deny success" "$ANSWER" "a code that is nearly Success"
healthy "unknown codes"
ok "unknown codes refuse"

# Intune refuses the report of an issued certificate: the device gets nothing, the certificate is kept apart.
enrol() { # NAME
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "$1.example" "$challenge" --interval 1 --maxpolltime 60
}
before=$(reported_thumbprints | wc -l)
mock_fault '{"endpoint":"success","kind":"code","code":"Unknown"}'
enrol unreported && fail "a certificate that Intune refused to take note of"
[ ! -e "$WORK/unreported.pem" ] || fail "a certificate that Intune refused to take note of"
same "$before" "$(reported_thumbprints | wc -l)" "certificates that Intune knows"
same 1 "$(grep -lr "CN = unreported\$\|CN=unreported\$" <(for f in "$WORK"/host/withheld/*.pem; do
    openssl x509 -in "$f" -noout -subject -nameopt RFC2253; done) | wc -l)" "withheld certificates"
mock_no_faults
ok "a report that is refused: withheld"

# Intune does not answer it: the device waits, and gets its certificate when Intune has taken note.
pending_reports() { grep -c 'issued_reported.*code=report_pending' "$WORK/connector.log" || true; }
is_pending_more_than() { [ "$(pending_reports)" -gt "$1" ]; }
held() { # NAME FAULT
    local client before
    before=$(pending_reports)
    mock_fault "$2"
    enrol "$1" &
    client=$!
    wait_until 30 "the pending report of $1" is_pending_more_than "$before"
    [ ! -e "$WORK/$1.pem" ] || fail "$1 got a certificate of which Intune does not know"
    mock_no_faults
    wait $client || fail "no certificate for $1 when Intune was back"
    reported_thumbprints | grep -qx "$(openssl x509 -in "$WORK/$1.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" ||
        fail "$1 has a certificate of which Intune does not know"
    ok "held, then delivered: $2"
}
held held-1 '{"endpoint":"success","kind":"status","status":500}'
held held-2 '{"endpoint":"success","kind":"cut"}'

# The connector is away: pending, and a certificate once it is back.
kill -9 "$CONNECTOR_PID"
challenge=$(mock_challenge '{"subject":"CN=patient","subjectAltNames":[{"type":"dns","value":"patient.example"}]}')
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/patient" CN=patient patient.example "$challenge" --interval 1 \
    --maxpolltime 60 &
client=$!
wait_until 20 "pending" grep -qi pending "$WORK/host.log"
[ ! -e "$WORK/patient.pem" ] || fail "a certificate without a connector"
connector_start
wait $client || fail "no certificate after the connector came back"
[ -s "$WORK/patient.pem" ] || fail "no certificate after the connector came back"
ok "the connector killed and restarted: pending, then issued"

# SIGTERM: what is in flight is answered, then it ends.
mock_fault '{"endpoint":"validate","kind":"latency","latencyMs":1500,"times":1}'
ask_in_background() { ask; echo "$ANSWER" >"$WORK/answer"; }
ask_in_background &
client=$!
seen_by_mock() { [ "$(mock_admin GET /faults | jq length)" = 0 ]; } # "times": 1 is used up as soon as it strikes
wait_until 10 "the request's arrival" seen_by_mock
kill -TERM "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || fail "the connector did not end with 0"
wait $client
same "200 allow Success" "$(cat "$WORK/answer")" "the request in flight at SIGTERM"
[ ! -e "$WORK/connector.sock" ] || fail "the socket file was left behind"
ok "SIGTERM finishes what is in flight"
