#!/usr/bin/env bash
# intune-scepctl's other commands: what they print, as text and as one JSON document, and their exit codes: 0 yes, 1 no,
# 2 usage, 3 could not find out. No challenge is ever printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
connector_start

# exits CODE WHAT ARGUMENTS…: output in $WORK/out.
exits() {
    local code=$1 what=$2 status=0
    shift 2
    "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    cat "$WORK/out" "$WORK/err" >>"$WORK/said"
    same "$code" "$status" "$what: exit code"
    ok "$what: exit $code"
}
says() { # JQ-EXPRESSION EXPECTED, of the last output
    same "$2" "$(jq -r "$1" "$WORK/out")" "$1"
}

challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
make_csr "$WORK/static" CN=dev dev.example a-static-password
openssl req -inform DER -in "$WORK/good.der" -out "$WORK/good.pem" -outform PEM
{ head -c -1 "$WORK/good.der"; printf '\377'; } >"$WORK/forged.der"
openssl req -new -key "$WORK/good.key" -subj /CN=dev -outform DER -out "$WORK/bare.der" 2>/dev/null

# --- validate ---
for form in der pem; do
    exits 0 "validate: allowed, $form" --json validate "$WORK/good.$form"
    says '"\(.verdict) \(.code)"' "allow Success"
done
exits 0 "validate: the transaction is mine to name" validate --json --transaction-id MINE "$WORK/good.der"
same MINE "$(mock_transactions | jq -r '.[] | select(.transactionId == "MINE").transactionId')" "what Intune was told"
exits 1 "validate: refused by Intune" validate --json "$WORK/static.der"
says .verdict deny
exits 1 "validate: refused here" validate --json "$WORK/forged.der"
says .code csr_signature_invalid
mock_fault '{"endpoint":"validate","kind":"status","status":403}'
exits 3 "validate: nobody could say" validate --json "$WORK/good.der"
says .verdict retry
mock_no_faults
exits 0 "validate: for people" validate "$WORK/good.der"
grep -qx 'verdict *allow' "$WORK/out" || fail "no verdict for people"
exits 3 "validate: no connector" validate --json --socket "$WORK/none.sock" "$WORK/good.der"
says .error.code connector_unreachable
grep -q "cannot connect to intune-scepd at $WORK/none.sock: No such file or directory; is intune-scepd running" "$WORK/out" ||
    fail "a missing socket is not told"
: >"$WORK/no.socket"
exits 3 "validate: a file that is no socket" validate --socket "$WORK/no.socket" "$WORK/good.der"
grep -q "at $WORK/no.socket: Connection refused; is intune-scepd running" "$WORK/err" || fail "no reason: $(cat "$WORK/err")"
exits 2 "validate: a relative socket" validate --json --socket none.sock "$WORK/good.der"
says .error.message "--socket none.sock: an absolute path is wanted"
exits 2 "validate: a transaction id that is none" validate --json --transaction-id $'a\tb' "$WORK/good.der"
says .error.code transaction_id
exits 2 "validate: a certificate" validate --json "$WORK/mock/ca.pem"
exits 3 "validate: no file" validate --json "$WORK/none"

# Whoever answers on the socket must speak as the connector does: an allow that is no 200 is none.
"$BUILD/bin/fixed_reply" --unix "$WORK/liar.sock" \
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 19\r\n\r\n{"verdict":"allow"}' >"$WORK/liar.log" 2>&1 &
PIDS+=($!)
wait_until 10 "the liar's start" test -S "$WORK/liar.sock"
exits 3 "validate: a contradiction" validate --json --socket "$WORK/liar.sock" "$WORK/good.der"
body='{"error":{"code":"too_many_connections","message":"try again shortly."}}'
"$BUILD/bin/fixed_reply" --unix "$WORK/busy.sock" \
    "HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: ${#body}\\r\\n\\r\\n$body" >"$WORK/busy.log" 2>&1 &
PIDS+=($!)
wait_until 10 "the busy one's start" test -S "$WORK/busy.sock"
exits 3 "validate: turned away" validate --json --socket "$WORK/busy.sock" "$WORK/good.der"
says '"\(.error.class) \(.error.code)"' "service too_many_connections"
says .error.message "the connector answered HTTP 503 without a verdict: too_many_connections: try again shortly."

# --- revocations, where nobody asks Intune for any ---
exits 1 "revocations run: without a [ca/NAME]" revocations run
grep -q 'nobody asks: this connector has no \[ca/NAME\]' "$WORK/err" || fail "it does not say so: $(cat "$WORK/err")"
exits 1 "revocations run: the same as JSON" --json revocations run
says .error.code not_polling
exits 1 "revocations approve: nothing is held" revocations approve

# --- inspect ---
for form in der pem; do
    exits 0 "inspect: a request, $form" inspect --json "$WORK/good.$form"
    says '[.kind, .subject, .key.type, .key.bits, .signatureDigest, .proofOfPossession, .challenge, .ca] | join(" ")' \
        "request CN=dev RSA 2048 SHA256 true intune false"
    says '.subjectAltNames[] | "\(.type) \(.value)"' "dns dev.example"
done
exits 0 "inspect: a static challenge" inspect --json "$WORK/static.der"
says .challenge other
exits 0 "inspect: no challenge" inspect --json "$WORK/bare.der"
says .challenge none
exits 1 "inspect: no proof of possession" inspect --json "$WORK/forged.der"
says .proofOfPossession false
exits 0 "inspect: a certificate" inspect --json "$WORK/mock/ca.pem"
says '[.kind, .issuer, .ca] | join(" ")' "certificate CN=intune-mock CA true"
says .thumbprint "$(openssl x509 -in "$WORK/mock/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')"
says .serialNumber "$(openssl x509 -in "$WORK/mock/ca.pem" -noout -serial | sed 's/.*=//')"
cat >"$WORK/strong.cnf" <<'TEXT'
[req]
prompt = no
distinguished_name = dn
req_extensions = extensions
[dn]
CN = user
[extensions]
subjectAltName = @names
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
basicConstraints = CA:TRUE
[names]
URI = tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-512
otherName = 1.3.6.1.4.1.311.20.2.3;UTF8:user@example.com
TEXT
openssl req -new -key "$WORK/good.key" -config "$WORK/strong.cnf" -out "$WORK/strong.pem"
exits 0 "inspect: SID, UPN and CA rights" inspect --json "$WORK/strong.pem"
says '[.subjectAltNames[] | .type] | join(" ")' "sid upn"
says '[.ca, .keyUsage[0], .extendedKeyUsage[0]] | join(" ")' "true digitalSignature 1.3.6.1.5.5.7.3.2"
exits 0 "inspect: for people" inspect "$WORK/strong.pem"
grep -qx 'CA rights *YES.*' "$WORK/out" || fail "CA rights are not pointed out"
exits 1 "inspect: neither" inspect --json "$WORK/client-secret"
says .error.code x509_unrecognised
exits 3 "inspect: no file" inspect "$WORK/none"

# --- codes ---
exits 0 "codes: all" codes --json
says 'any(.[]; .code == "ChallengeExpired" and .class == "challenge" and (.meaning | length) > 10 and (.advice | length) > 10)' true
exits 0 "codes: one" codes --json ChallengeExpired
says .code ChallengeExpired
exits 0 "codes: one of ours" codes --json csr_signature_invalid
says .class device
exits 1 "codes: a retry" codes circuit_open
grep -q 'nobody could say' "$WORK/err" || fail "a retry is not told apart from a refusal"
exits 1 "codes: a retry of the plugin's" codes connector_unreachable
grep -q 'nobody could say.*intune-scepd is running' "$WORK/err" || fail "the plugin's retry is not explained"
exits 0 "codes: a refusal of the plugin's" codes --json csr_missing
says .class server
for code in graph_refused intune_refused_us AADSTS7000215; do
    exits 1 "codes: $code, which doctor explains" codes --json "$code"
    says '"\(.code) \(.findings | length > 0 and all((.meaning | length) > 10 and (.advice | length) > 10))"' "$code true"
done
exits 1 "codes: one that means two things" codes AADSTS500011
same 2 "$(grep -c '^AADSTS500011 (no refusal' "$WORK/out")" "the meanings of AADSTS500011"
exits 1 "codes: a number of Entra's that is unknown" codes AADSTS1
grep -q 'an error of Entra ID that we do not know' "$WORK/err" || fail "Entra's number is not told"
exits 1 "codes: no word of Intune's" codes nothing_like_it
grep -q "list is open" "$WORK/err" && fail "a word in small letters was taken for Intune's"
exits 1 "codes: nearly one" codes challengeexpired
grep -q 'did you mean ChallengeExpired?' "$WORK/err" || fail "no hint"
exits 1 "codes: an unknown one" codes --json SomethingNew
says .error.code code_unknown
says '.error.message | contains("Intune'"'"'s list is open")' true

# --- config ---
chmod 0600 "$WORK/client-secret"
exits 0 "config check: sound" config check
same "$WORK/connector.conf: ok" "$(cat "$WORK/out")" "what check says"
chmod 0644 "$WORK/client-secret"
exits 0 "config check: an open secret" config --json check
says '"\(.result) \(.warnings | map(.code) | join(" "))"' "ok secret_exposed"
says .digest "$(sha256sum "$WORK/connector.conf" | cut -d' ' -f1)"
sed 's/^\[tenant.*/&\nsecret = hunter2/' "$WORK/connector.conf" >"$WORK/wrong.conf"
exits 1 "config check: an unknown key" config check --json "$WORK/wrong.conf"
says '"\(.result) \(.error.code)"' "refused config_key"
exits 0 "config show" config show
cp "$WORK/out" "$WORK/shown.conf"
exits 0 "config show: of what it shows" config show "$WORK/shown.conf"
cmp "$WORK/out" "$WORK/shown.conf" || fail "what is shown is no fixed point"
grep -qF "$(cat "$WORK/client-secret")" "$WORK/said" && fail "the secret was printed"
exits 0 "config show: JSON" config show --json
says '.[] | select(.section == "connector").keys[] | select(.key == "request_timeout_ms") | "\(.value) \(.isDefault)"' "10000 false"
exits 1 "config show: of what is refused" config show "$WORK/wrong.conf"
exits 2 "config: no word" config
exits 2 "config: two files" config check a b
exits 0 "config keys: of a section" config keys revocation
same "[revocation]" "$(head -1 "$WORK/out")" "the section that was asked for"
grep -qx 'storm_limit = 500' "$WORK/out" || fail "a key without its default: $(cat "$WORK/out")"
exits 0 "config keys: as sections are called" config keys --json ca/issuing
says '.[] | select(.key == "url") | "\(.section) \(.kinds) \(.defaultWords)"' "ca/NAME step-ca, ejbca, vault required"
exits 2 "config keys: no such section" config keys revocations
exits 2 "config keys: of two sections" config keys tenant ca

# --- usage ---
exits 0 "help" --help
for command in doctor config validate trace outbox revocations audit reload exec notify csrverifier openxpki completion inspect profile codes; do
    grep -q "^  $command" "$WORK/said" || fail "$command is not in the help"
    exits 0 "help of $command" --help "$command"
    grep -q "^Usage: intune-scepctl $command" "$WORK/out" || fail "no help of $command"
done
exits 0 "version" --version
grep -qx 'intune-scepctl [0-9.]*' "$WORK/out" || fail "no version"
exits 2 "no command"
exits 2 "an unknown command" frobnicate
exits 2 "an unknown option" codes --frobnicate
exits 2 "an option of another command" codes --socket x
exits 2 "an operand missing" inspect
exits 2 "an operand too many" doctor x
exits 3 "validate without a configuration" -c "$WORK/none" validate "$WORK/good.der"

grep -qF "${challenge:0:60}" "$WORK/said" && fail "the challenge was printed"
grep -qF a-static-password "$WORK/said" && fail "a static challenge was printed"
ok "no challenge was printed"
