#!/usr/bin/env bash
# Intune, the connector and the network on bad days: never a certificate, never a crash, and the next healthy request
# succeeds without a restart.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
stack_start

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

# Every fault of the mock on the way to a verdict: a retry, whatever was wrong, and recovery by itself.
faulty() { # ENDPOINT JSON-OF-THE-FAULT CODES
    mock_fault "$(jq -n --arg e "$1" "{endpoint: \$e} + $2")"
    [ "$1" = validate ] || restart_connector # so that it has to fetch tokens and address again
    ask
    [[ $ANSWER =~ ^503\ retry\ ($3)$ ]] || fail "$1 $2: $ANSWER, not 503 retry $3"
    local answer=$ANSWER
    mock_no_faults
    wait_until 15 "recovery after $1 $2" is_healthy # a fetch that hangs is given up after ten seconds
    ok "$1 $2: $answer, then recovers"
}
is_healthy() { ask && [ "$ANSWER" = "200 allow Success" ]; }
restart_connector() {
    kill "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" || fail "the connector did not end in order"
    connector_start
}

for endpoint in validate discovery token; do
    faulty $endpoint '{kind:"status",status:500}' 'intune_service|graph_service|token_service'
    faulty $endpoint '{kind:"status",status:503,retryAfter:7}' 'intune_service|graph_service|token_service'
    faulty $endpoint '{kind:"status",status:429,retryAfter:7}' throttled
    faulty $endpoint '{kind:"cut"}' 'cut|network'
    faulty $endpoint '{kind:"reset"}' 'cut|network'
    faulty $endpoint '{kind:"truncate"}' 'cut|json_malformed|intune_reply_malformed|network'
    faulty $endpoint '{kind:"html"}' 'json_malformed|intune_reply_malformed'
    faulty $endpoint '{kind:"garbage"}' 'json_malformed|intune_reply_malformed|not_http|network'
    faulty $endpoint '{kind:"huge"}' 'response_too_large'
    faulty $endpoint '{kind:"redirect"}' 'intune_status|graph_status|token_reply|json_malformed'
    faulty $endpoint '{kind:"hang"}' 'timeout'
    faulty $endpoint '{kind:"latency",latencyMs:5000}' 'timeout'
done
faulty validate '{kind:"status",status:404}' intune_status
faulty validate '{kind:"status",status:401}' intune_refused_us
faulty validate '{kind:"status",status:403}' intune_refused_us

# Intune says something that nobody has heard of: a refusal, with its text kept.
mock_fault '{"endpoint":"validate","kind":"code","code":"SomethingNew","times":1}'
ask
same "403 deny SomethingNew" "$ANSWER" "an unknown code"
mock_fault '{"endpoint":"validate","kind":"code","code":"success","times":1}'
ask
same "403 deny success" "$ANSWER" "a code that is nearly Success"
healthy "unknown codes"
ok "unknown codes refuse"

# The report of an issued certificate cannot be had: the device gets nothing, the certificate is kept apart.
withheld() { # NAME FAULT
    mock_fault "$2"
    local challenge before
    before=$(reported_thumbprints | wc -l)
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    if strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "$1.example" "$challenge" --interval 1 --maxpolltime 20; then
        fail "$1 got a certificate of which Intune does not know"
    fi
    [ ! -e "$WORK/$1.pem" ] || fail "$1 got a certificate of which Intune does not know"
    same "$before" "$(reported_thumbprints | wc -l)" "certificates that Intune knows"
    same 1 "$(grep -lr "CN = $1\$\|CN=$1\$" <(for f in "$WORK"/host/withheld/*.pem; do
        openssl x509 -in "$f" -noout -subject -nameopt RFC2253; done) | wc -l)" "withheld certificates of $1"
    mock_no_faults
    ok "withheld: $2"
}
withheld unreported-1 '{"endpoint":"success","kind":"status","status":500}'
withheld unreported-2 '{"endpoint":"success","kind":"code","code":"Unknown"}'
withheld unreported-3 '{"endpoint":"success","kind":"cut"}'

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
