#!/usr/bin/env bash
# The rules of [policy] as a SCEP server meets them: what breaks one is refused before Intune is asked, a challenge that is
# not Intune's is declined where so configured, and a certificate that is not what was granted is withheld.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start

# restart [POLICY LINE…]: a connector with this [policy].
restart() {
    if [ -n "${CONNECTOR_PID:-}" ]; then
        kill "$CONNECTOR_PID"
        wait "$CONNECTOR_PID" || fail "the connector did not end in order"
    fi
    connector_configure
    printf '[policy]\n' >>"$WORK/connector.conf"
    printf '%s\n' "$@" >>"$WORK/connector.conf"
    connector_start
}

# csr NAME CHALLENGE [OPENSSL-REQ-OPTION…]: NAME.der, with an extension section [wish] from stdin.
csr() {
    local name=$1 challenge=$2
    shift 2
    [ -f "$WORK/$name.key" ] || openssl genrsa -out "$WORK/$name.key" 2048 2>/dev/null
    {
        printf '[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\nreq_extensions=wish\nstring_mask=utf8only\n'
        printf '[dn]\nCN=%s\n[at]\nchallengePassword=%s\n[wish]\n' "$name" "$challenge"
        cat
    } >"$WORK/$name.cnf"
    openssl req -new -key "$WORK/$name.key" -config "$WORK/$name.cnf" -outform DER -out "$WORK/$name.der" "$@" \
        2>"$WORK/$name.log" || fail "no CSR: $(cat "$WORK/$name.log")"
}

challenge_for() { # NAME [JQ FILTER]
    mock_challenge "$(jq -n --arg n "$1" '{subject: "CN=\($n)",
        subjectAltNames: [{type: "dns", value: "\($n).example"}]}'" ${2:+| $2}")"
}

# answered EXPECTED PATH FILE WHAT: "STATUS VERDICT CODE" of the connector's answer.
answered() {
    local reply
    reply=$(connector_ask "$2" -w '\n%{http_code}' -H 'Content-Type: application/pkcs10' \
        -H 'X-Scep-Transaction-Id: policy' --data-binary "@$3")
    same "$1" "$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')" "$4"
    ok "$4: $1"
}

# --- before Intune is asked ---
restart
csr ca "$(challenge_for ca)" <<<'basicConstraints=critical,CA:TRUE'
answered "403 deny csr_ca_rights" /v1/validate "$WORK/ca.der" "a CSR that asks to be a CA"
csr signer "$(challenge_for signer)" <<<'keyUsage=digitalSignature,keyCertSign'
answered "403 deny csr_ca_rights" /v1/validate "$WORK/signer.der" "a CSR that asks to sign certificates"
csr odd "$(challenge_for odd)" <<<'1.2.3.4=ASN1:NULL'
answered "403 deny csr_extension" /v1/validate "$WORK/odd.der" "a CSR with an extension of its own"
csr sha1 "$(challenge_for sha1)" -sha1 <<<'subjectAltName=DNS:sha1.example'
answered "403 deny csr_digest" /v1/validate "$WORK/sha1.der" "a CSR signed with SHA-1"
openssl genrsa -out "$WORK/weak.key" 1024 2>/dev/null
csr weak "$(challenge_for weak)" <<<'subjectAltName=DNS:weak.example'
answered "403 deny csr_key_size" /v1/validate "$WORK/weak.der" "a CSR with a key of 1024 bits"
same 0 "$(mock_transactions | jq length)" "what Intune was asked"
ok "Intune was asked nothing"

restart 'digests = default sha1' 'min_rsa_bits = 1024'
answered "200 allow Success" /v1/validate "$WORK/sha1.der" "SHA-1 where it is allowed"
answered "200 allow Success" /v1/validate "$WORK/weak.der" "1024 bits where they are allowed"

# --- a challenge that is not Intune's ---
csr static a-static-password <<<'subjectAltName=DNS:static.example'
answered "403 deny ChallengeDecodingError" /v1/validate "$WORK/static.der" "a static password, by default"
restart 'foreign_challenge = decline'
answered "403 decline csr_challenge_foreign" /v1/validate "$WORK/static.der" "a static password where it is declined"
csr bare x <<<'subjectAltName=DNS:bare.example'
openssl req -new -key "$WORK/bare.key" -subj /CN=bare -outform DER -out "$WORK/bare.der" 2>/dev/null
answered "400 deny csr_challenge_missing" /v1/validate "$WORK/bare.der" "no challenge, even where others are declined"
csr real "$(challenge_for real)" <<<'subjectAltName=DNS:real.example'
answered "200 allow Success" /v1/validate "$WORK/real.der" "a challenge of Intune's, all the same"

# scep-host has no other rule: it refuses what the plugin declines.
host_start
if strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/declined" CN=declined d.example a-static-password; then
    fail "a declined request got a certificate"
fi
grep -q 'verdict=decline' "$WORK/connector.log" || fail "nothing was declined"
ok "a host without a rule of its own refuses what is declined"

# --- after issuance ---
issued_for() { # NAME EXTENSION: NAME.issued, the CSR and a certificate for its key
    openssl req -in "$WORK/real.der" -inform DER -out "$WORK/real.pem" 2>/dev/null
    openssl x509 -req -in "$WORK/real.pem" -signkey "$WORK/real.key" -days 30 -outform DER -out "$WORK/$1.cer" \
        -extfile <(printf '%s\n' "$2") 2>/dev/null
    cat "$WORK/real.der" "$WORK/$1.cer" >"$WORK/$1.issued"
}
restart
before=$(reported_thumbprints | wc -l)
issued_for nameless 'keyUsage=digitalSignature'
answered "403 deny certificate_san_missing" /v1/issued "$WORK/nameless.issued" "a certificate without its names"
issued_for more 'subjectAltName=DNS:real.example,DNS:dc.example'
answered "403 deny certificate_san_added" /v1/issued "$WORK/more.issued" "a certificate with one name more"
issued_for authority $'subjectAltName=DNS:real.example\nbasicConstraints=CA:TRUE'
answered "403 deny certificate_ca_rights" /v1/issued "$WORK/authority.issued" "a certificate with a CA's rights"
same "$before" "$(reported_thumbprints | wc -l)" "what Intune was told"
issued_for right 'subjectAltName=DNS:real.example'
answered "200 allow Success" /v1/issued "$WORK/right.issued" "the certificate that was granted"
restart 'issued_check = warn'
answered "200 allow Success" /v1/issued "$WORK/nameless.issued" "a certificate without its names, with a warning"
grep -q 'warn  issued_check transaction_id=policy code=certificate_san_missing' "$WORK/connector.log" ||
    fail "the warning is missing"
ok "the warning is in the log"
