#!/usr/bin/env bash
# The CA is another host: two SCEP servers with an RA each have their certificates from it, and the connector revokes there. A
# real client waits while it is away, and has its certificate when it is back; what waits for too long ends as a failure that
# Intune is told of; and nobody without a certificate of his own is served.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
# shellcheck source=tests/support/remote_ca.sh
. tests/support/remote_ca.sh

declare -A url

# node NAME [OPTION…]: a SCEP server with an RA, at ${url[NAME]}
node() {
    local name=$1
    shift
    rm -f "$WORK/$name.port"
    remote_issuer
    start "$name" "$BUILD/bin/scep-host" --plugin "$BUILD/lib/scep_intune.so" --plugin-config "socket=$WORK/connector.sock" \
        --state "$WORK/$name" --port-file "$WORK/$name.port" --pending-retry-ms 200 "${REMOTE_ISSUER[@]}" "$@"
    wait_until 20 "the start of $name" test -s "$WORK/$name.port"
    url[$name]=http://127.0.0.1:$(cat "$WORK/$name.port")/scep
}

# enrol NODE NAME [OPTION…]
enrol() {
    local node=$1 name=$2 challenge
    shift 2
    challenge=$(mock_challenge "{\"subject\":\"CN=$name\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$name.example\"}],
        \"deviceId\":\"$name\"}")
    RA_FILE=$WORK/$node/ra.pem strongswan_enrol "${url[$node]}" "$WORK/ca/ca.pem" "$WORK/$name" "CN=$name" "$name.example" "$challenge" \
        --interval 1 "$@"
}

serial_of() { openssl x509 -in "$WORK/$1.pem" -noout -serial | sed 's/.*=//'; }
in_register() { cut -f 1,4 "$WORK/ca/index.txt" | grep -x "$1	$(serial_of "$2")"; } # V or R, NAME
issued_count() { grep -c "CN=$1\$" "$WORK/ca/index.txt" || true; }
told_success() { mock_transactions | jq --arg s "$(serial_of "$1")" '[.[] | select(.success.fields.certificateSerialNumber == $s)] | length'; }
told_failures() { mock_transactions | jq '[.[] | select(.failure)] | length'; }
has_result() { # SERIAL
    mock_admin GET /revocations | jq -e --arg s "$1" 'any(.[]; .serialNumber == $s and .state == "succeeded" and .errorCode == "None")'
}

stack_new
mock_start --revocation-quiet-s 0
remote_ca_start
connector_configure
{ remote_ca_section && printf '\n[revocation]\npoll_interval_ms = 3600000\n'; } >>"$WORK/connector.conf"
connector_start
node one
node two
cmp -s "$WORK/one/ca.pem" "$WORK/ca/ca.pem" || fail "node one has another CA"
! cmp -s "$WORK/one/ra.pem" "$WORK/two/ra.pem" || fail "both nodes have one RA certificate"
[ ! -e "$WORK/one/ca.key" ] || fail "a node has the key of the CA"

enrol one swan || fail "no certificate for swan"
openssl verify -CAfile "$WORK/ca/ca.pem" "$WORK/swan.pem" >/dev/null || fail "swan does not verify"
in_register V swan >/dev/null || fail "swan is not in the CA's register"
same 1 "$(told_success swan)" "what Intune knows of swan"
ok "a certificate of the CA on another host, through an RA, and Intune knows"

cp "$WORK/swan.key" "$WORK/renewed.key" # the same device, at the other node
challenge=$(mock_challenge '{"subject":"CN=swan","subjectAltNames":[{"type":"dns","value":"swan.example"}]}')
RA_FILE=$WORK/two/ra.pem strongswan_enrol "${url[two]}" "$WORK/ca/ca.pem" "$WORK/renewed" CN=swan swan.example "$challenge" \
    --interval 1 --cert "$WORK/swan.pem" --key "$WORK/swan.key" || fail "node two does not renew what came through node one"
in_register V renewed >/dev/null || fail "the renewed certificate is not in the register"
ok "node two renews what came through node one"

# --- away and back ---
remote_ca_stop
enrol one goose &
goose=$!
wait_until 20 "waiting for the CA" grep -q ' ca_away ' "$WORK/one.log"
same 0 "$(issued_count goose)" "certificates for goose"
remote_ca_start
wait "$goose" || fail "goose got no certificate when the CA was back"
same 1 "$(issued_count goose)" "certificates for goose"
same 1 "$(told_success goose)" "what Intune knows of goose"
same 0 "$(told_failures)" "failures that Intune was told of"
ok "the CA is away: PENDING, and one certificate when it is back"

remote_ca_stop
if enrol one duck --maxpolltime 3; then fail "a certificate without a CA"; fi
same 0 "$(told_failures)" "failures, while the node still waits"
remote_ca_start
node hasty --issuer-patience-ms 0
remote_ca_stop
if enrol hasty crow --maxpolltime 20; then fail "a certificate without a CA"; fi
same 1 "$(told_failures)" "failures that Intune was told of"
grep -q ' ca_failed ' "$WORK/hasty.log" || fail "the node does not say that its CA failed"
remote_ca_start
same 0 "$(issued_count crow)" "certificates for crow"
ok "a node whose patience ends refuses, and Intune is told of the failure"

# --- revocation at the CA, and what the nodes make of it ---
mock_admin POST /revocations '{"deviceId":"goose"}' >/dev/null
"$BUILD/bin/intune-scepctl" revocations run --socket "$WORK/connector.sock" >/dev/null || fail "revocations run"
wait_until 30 "Intune's result for goose" has_result "$(serial_of goose)"
in_register R goose >/dev/null || fail "goose is not revoked"
curl -sS --fail "${url[two]%/scep}/crl" | openssl crl -inform DER -noout -text | grep -q "Serial Number: $(serial_of goose)" ||
    fail "the CRL that node two serves does not have goose"
RA_FILE=$WORK/two/ra.pem
export RA_FILE
cp "$WORK/goose.key" "$WORK/again.key"
if strongswan_enrol "${url[two]}" "$WORK/ca/ca.pem" "$WORK/again" CN=goose goose.example "$challenge" --interval 1 \
    --cert "$WORK/goose.pem" --key "$WORK/goose.key"; then fail "a revoked certificate renews itself"; fi
grep -q 'reason="the message is not signed by the key or certificate it needs"' "$WORK/two.log" || fail "not for that reason"
ok "revoked at the CA by the connector: in every node's CRL, and no renewal with it"

same 194 "$(tests/support/revoke_at_ca.sh "$REMOTE_CA_URL" "$WORK/tls" "$(serial_of goose)" 4 2>/dev/null || echo $?)" "once more"
same 195 "$(tests/support/revoke_at_ca.sh "$REMOTE_CA_URL" "$WORK/tls" 0A1B 4 2>/dev/null || echo $?)" "a stranger's"
# TLS: who has no certificate of ours, and a CA that is another.
if curl -sS --cacert "$WORK/tls/tls-ca.pem" "$REMOTE_CA_URL/certificate" -o "$WORK/out" 2>"$WORK/curl.log"; then fail "served a stranger"; fi
tls_authority "$WORK/other"
if timeout 10 "$BUILD/bin/scep-host" --plugin "$BUILD/lib/scep_intune.so" --plugin-config "socket=$WORK/connector.sock" \
    --state "$WORK/misled" --issuer-url "$REMOTE_CA_URL" --issuer-ca-file "$WORK/other/tls-ca.pem" \
    --issuer-cert "$WORK/tls/client.pem" --issuer-key "$WORK/tls/client.key" 2>"$WORK/misled.err"; then fail "believed an impostor"; fi
grep -q 'the CA cannot be asked: SSL' "$WORK/misled.err" || fail "not for that reason: $(cat "$WORK/misled.err")"
ok "who is not known to the other by his certificate is not served, or not asked"
