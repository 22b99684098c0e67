#!/usr/bin/env bash
# ./dev demo: the whole path with real parts, told as a story. Exit 0 only if every step did what it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh

keep=no
case "${1:-}" in
'') ;;
--keep) keep=yes ;;
*) echo "Usage: ./dev demo [--keep]"; exit 2 ;;
esac

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' green='' plain=''; fi

chapter=0
chapter() {
    chapter=$((chapter + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$chapter" "$1" "$plain"
}
tell() { printf '   %s\n' "$@"; }
show() { sed "s/^/   $dim| /; s/\$/$plain/"; }
ok() { printf '   %sok%s  %s\n' "$green" "$plain" "$1"; }

# The certificate chains to the host's CA, and carries this common name.
check_certificate() { # FILE CN
    openssl verify -CAfile "$CA_FILE" "$1" >/dev/null 2>&1 || fail "$1 is not by the host's CA"
    openssl x509 -in "$1" -noout -subject -nameopt multiline | grep -qE "commonName += $2\$" ||
        fail "$1 is not for $2"
}

show_certificate() {
    openssl x509 -in "$1" -noout -subject -issuer -enddate -ext subjectAltName 2>/dev/null | grep -v '^$' | show
}

# What the mock, playing Intune, knows of a certificate with this thumbprint.
check_known_to_intune() { # FILE
    local thumbprint
    thumbprint=$(openssl x509 -in "$1" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    mock_transactions | jq -e --arg t "$thumbprint" \
        'any(.. | objects; .certificateThumbprint? == $t)' >/dev/null || fail "Intune was not told of $1"
}

enrolled() { # FILE CN CLIENT
    check_certificate "$1" "$2"
    check_known_to_intune "$1"
    show_certificate "$1"
    ok "$3 has a certificate for $2, and Intune knows its thumbprint"
}

scepctl() { "$BUILD/bin/intune-scepctl" "$@" --socket "$WORK/connector.sock"; }

# The SCEP server's CA revokes when it is asked through its plugin; Intune is asked only when the story wants it.
configure() {
    connector_configure
    cat >>"$WORK/connector.conf" <<TEXT

[ca/host]
kind = plugin

[revocation]
poll_interval_ms = 3600000
TEXT
}

stack_new

cat <<TEXT
${bold}intune-scep-connector: one device, one challenge, one certificate${plain}

   device --SCEP--> scep-host --scep_plugin.h--> scep_intune.so --Unix socket--> intune-scepd --HTTPS--> intune-mock

Everything is real but Intune: the mock in its place checks what it is given as strictly as the original.
TEXT

chapter "Starting the parts"
mock_start --revocation-quiet-s 0
configure
connector_start
host_start
wait_until 20 "the connector's readiness" connector_ask /readyz --fail
ok "intune-mock   $MOCK_URL   (Entra ID, Graph and Intune, with TLS)"
ok "intune-scepd  unix:$WORK/connector.sock   (has a token, knows Intune's address)"
ok "scep-host     $SCEP_URL   (an RFC 8894 server that has loaded scep_intune.so)"

chapter "strongSwan enrols"
tell "An administrator assigned a SCEP profile: CN=laptop-1, DNS laptop-1.contoso.example, RSA 2048." \
    "Intune gives the device a challenge that only Intune can read:"
challenge=$(mock_challenge '{"subject":"CN=laptop-1","subjectAltNames":[{"type":"dns","value":"laptop-1.contoso.example"}],
    "keyLength":2048,"deviceId":"laptop-1"}')
echo "${challenge:0:72}…  (${#challenge} characters)" | show
tell "The device asks: pki --scep --url $SCEP_URL --dn CN=laptop-1 --san laptop-1.contoso.example …"
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/laptop-1" CN=laptop-1 laptop-1.contoso.example "$challenge" ||
    fail "strongSwan got no certificate"
enrolled "$WORK/laptop-1.pem" laptop-1 strongSwan
tell "What the connector did, from its log:"
grep -E 'token_issued|discovery_done|request_verified|issued_reported' "$WORK/connector.log" | cut -c26-160 | show

chapter "certmonger enrols"
challenge=$(mock_challenge '{"subject":"CN=server-7","subjectAltNames":[{"type":"dns","value":"server-7.contoso.example"}],
    "deviceId":"server-7"}')
certmonger_enrol "$SCEP_URL" "$CA_FILE" "$WORK/server-7" CN=server-7 server-7.contoso.example "$challenge" ||
    fail "certmonger got no certificate"
enrolled "$WORK/server-7.pem" server-7 certmonger

chapter "micromdm's scepclient enrols"
tell "It still encrypts with single DES, which scep-host accepts with --legacy-des only."
challenge=$(mock_challenge "$(jq -n --arg subject "$(scepclient_subject phone-3)" '{subject:$subject,deviceId:"phone-3"}')")
scepclient_enrol "$SCEP_URL" "$WORK/phone-3" phone-3 "$challenge" || fail "scepclient got no certificate"
enrolled "$WORK/phone-3.pem" phone-3 scepclient

chapter "A device asks for more than its profile gives"
tell "The challenge is for CN=intern. The request says CN=ceo."
challenge=$(mock_challenge '{"subject":"CN=intern","subjectAltNames":[{"type":"dns","value":"intern.contoso.example"}],
    "deviceId":"intern"}')
if strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/ceo" CN=ceo intern.contoso.example "$challenge"; then
    fail "the tampered request got a certificate"
fi
[ ! -e "$WORK/ceo.pem" ] || fail "the tampered request left a certificate"
grep 'request_verified' "$WORK/connector.log" | tail -n 1 | cut -c26-330 | show
grep 'request_verified' "$WORK/connector.log" | tail -n 1 | grep -q 'verdict=deny code=SubjectNameMismatch' ||
    fail "the refusal was not Intune's"
ok "refused, with Intune's own reason: SubjectNameMismatch"

chapter "Intune is down, and comes back"
tell "From now on Intune answers 503. That is neither a yes nor a no: the device is told to ask again (PENDING)."
mock_fault '{"endpoint":"validate","kind":"status","status":503}'
challenge=$(mock_challenge '{"subject":"CN=tablet-9","subjectAltNames":[{"type":"dns","value":"tablet-9.contoso.example"}],
    "deviceId":"tablet-9"}')
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/tablet-9" CN=tablet-9 tablet-9.contoso.example "$challenge" \
    --interval 1 --maxpolltime 60 &
client=$!
wait_until 30 "a verdict retry" grep -q 'verdict=retry' "$WORK/connector.log"
wait_until 30 "a poll" grep -qi 'pending' "$WORK/host.log"
grep 'verdict=retry' "$WORK/connector.log" | tail -n 1 | cut -c26-220 | show
[ ! -e "$WORK/tablet-9.pem" ] || fail "a certificate was issued while Intune was down"
ok "pending: no certificate while nobody can say"
mock_no_faults
tell "Intune is back. The device polls (CertPoll)."
wait $client || fail "the pending request did not end in a certificate"
enrolled "$WORK/tablet-9.pem" tablet-9 strongSwan

chapter "The connector is killed while it owes Intune a report"
tell "Intune takes no reports now. The certificate of kiosk-4 is issued, the report is on disk, the device waits:"
mock_fault '{"endpoint":"success","kind":"status","status":503}'
challenge=$(mock_challenge '{"subject":"CN=kiosk-4","subjectAltNames":[{"type":"dns","value":"kiosk-4.contoso.example"}],
    "deviceId":"kiosk-4"}')
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/kiosk-4" CN=kiosk-4 kiosk-4.contoso.example "$challenge" \
    --interval 1 --maxpolltime 60 &
client=$!
is_owed() { [ "$(scepctl outbox list --all --json | jq .owed)" = 1 ]; }
wait_until 30 "the report in the outbox" is_owed
scepctl outbox list --all | show
[ ! -e "$WORK/kiosk-4.pem" ] || fail "a certificate of which Intune does not know"
kill -9 "$CONNECTOR_PID"
{ wait "$CONNECTOR_PID"; } 2>/dev/null || true
tell "kill -9. A new connector is started, and Intune is back."
mock_no_faults
connector_start
wait $client || fail "the kill has cost the device its certificate"
enrolled "$WORK/kiosk-4.pem" kiosk-4 strongSwan
reports=$(mock_transactions | jq -c '[.[] | select(.deviceId == "kiosk-4") | .success.distinctContents]')
[ "$reports" = "[1]" ] || fail "Intune was told different things of kiosk-4: $reports"
ok "nothing was lost, and nothing said twice"

chapter "Intune asks for a revocation"
tell "laptop-1 is wiped. Intune wants its certificate revoked; intune-scepctl revocations run asks for it at once."
mock_admin POST /revocations '{"deviceId":"laptop-1"}' >/dev/null
scepctl revocations run >/dev/null
revocation() { mock_admin GET /revocations | jq -r '.[0] | "\(.state) \(.errorCode)"'; }
is_answered() { [ "$(revocation)" = "succeeded None" ]; }
wait_until 30 "the result" is_answered
serial=$(openssl x509 -in "$WORK/laptop-1.pem" -noout -serial | sed 's/.*=//')
curl -sS --fail "${SCEP_URL%/scep}/crl" | openssl crl -inform DER -out "$WORK/crl.pem"
openssl crl -in "$WORK/crl.pem" -noout -issuer -crlnumber | show
openssl crl -in "$WORK/crl.pem" -noout -text | grep -A1 "Serial Number: $serial" | show
if openssl verify -crl_check -CAfile "$CA_FILE" -CRLfile "$WORK/crl.pem" "$WORK/laptop-1.pem" >"$WORK/verify" 2>&1; then
    fail "laptop-1's certificate is not revoked"
fi
grep -q 'certificate revoked' "$WORK/verify" || fail "laptop-1 is refused for another reason: $(cat "$WORK/verify")"
openssl verify -crl_check -CAfile "$CA_FILE" -CRLfile "$WORK/crl.pem" "$WORK/kiosk-4.pem" >/dev/null ||
    fail "kiosk-4's certificate does not verify any more"
ok "the CRL carries it, openssl refuses it, and Intune holds the result: $(revocation)"
tell "The whole life of it, as the journal knows it (intune-scepctl trace $serial):"
scepctl trace "$serial" | show

chapter "What Intune was told"
mock_transactions | jq -r '
    .[] | [.deviceId, ([.validations[].code] | join(",")), (.success.fields.certificateSerialNumber // "-")] | @tsv' |
    { printf 'DEVICE\tVALIDATIONS\tSERIAL REPORTED\n'; cat; } | awk -F'\t' '{printf "%-10s %-22s %s\n", $1, $2, $3}' | show
issued=$(find "$WORK/host/issued" -name '*.pem' | wc -l)
reported=$(mock_transactions | jq '[.[] | select(.success != null)] | length')
[ "$issued $reported" = "5 5" ] || fail "$issued certificates issued, $reported reported, not 5 and 5"
ok "5 certificates issued, the same 5 reported, 1 request refused, 1 certificate revoked"

if [ $keep = yes ]; then
    cat <<TEXT

${bold}Still running, until you press Ctrl-C. In another terminal:${plain}
   curl --unix-socket $WORK/connector.sock http://connector/readyz
   build/bin/intune-scepctl revocations list --all --socket $WORK/connector.sock
   curl --cacert $WORK/mock/ca.pem $MOCK_URL/admin/transactions
   curl --cacert $WORK/mock/ca.pem $MOCK_URL/admin/challenges -H 'Content-Type: application/json' \\
        -d '{"subject":"CN=mine","subjectAltNames":[{"type":"dns","value":"mine.example"}]}'
   pki --gen --type rsa --size 2048 --outform pem >KEY
   pki --scep --url $SCEP_URL --in KEY --dn CN=mine --san mine.example --password CHALLENGE \\
       --cacert-enc $CA_FILE --cacert-sig $CA_FILE --outform pem
   tail -f $WORK/connector.log $WORK/host.log
TEXT
    wait
    exit 0
fi
printf '\n%sAll of it held.%s Next: ./dev demo --keep to play with it, ./dev check to test it, README.md to use it.\n' \
    "$bold" "$plain"
