#!/usr/bin/env bash
# Makes the seeds of tests/fuzz/corpus that are binary: requests, certificates, tokens, pkiMessages, and HTTP requests
# around them. Those that are text are written by hand. BUILD is a build directory with bin/fuzz_seed_message.
# To be run again only when a seed is added: keys and signatures are new each time, a corpus need not be.
set -euo pipefail
cd "$(dirname "$0")"
BUILD=${BUILD:-../../build}
tool=$(realpath "$BUILD/bin/fuzz_seed_message")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seed() { # TARGET NAME, content on stdin
    mkdir -p "corpus/$1"
    cat >"corpus/$1/$2"
}

# The key of target_csr_info.c, as PKCS#8 (RFC 8410).
{
    printf '\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20'
    printf 'key of nobody, for fuzzing only.'
} | openssl pkey -inform DER -out "$work/ed25519.key"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ec.key"

request() { # KEY SUBJECT [CONFIG LINE]… -> DER on stdout
    local key=$1 subject=$2
    shift 2
    printf '%s\n' '[req]' 'prompt=no' 'distinguished_name=dn' 'attributes=attr' 'req_extensions=ext' 'utf8=yes' \
        '[dn]' "CN=$subject" '[attr]' "$@" '[ext]' 'keyUsage=critical,digitalSignature' \
        'subjectAltName=@san' '[san]' 'email=user@contoso.example' \
        'URI=tag:microsoft.com,2022-09-14:sid:S-1-5-21-1' >"$work/req.cnf"
    openssl req -new -utf8 -config "$work/req.cnf" -key "$key" -outform DER
}

# What is signed of a request: behind the outer header, before algorithm and signature, whose length is given.
info_of() { # FILE LENGTH
    local header
    header=$(head -c 2 "$1" | od -An -tu1 | awk '{print $2 < 128 ? 2 : $2 - 126}')
    tail -c "+$((header + 1))" "$1" | head -c "-$2"
}

password='challengePassword=a-challenge-from-Intune'
request "$work/ec.key" device-1 "$password" >"$work/ec.der"
request keys/device.key device-1 "$password" >"$work/rsa.der"
request "$work/ec.key" 'Zoë ü, 日本' "$password" | seed csr name_in_utf8.der
request "$work/ec.key" device-1 'unstructuredName=no challenge' | seed csr no_challenge.der
seed csr ec.der <"$work/ec.der"
seed csr rsa.der <"$work/rsa.der"
head -c 100 "$work/ec.der" | seed csr cut.der
{ cat "$work/ec.der"; printf 'x'; } | seed csr byte_behind.der
sed 's/device-1/device-2/' "$work/ec.der" | seed csr signature_of_another_name.der

info_seed() { # NAME SUBJECT LINE…
    request "$work/ed25519.key" "${@:2}" >"$work/ed25519.der"
    info_of "$work/ed25519.der" 74 | seed csr_info "$1"
}
info_seed challenge.der device-1 "$password"
info_seed challenge_utf8.der 'Zoë' 'challengePassword=schlüssel'
info_seed two_attributes.der device-1 "$password" 'unstructuredName=x'
info_seed no_challenge.der device-1 'unstructuredName=x'
info_of "$work/rsa.der" 276 | seed csr_info rsa.der

seed x509_facts request.der <"$work/rsa.der"
request "$work/ec.key" 'Zoë' "$password" | seed x509_facts name_in_utf8.der
seed x509_read request.der <"$work/ec.der"
openssl req -inform DER -in "$work/ec.der" | seed x509_read request.pem
{ echo 'some text'; cat keys/device.key keys/device.pem; } | seed x509_read certificate_behind_a_key.pem

certificate() { # NAME ARGUMENT…
    openssl req -x509 -key "$work/ec.key" -days 365 -outform DER "${@:2}" | seed certificate "$1"
}
certificate serial_one.der -subj /CN=device-1 -set_serial 1
certificate serial_high_bit.der -subj /CN=device-1 -set_serial 0x80ffeeddccbbaa998877665544332211
certificate serial_zero.der -subj /CN=device-1 -set_serial 0
certificate serial_of_200_bytes.der -subj /CN=device-1 -set_serial "0x7f$(printf '%0398d' 1)"
certificate name_in_utf8.der -utf8 -subj '/C=DE/O=Käse, \"und\" Söhne/CN=Zoë' -addext subjectAltName=DNS:x.example
openssl x509 -in keys/ca.pem -outform DER | seed certificate rsa_ca.der
head -c 200 corpus/certificate/rsa_ca.der | seed certificate cut.der

# Every kind of subject alternative name, strong mapping by extension (KB5014754), and usages.
cat >"$work/names.cnf" <<'TEXT'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = device-1
[all]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = digitalSignature, keyEncipherment, decipherOnly
extendedKeyUsage = clientAuth, 1.3.6.1.4.1.311.20.2.2
subjectAltName = @san
1.3.6.1.4.1.311.25.2 = ASN1:SEQUENCE:sid
[san]
DNS = d.example
email = user@contoso.example
URI.1 = tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4
URI.2 = https://x.example/
IP.1 = 192.0.2.1
IP.2 = 2001:db8::1
RID = 1.2.3.4
dirName = dn
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@contoso.example
otherName.2 = 1.2.3;OCT:x
[sid]
name = IMPLICIT:0,SEQUENCE:sid_name
[sid_name]
type = OID:1.3.6.1.4.1.311.25.2.1
value = EXPLICIT:0,OCT:S-1-5-21-1-2-3-4
TEXT
openssl req -new -config "$work/names.cnf" -reqexts all -key "$work/ec.key" -outform DER |
    seed x509_facts request_with_all_names.der
openssl req -x509 -config "$work/names.cnf" -extensions all -key "$work/ec.key" -outform DER |
    seed x509_facts certificate_with_all_names.der
openssl req -new -subj /CN=x -key keys/device.key -sigopt rsa_padding_mode:pss -sha384 -outform DER |
    seed x509_facts rsa_pss.der
openssl req -new -subj /CN=x -key keys/device.key -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1 -sha256 -outform DER |
    seed x509_facts rsa_pss_with_another_mask.der
openssl req -new -subj /CN=x -key "$work/ec.key" -addext 1.3.6.1.4.1.311.20.2=DER:1E00 -outform DER |
    seed x509_facts template_name_empty.der
# A string becomes the SEQUENCE of the same length that openssl does not write; nobody looks at the signature.
request "$work/ec.key" device-1 "$password" 1.3.6.1.4.1.311.13.2.1=xxxxxxxxxxxxxxxxxxxxx |
    LC_ALL=C sed 's/\x0C\x15x\{21\}/\x30\x15\x0C\x03SAN\x0C\x0Edns=dc.example/' |
    seed x509_facts name_value_pair.der

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}
token() { # HEADER CLAIMS -> signed with the CA's key
    local signed
    signed=$(printf %s "$1" | base64url).$(printf %s "$2" | base64url)
    printf '%s.%s' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -sign keys/ca.key | base64url)"
}
claims='{"aud":"https://login.example/token","iss":"a","sub":"a","jti":"1","nbf":1794999000,"exp":1795000600}'
token '{"alg":"RS256","typ":"JWT","x5t":"abc"}' "$claims" | seed jwt rs256
token '{"alg":"PS256"}' "$claims" | seed jwt header_names_another_alg
token '{"alg":"RS256","crit":["exp"]}' "$claims" | seed jwt critical_extension
token '{"alg":"RS256"}' '[1]' | seed jwt claims_are_no_object
printf '%s.%s.' "$(printf '{"alg":"none"}' | base64url)" "$(printf %s "$claims" | base64url)" | seed jwt alg_none

"$tool" envelope <"$work/rsa.der" | seed pki_envelope request.der
"$tool" envelope <"$work/ec.der" | seed pki_envelope request_with_ec_key.der
printf 'not a request' | "$tool" envelope | seed pki_envelope no_request.der
openssl cms -encrypt -binary -des3 -outform DER -in "$work/rsa.der" -recip keys/ca.pem \
    -keyopt rsa_padding_mode:oaep | seed pki_envelope des3_and_oaep.der
openssl cms -encrypt -binary -aes128 -outform DER -in "$work/rsa.der" keys/device.pem |
    seed pki_envelope for_another_recipient.der
"$tool" message <"$work/rsa.der" | seed pki_message pkcs_req.der
"$tool" envelope <"$work/rsa.der" | seed challenge envelope.der
"$tool" envelope <"$work/rsa.der" | openssl base64 -A | seed challenge envelope_in_base64
"$tool" envelope <"$work/rsa.der" | openssl base64 | seed challenge envelope_in_base64_with_line_breaks
openssl cms -sign -binary -nodetach -outform DER -in "$work/rsa.der" -signer keys/device.pem \
    -inkey keys/device.key | seed pki_message without_scep_attributes.der
openssl crl2pkcs7 -nocrl -certfile keys/ca.pem -outform DER | seed pki_message degenerate.der

# A device's profile, signed: as Apple's are, without what was signed, and without a certificate.
sign_profile() { # OPTION…
    openssl cms -sign -binary -outform DER -in corpus/profile/apple.plist -signer keys/device.pem -inkey keys/device.key "$@"
}
sign_profile -nodetach | seed profile apple_signed.der
sign_profile | seed profile apple_signature_alone.der
sign_profile -nodetach -nocerts -noattr | seed profile apple_signed_by_nobody.der

# HTTP to the daemon, and what its request parser gets of it.
openssl x509 -req -inform DER -in "$work/ec.der" -copy_extensions copyall -CA keys/ca.pem -CAkey keys/ca.key \
    -days 365 -outform DER >"$work/cert.der" 2>/dev/null
csr64=$(openssl base64 -A <"$work/ec.der")
cert64=$(openssl base64 -A <"$work/cert.der")

both() { # NAME ACTION BODY_FILE FIELD…
    local name=$1 action=$2 body=$3
    shift 3
    { echo "$action"; printf '%s\n' "$@"; echo; cat "$body"; } | seed local_request "$name"
    {
        printf 'POST /v1/%s HTTP/1.1\r\nHost: connector\r\n' "$action"
        printf '%s\r\n' "$@" "Content-Length: $(wc -c <"$body")"
        printf '\r\n'
        cat "$body"
    } | seed http_request "$name"
}
raw=('Content-Type: application/pkcs10' 'X-Scep-Transaction-Id: 1F2E3D')
json='Content-Type: application/json'
both raw_validate validate "$work/ec.der" "${raw[@]}" 'X-Scep-Timeout-Ms: 5000' 'Accept: text/plain'
cat "$work/ec.der" "$work/cert.der" >"$work/both.der"
both raw_issued issued "$work/both.der" "${raw[@]}"
both raw_issued_without_certificate issued "$work/ec.der" "${raw[@]}"
both raw_failed failed "$work/ec.der" "${raw[@]}" 'X-Scep-Error-Code: 2147942405' \
    'X-Scep-Error-Description: no%20luck%2C%20gr%C3%BC%C3%9Fe'
printf '{"transactionId":"1F2E3D","csr":"%s"}' "$csr64" >"$work/validate.json"
both json_validate validate "$work/validate.json" "$json"
printf '{"transactionId":"1F2E3D","csr":"%s","certificate":"%s"}' "$csr64" "$cert64" >"$work/issued.json"
both json_issued issued "$work/issued.json" "$json"
printf '{"transactionId":"1F2E3D","csr":"%s","errorCode":4294967295,"description":"x\\u00fc"}' "$csr64" \
    >"$work/failed.json"
both json_failed failed "$work/failed.json" "$json"
printf '{"transactionId":"a","transactionId":"b","csr":"%s"}' "$csr64" >"$work/double.json"
both json_member_twice validate "$work/double.json" "$json"
{
    printf 'POST /v1/validate HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n'
    printf '%s\r\n' "${raw[@]}"
    printf '\r\n%x\r\n' "$(wc -c <"$work/ec.der")"
    cat "$work/ec.der"
    printf '\r\n0\r\n\r\n'
} | seed http_request chunked
cat corpus/http_request/raw_validate corpus/http_request/json_failed corpus/http_request/raw_issued |
    seed http_request pipelined
