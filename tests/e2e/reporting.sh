#!/usr/bin/env bash
# What became of a certificate reaches Intune, whatever happens in between: strict and deferred, with Intune away, with the
# connector killed, with answers lost; and a device that asks again gets the certificate that it has already.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start
openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Reporting CA" -out "$WORK/ca.pem" \
    2>"$WORK/ca.log"
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null

# configure LINE…: the connector, with these lines in [journal]; impatient, so that the test is not long.
configure() {
    connector_configure
    local line
    for line in "max_backoff_ms = 300" "$@"; do sed -i "/^path = /a $line" "$WORK/connector.conf"; done
    echo "breaker_open_ms = 200" >>"$WORK/connector.conf"
}

restart() { # SIGNAL
    kill "-$1" "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    connector_start
}

# --- what a SCEP server sends, over the local API; ANSWER is "STATUS VERDICT CODE" ---

post() { # PATH FILE ID TIMEOUT_MS [CURL OPTION…]
    local reply path=$1 file=$2 id=$3 timeout_ms=$4
    shift 4
    reply=$(connector_ask "$path" -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: $id" \
        -H "X-Scep-Timeout-Ms: $timeout_ms" --data-binary "@$file" -w '\n%{http_code}' "$@")
    BODY=$(head -n 1 <<<"$reply")
    ANSWER="$(tail -n 1 <<<"$reply") $(jq -r '"\(.verdict) \(.code)"' <<<"$BODY")"
}

# device ID: a challenge, a CSR, and a certificate of the CA; validated.
device() {
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    cp "$WORK/device.key" "$WORK/$1.key"
    make_csr "$WORK/$1" "CN=$1" "$1.example" "$challenge"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$WORK/$1.crt" 2>>"$WORK/ca.log"
    cat "$WORK/$1.der" "$WORK/$1.crt" >"$WORK/$1.issued"
    validate "$1"
    same "200 allow Success" "$ANSWER" "validation of $1"
}

validate() { post /v1/validate "$WORK/$1.der" "$1" 8000 "${@:2}"; } # ID [CURL OPTION…]
report() { post /v1/issued "$WORK/$1.issued" "$1" "${2:-8000}" "${@:3}"; } # ID [TIMEOUT_MS [CURL OPTION…]]

is_told() { # ID: the mock, playing Intune, has taken note of just this certificate
    local want
    want=$(openssl x509 -inform DER -in "$WORK/$1.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    [ "$(mock_transactions | jq -r ".[] | select(.transactionId == \"$1\") | .success.fields.certificateThumbprint")" = "$want" ]
}

is_delivered() { validate "$1" && [ "$ANSWER" = "409 deliver already_issued" ]; }

# replayed ID: a device that asks again gets the very same certificate.
replayed() {
    wait_until 10 "the replay of $1" is_delivered "$1"
    is_delivered "$1"
    jq -r .certificate <<<"$BODY" | base64 -d | cmp - "$WORK/$1.crt" || fail "another certificate for $1"
}

intune_is_away() { mock_fault '{"endpoint":"success","kind":"status","status":503}'; }

# --- strict ---

configure
connector_start

device plain
report plain
same "200 allow Success" "$ANSWER" "a report"
report plain
same "200 deliver already_reported" "$ANSWER" "the same report again"
is_told plain || fail "Intune does not know the certificate"
replayed plain
validate plain -H 'X-Scep-Replay: no'
same "200 allow Success" "$ANSWER" "the mock lets the same request pass again"
ok "strict: reported, then delivered; asked again, delivered again"

device held
intune_is_away
report held 500
same "503 retry report_pending" "$ANSWER" "a report that Intune does not answer"
validate held
same "503 retry report_pending" "$ANSWER" "the device asks again"
restart KILL
validate held
same "503 retry report_pending" "$ANSWER" "the device asks a new connector"
mock_no_faults
wait_until 20 "the delivery" is_told held
replayed held
report held
same "200 deliver already_reported" "$ANSWER" "the report afterwards"
ok "strict: held while Intune is away and the connector killed, delivered when it is back"

# Intune takes note, and its answer is lost.
device lost
mock_fault '{"endpoint":"success","kind":"cut","processed":true,"times":1}'
report lost
same "200 allow Success" "$ANSWER" "a report whose first answer was lost"
is_told lost || fail "Intune does not know the certificate"
ok "an answer that got lost costs nothing"

device other
report other
same "200 allow Success" "$ANSWER" "a report"
openssl x509 -req -inform DER -in "$WORK/other.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
    -copy_extensions copy -outform DER -out "$WORK/other.crt2" 2>>"$WORK/ca.log"
cat "$WORK/other.der" "$WORK/other.crt2" >"$WORK/other.issued"
report other
same "403 deny already_issued_other" "$ANSWER" "a second certificate for the same request"
is_told other || fail "Intune was told of the second certificate"
ok "a second certificate for the same request is refused"
validate other -H 'X-Scep-Replay: no'
same "200 allow Success" "$ANSWER" "a caller that cannot deliver the first has Intune asked"
report other 5000 -H 'X-Scep-Replay: no'
same "200 allow Success" "$ANSWER" "and its second certificate replaces the first"
mv "$WORK/other.crt2" "$WORK/other.crt"
is_told other || fail "Intune was not told of the replacement"
ok "a caller without room for the certificate of before is not stuck"

# A journal that cannot be written: here, because somebody else holds its lock.
device shut-out
coproc HOLDER { sqlite3 "$WORK/journal.db"; }
echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${HOLDER[1]}"
read -r <&"${HOLDER[0]}"
report shut-out
same "503 retry journal_locked" "$ANSWER" "a report that cannot be recorded"
same 503 "$(connector_ask /readyz -o /dev/null -w '%{http_code}')" "readiness while the journal cannot be written"
validate shut-out
same "503 retry journal_locked" "$ANSWER" "a request that could not be recorded"
printf 'COMMIT;\n.quit\n' >&"${HOLDER[1]}"
wait_until 20 "the journal's recovery" connector_ask /readyz --fail
report shut-out
same "200 allow Success" "$ANSWER" "the report once the journal can be written"
ok "a journal that cannot be written stops issuing, says so, and recovers by itself"

# Killed again and again while reports are under way: once they are on disk they are delivered.
owes() { [ "$(connector_ask '/v1/outbox?state=all' | jq .owed)" -ge "$1" ]; }
for n in 1 2 3 4 5 6; do device "kill-$n"; done
intune_is_away
before=$(connector_ask '/v1/outbox?state=all' | jq .owed)
for n in 1 2 3 4 5 6; do report "kill-$n" 5000 & reports[n]=$!; done
wait_until 20 "the record of six reports" owes $((before + 6))
restart KILL
for n in 1 2 3 4 5 6; do wait "${reports[n]}" || true; done
mock_no_faults
restart KILL
for n in 1 2 3 4 5 6; do
    wait_until 20 "the delivery of kill-$n" is_told "kill-$n"
    replayed "kill-$n"
done
ok "killed twice, nothing lost"

# --- deferred ---

sed -i '/^path = /a report = deferred' "$WORK/connector.conf"
restart TERM
device deferred
intune_is_away
report deferred
same "200 deliver report_queued" "$ANSWER" "a deferred report"
is_told deferred && fail "the mock has taken note of what it answered with 503"
replayed deferred
restart KILL
report deferred
[[ $ANSWER == "200 deliver report_queued" ]] || fail "the same report again: $ANSWER"
mock_no_faults
wait_until 20 "the deferred delivery" is_told deferred
ok "deferred: delivered at once, told when Intune is back"

# --- the whole path: the device waits while Intune is away ---

sed -i '/^report = deferred/d' "$WORK/connector.conf"
restart TERM
host_start
challenge=$(mock_challenge '{"subject":"CN=waiting","subjectAltNames":[{"type":"dns","value":"waiting.example"}]}')
intune_is_away
strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/waiting" CN=waiting waiting.example "$challenge" --interval 1 \
    --maxpolltime 120 &
client=$!
wait_until 30 "a report that is pending" grep -q 'issued_reported.*code=report_pending' "$CONNECTOR_LOG"
[ ! -e "$WORK/waiting.pem" ] || fail "a certificate of which Intune does not know"
restart KILL
mock_no_faults
wait $client || fail "no certificate after Intune came back"
same "$(delivered_thumbprints)" "$(openssl x509 -in "$WORK/waiting.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" \
    "the certificate delivered"
reported_thumbprints | grep -qx "$(delivered_thumbprints)" || fail "Intune does not know the certificate delivered"
ok "a device waits while Intune is away and the connector is killed, and gets its certificate"
