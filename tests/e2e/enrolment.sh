#!/usr/bin/env bash
# The whole path with three SCEP clients that nobody here wrote: first certificates, a renewal, and what each is refused.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
stack_start

profile() { # NAME [JQ FILTER]
    jq -n --arg name "$1" '{subject: "CN=\($name)", subjectAltNames: [{type: "dns", value: "\($name).example"}],
        keyLength: 2048, deviceId: $name} '"${2:+| $2}"
}

# The certificate is the CA's, carries what was asked, and Intune was told of exactly it.
has_certificate() { # PREFIX SUBJECT [DNS]
    openssl verify -CAfile "$CA_FILE" "$1.pem" >/dev/null 2>&1 || fail "$1.pem is not by the host's CA"
    same "subject=$2" "$(openssl x509 -in "$1.pem" -noout -subject -nameopt RFC2253)" "$1.pem"
    same "$(openssl pkey -in "$1.key" -pubout)" "$(openssl x509 -in "$1.pem" -noout -pubkey)" "the key of $1.pem"
    [ -z "${3:-}" ] || openssl x509 -in "$1.pem" -noout -ext subjectAltName | grep -q "DNS:$3" || fail "$1.pem: no SAN"
    openssl x509 -in "$1.pem" -noout -text | grep -q 'CA:TRUE' && fail "$1.pem has CA rights"
    local thumbprint serial
    thumbprint=$(openssl x509 -in "$1.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    serial=$(openssl x509 -in "$1.pem" -noout -serial | sed 's/.*=//')
    mock_transactions | jq -e --arg t "$thumbprint" --arg s "$serial" '[.[] | .success.fields? // empty |
        select(.certificateThumbprint == $t and .certificateSerialNumber == $s)] | length == 1' >/dev/null ||
        fail "Intune was not told of $1.pem"
}

last_code() { # DEVICE: what Intune said last
    mock_transactions | jq -r --arg d "$1" '[.[] | select(.deviceId == $d) | .validations[].code] | last'
}

# --- strongSwan ---
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/swan" CN=swan swan.example "$(mock_challenge "$(profile swan)")" ||
    fail "strongSwan got no certificate"
has_certificate "$WORK/swan" CN=swan swan.example
ok "strongSwan enrols"

cp "$WORK/swan.pem" "$WORK/swan-old.pem"
cp "$WORK/swan.key" "$WORK/swan-old.key"
rm "$WORK/swan.key"
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/swan" CN=swan swan.example "$(mock_challenge "$(profile swan)")" \
    --cert "$WORK/swan-old.pem" --key "$WORK/swan-old.key" || fail "strongSwan could not renew"
has_certificate "$WORK/swan" CN=swan swan.example
[ "$(openssl x509 -in "$WORK/swan.pem" -noout -serial)" != "$(openssl x509 -in "$WORK/swan-old.pem" -noout -serial)" ] ||
    fail "the renewal is the old certificate"
ok "strongSwan renews, with a new key and the old certificate"

# --- certmonger ---
certmonger_enrol "$SCEP_URL" "$CA_FILE" "$WORK/monger" CN=monger monger.example \
    "$(mock_challenge "$(profile monger)")" || fail "certmonger got no certificate"
has_certificate "$WORK/monger" CN=monger monger.example
ok "certmonger enrols"

# --- micromdm ---
challenge=$(mock_challenge "$(jq -n --arg s "$(scepclient_subject micro)" '{subject: $s, deviceId: "micro"}')")
scepclient_enrol "$SCEP_URL" "$WORK/micro" micro "$challenge" || fail "scepclient got no certificate"
has_certificate "$WORK/micro" "$(scepclient_subject micro)"
ok "micromdm's scepclient enrols"

# --- refusals: no certificate, and Intune's own reason ---
refused() { # DEVICE CODE: strongSwan asks as DEVICE with a challenge in $challenge
    if strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "$1.example" "$challenge"; then
        fail "$1 got a certificate"
    fi
    [ ! -e "$WORK/$1.pem" ] || fail "$1 got a certificate"
    grep 'request_verified' "$CONNECTOR_LOG" | tail -n 1 | grep -q "verdict=deny code=$2 " ||
        fail "$1 was not refused with $2: $(tail -n 1 "$CONNECTOR_LOG")"
    ok "refused: $2"
}
challenge=$(mock_challenge "$(profile intern)")
refused ceo SubjectNameMismatch
same SubjectNameMismatch "$(last_code intern)" "what the mock recorded"
challenge=$(mock_challenge "$(profile other '.subjectAltNames[0].value = "else.example"')")
refused other SubjectAltNameMismatch
challenge=$(mock_challenge "$(profile long '.keyLength = 4096')")
refused long KeyLengthMismatch
challenge=$(mock_challenge "$(profile usage '.extendedKeyUsage = ["1.3.6.1.5.5.7.3.2"]')")
refused usage EnhancedKeyUsageMissing
challenge=$(mock_challenge "$(profile gone)")
mock_admin DELETE /devices/gone >/dev/null
refused gone ScepProfileNoLongerTargetedToTheClient
challenge=$(mock_challenge "$(profile late '.lifetimeSeconds = 1')")
wait_until 5 "the challenge's end" test "$(date +%s)" -lt 0 -o -n "$(read -rt 1.5 <> <(:); echo over)"
refused late ChallengeExpired
challenge=secret-password
refused static "Challenge[A-Za-z]*"
challenge=$(mock_challenge "$(profile thief)")
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/thief" CN=thief thief.example "$challenge" || fail "the first use failed"
rm "$WORK/thief.key" "$WORK/thief.pem"
refused thief "[A-Za-z]*"

# certmonger and scepclient see the refusal as one, too.
if certmonger_enrol "$SCEP_URL" "$CA_FILE" "$WORK/monger2" CN=monger2 monger2.example wrong; then
    fail "certmonger got a certificate for a wrong challenge"
fi
if scepclient_enrol "$SCEP_URL" "$WORK/micro2" micro2 wrong; then
    fail "scepclient got a certificate for a wrong challenge"
fi
ok "certmonger and scepclient are refused a wrong challenge"

same "$(delivered_thumbprints)" "$(reported_thumbprints)" "what Intune knows and what was delivered"
ok "delivered and reported are the same $(reported_thumbprints | wc -l) certificates"
