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

# csr NAME CHALLENGE [OPENSSL-REQ-OPTION…]: NAME.der, with an extension section [wish] from stdin; ATTRIBUTE is a line of
# its attributes besides.
csr() {
    local name=$1 challenge=$2
    shift 2
    [ -f "$WORK/$name.key" ] || openssl genrsa -out "$WORK/$name.key" 2048 2>/dev/null
    {
        printf '[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\nreq_extensions=wish\nstring_mask=utf8only\n'
        printf '[dn]\nCN=%s\n[at]\nchallengePassword=%s\n%s\n[wish]\n' "$name" "$challenge" "${ATTRIBUTE:-}"
        cat
    } >"$WORK/$name.cnf"
    openssl req -new -key "$WORK/$name.key" -config "$WORK/$name.cnf" -outform DER -out "$WORK/$name.der" "$@" \
        2>"$WORK/$name.log" || fail "no CSR: $(cat "$WORK/$name.log")"
}

# csr_with_pair NAME PAIR VALUE: NAME.der with a name-value pair as Windows sends it. openssl writes no such attribute: what
# it wrote as a string becomes a SEQUENCE of the same length, and the request is signed anew. RSA with 2048 bits: the
# signature is the last 256 bytes, 20 bytes behind what is signed.
csr_with_pair() {
    local name=$1 pair=$2 value=$3 len der="$WORK/$1.der"
    len=$((${#pair} + ${#value} + 4))
    ATTRIBUTE="1.3.6.1.4.1.311.13.2.1=$(printf '%*s' "$len" '' | tr ' ' x)" \
        csr "$name" "$(challenge_for "$name")" <<<"subjectAltName=DNS:$name.example"
    LC_ALL=C sed -i "$(printf 's/\\x0C\\x%02Xx\\{%d\\}/\\x30\\x%02X\\x0C\\x%02X%s\\x0C\\x%02X%s/' "$len" "$len" "$len" \
        "${#pair}" "$pair" "${#value}" "$value")" "$der"
    tail -c +5 "$der" | head -c -276 | openssl dgst -sha256 -sign "$WORK/$name.key" -out "$WORK/$name.signature"
    head -c -256 "$der" | cat - "$WORK/$name.signature" >"$der.signed"
    mv "$der.signed" "$der"
    openssl req -in "$der" -inform DER -noout -verify 2>/dev/null || fail "the pair $pair broke the CSR's signature"
}

challenge_for() { # NAME [JQ FILTER]
    mock_challenge "$(jq -n --arg n "$1" '{subject: "CN=\($n)",
        subjectAltNames: [{type: "dns", value: "\($n).example"}]}'" ${2:+| $2}")"
}

# answered EXPECTED PATH FILE WHAT: "STATUS VERDICT CODE" of the connector's answer.
answered() {
    local reply
    reply=$(connector_ask "$2" -w '\n%{http_code}' -H 'Content-Type: application/pkcs10' \
        -H "X-Scep-Transaction-Id: ${TRANSACTION:-policy}" --data-binary "@$3")
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
ATTRIBUTE='unstructuredName=dc.example' csr unstructured "$(challenge_for unstructured)" <<<'subjectAltName=DNS:unstructured.example'
answered "403 deny csr_attribute" /v1/validate "$WORK/unstructured.der" "a CSR with an attribute that nobody needs"
csr_with_pair template CertificateTemplate DomainController
answered "403 deny csr_attribute" /v1/validate "$WORK/template.der" "a CSR that names a template in a name-value pair"
csr_with_pair san SAN dns=dc.example
answered "403 deny csr_attribute" /v1/validate "$WORK/san.der" "a CSR with a name past Intune in a name-value pair"
same 0 "$(mock_transactions | jq length)" "what Intune was asked"
ok "Intune was asked nothing"
csr_with_pair validity ValidityPeriod Years
answered "200 allow Success" /v1/validate "$WORK/validity.der" "a CSR with the pair that Windows and Android send"

restart 'digests = default sha1' 'min_rsa_bits = 1024' 'csr_attributes = default unstructuredName' 'name_value_pairs = any'
answered "200 allow Success" /v1/validate "$WORK/unstructured.der" "the attribute where it is allowed"
answered "200 allow Success" /v1/validate "$WORK/template.der" "the template where any pair is allowed"
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
grep -q 'verdict=decline' "$CONNECTOR_LOG" || fail "nothing was declined"
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
issued_for account $'subjectAltName=DNS:real.example\n1.3.6.1.4.1.311.25.2=DER:3015A013060A2B060104018237190201A0050403532D31'
answered "403 deny issued_sid_mismatch" /v1/issued "$WORK/account.issued" "a certificate with a SID that nobody asked for"
same "$before" "$(reported_thumbprints | wc -l)" "what Intune was told"
issued_for right 'subjectAltName=DNS:real.example'
answered "200 allow Success" /v1/issued "$WORK/right.issued" "the certificate that was granted"
restart 'issued_check = warn'
TRANSACTION=another answered "200 allow Success" /v1/validate "$WORK/real.der" "the same request in another transaction"
TRANSACTION=another answered "200 allow Success" /v1/issued "$WORK/nameless.issued" "a certificate without its names, with a warning"
grep -q 'warn  issued_check transaction_id=another code=certificate_san_missing' "$CONNECTOR_LOG" ||
    fail "the warning is missing"
ok "the warning is in the log"
