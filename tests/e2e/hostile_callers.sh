#!/usr/bin/env bash
# Callers of the local API who are mistaken or mean: a clear 4xx with a JSON error, the connector lives on, nothing is
# allowed, and Intune is not even asked.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
connector_start
wait_until 20 "readiness" connector_ask /readyz --fail

challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
base64 -w0 "$WORK/good.der" >"$WORK/good.b64"

# answers EXPECTED-STATUS EXPECTED-CODE WHAT [PATH] CURL-OPTION…
answers() {
    local status=$1 code=$2 what=$3 path=$4 reply
    shift 4
    reply=$(connector_ask "$path" -w '\n%{http_code}' "$@") || fail "$what: no reply"
    same "$status" "$(tail -n 1 <<<"$reply")" "$what: status"
    same "$code" "$(head -n 1 <<<"$reply" | jq -r '.code // .error.code')" "$what: code"
    [ "$(head -n 1 <<<"$reply" | jq -r '.verdict // "none"')" != allow ] || fail "$what: allowed"
    ok "$what: $status $code"
}
raw() { # STATUS CODE WHAT FILE [CURL-OPTION…]
    local status=$1 code=$2 what=$3 file=$4
    shift 4
    answers "$status" "$code" "$what" /v1/validate -H 'Content-Type: application/pkcs10' \
        -H 'X-Scep-Transaction-Id: hostile' --data-binary "@$file" "$@"
}
json() { # STATUS CODE WHAT JSON [PATH]
    printf '%s' "$4" >"$WORK/body.json"
    answers "$1" "$2" "$3" "${5:-/v1/validate}" -H 'Content-Type: application/json' --data-binary "@$WORK/body.json"
}

# --- the CSR ---
: >"$WORK/empty"
raw 400 csr_malformed "an empty body" "$WORK/empty"
head -c 100 "$WORK/good.der" >"$WORK/cut.der"
raw 400 csr_malformed "a truncated CSR" "$WORK/cut.der"
{ cat "$WORK/good.der"; printf x; } >"$WORK/long.der"
raw 400 csr_malformed "a byte behind the CSR" "$WORK/long.der"
raw 400 csr_malformed "PEM instead of DER" "$WORK/good.key"
head -c 70000 /dev/zero >"$WORK/big.der"
raw 400 csr_too_large "a CSR of 70,000 bytes" "$WORK/big.der"
size=$(stat -c %s "$WORK/good.der")
{ head -c $((size - 1)) "$WORK/good.der"; printf '\377'; } >"$WORK/forged.der"
raw 400 csr_signature_invalid "a CSR with another signature" "$WORK/forged.der"
openssl req -new -key "$WORK/good.key" -subj /CN=dev -outform DER -out "$WORK/bare.der" 2>/dev/null
raw 400 csr_challenge_missing "a CSR without a challenge" "$WORK/bare.der"

# --- the transaction id ---
answers 400 transaction_id "no transaction id" /v1/validate -H 'Content-Type: application/pkcs10' \
    --data-binary "@$WORK/good.der"
raw 400 http_malformed "two transaction ids" "$WORK/good.der" -H 'X-Scep-Transaction-Id: another'
json 400 transaction_id "a control character in it" '{"transactionId":"a\u0007b","csr":"'"$(cat "$WORK/good.b64")"'"}'
json 400 body_not_json "a NUL in it" '{"transactionId":"a\u0000b","csr":"'"$(cat "$WORK/good.b64")"'"}'
json 400 transaction_id "256 characters" '{"transactionId":"'"$(printf 'a%.0s' {1..256})"'","csr":"'"$(cat "$WORK/good.b64")"'"}'
json 400 transaction_id "an empty one" '{"transactionId":"","csr":"'"$(cat "$WORK/good.b64")"'"}'

# --- JSON ---
json 400 body_not_json "no JSON" 'transactionId=1'
json 400 body_not_json "half a JSON" '{"transactionId":"1","csr":"AA'
json 400 body_not_json "two JSON documents" '{"transactionId":"1","csr":"AAAA"}{}'
json 400 body_not_json "an array" '[]'
json 400 json_unknown_member "an unknown member" '{"transactionId":"1","csr":"AAAA","allow":true}'
json 400 json_unknown_member "a member of another request" '{"transactionId":"1","csr":"AAAA","certificate":"AAAA"}'
json 400 json_member "a member twice" '{"transactionId":"1","transactionId":"2","csr":"AAAA"}'
json 400 json_member "a member missing" '{"transactionId":"1"}'
json 400 json_member "a number for a string" '{"transactionId":1,"csr":"AAAA"}'
json 400 base64_malformed "no base64" '{"transactionId":"1","csr":"A*AA"}'
json 400 body_not_json "1,000 nested arrays" "$(printf '[%.0s' {1..1000})"
json 400 json_member "an HRESULT too large" '{"transactionId":"1","csr":"AAAA","errorCode":4294967296,"description":"x"}' /v1/failed

# --- HTTP ---
answers 404 path_not_found "an unknown path" /v2/validate
answers 405 method_not_allowed "GET of a POST" /v1/validate
answers 415 content_type "no content type" /v1/validate -H 'Content-Type:' --data-binary "@$WORK/good.der"
answers 413 body_too_large "a body of 10 MB" /v1/validate -H 'Content-Type: application/pkcs10' \
    --data-binary "@$(head -c 10000000 /dev/zero >"$WORK/ten" && echo "$WORK/ten")"
head -c 3000000 /dev/zero >"$WORK/three"
answers 413 body_too_large "an endless chunked body" /v1/validate -H 'Content-Type: application/pkcs10' \
    -H 'Transfer-Encoding: chunked' --data-binary "@$WORK/three"
answers 431 header_too_large "a header of 20,000 characters" /livez -H "X-Long: $(printf 'a%.0s' {1..20000})"

# The body of a report must be the CSR's own certificate.
openssl req -new -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=other -outform DER -out "$WORK/other.cer" 2>/dev/null
cat "$WORK/good.der" "$WORK/other.cer" >"$WORK/mismatch"
answers 400 certificate_key_mismatch "a report of somebody else's certificate" /v1/issued \
    -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: 1' --data-binary "@$WORK/mismatch"
answers 400 body_malformed "a report without a certificate" /v1/issued \
    -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: 1' --data-binary "@$WORK/good.der"

# A caller who hangs up in the middle of his request, and one who hangs up while he waits.
for _ in 1 2 3 4 5; do
    connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'Content-Length: 100000' -X POST \
        --data-binary "@$WORK/good.der" --max-time 0.2 >/dev/null 2>&1 || true
done
mock_fault '{"endpoint":"validate","kind":"latency","latencyMs":400,"times":1}'
connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: impatient' \
    --data-binary "@$WORK/good.der" --max-time 0.2 >/dev/null 2>&1 || true
wait_until 5 "the answer to nobody" grep -q 'transaction_id=impatient' "$WORK/connector.log"
ok "callers who hang up"

# Nothing of the above was asked of Intune, but what it should have been; and it still says yes to what is right.
same 1 "$(mock_transactions | jq length)" "transactions that Intune saw"
same 200 "$(connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: right' \
    --data-binary "@$WORK/good.der" -o /dev/null -w '%{http_code}')" "the good request at the end"
json_ok=$(jq -n --arg c "$(cat "$WORK/good.b64")" '{transactionId: "right", csr: $c}')
same '"allow"' "$(connector_ask /v1/validate -H 'Content-Type: application/json' -d "$json_ok" | jq .verdict)" "the same as JSON"
kill -0 "$CONNECTOR_PID" || fail "the connector died"
ok "the connector lives on"

# No secret, challenge or CSR in what was logged.
for canary in "$(cat "$WORK/client-secret")" "${challenge:0:40}" "$(head -c 60 "$WORK/good.b64")" eyJ; do
    ! grep -qF -- "$canary" "$WORK/connector.log" || fail "the log holds a secret"
done
ok "no secret in the log"
