#!/usr/bin/env bash
# Whole enrolments behind step-ca: its two webhooks, called as step-ca calls them (tests/support/step_ca_client.py), over mutual
# TLS. Who is not step-ca is refused; what was notified reaches Intune, whatever happens to the connector.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start

# --- certificates: step-ca's own CA, with which everything here is done; and another one ---

make_ca() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.pem" -days 30 -subj "/CN=$1" \
        2>/dev/null
}

certificate() { # NAME DNS CA
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.csr" \
        -subj "/CN=Step Online CA" 2>/dev/null
    openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/$3.pem" -CAkey "$WORK/$3.key" -days 2 -out "$WORK/$1.pem" \
        -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2") 2>/dev/null
}

make_ca step
make_ca other
certificate connector localhost step
certificate step-ca ca.example step
certificate wrong-name printer.example step
certificate wrong-ca ca.example other
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null

# --- the connector: a webhook of each kind of proof ---

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PORT=$(free_port) ANY=$(free_port)
for name in challenge notify; do openssl rand -base64 48 | tr -d '\n' >"$WORK/$name.secret"; done
echo "the-bearer-token-of-step-ca" >"$WORK/bearer"
echo "open:sesame" >"$WORK/password"
chmod 600 "$WORK"/*.secret "$WORK/bearer" "$WORK/password" "$WORK/connector.key"
CHALLENGE_ID=6e0a4b2c-1111-4222-8333-444455556666
NOTIFY_ID=6e0a4b2c-7777-4888-9999-aaaabbbbcccc

hook() { # NAME LINE…
    printf '[step-ca/%s]\n' "$1"
    [ "$1" = byhand ] || printf '%s\n' "challenge_id = $CHALLENGE_ID" "challenge_secret_file = $WORK/challenge.secret" \
        "notify_id = $NOTIFY_ID" "notify_secret_file = $WORK/notify.secret"
    printf '%s\n' "${@:2}" ""
}

cat >"$WORK/revoke" <<TEXT
#!/bin/sh
echo "\$SCEP_SERIAL" >>$WORK/revoked
TEXT
chmod +x "$WORK/revoke"
cat >"$WORK/connector.conf" <<TEXT
[connector]
request_timeout_ms = 10000

[listener/local]
address = unix:$WORK/connector.sock
serves = api admin

[listener/step-ca]
address = tcp:127.0.0.1:$PORT
certificate = $WORK/connector.pem
key = $WORK/connector.key
client_ca = $WORK/step.pem
client_names = ca.example
serves = step-ca

[listener/any]
address = tcp:127.0.0.1:$ANY
certificate = $WORK/connector.pem
key = $WORK/connector.key
client_ca = $WORK/step.pem
client_names = any
serves = step-ca

$(hook main)
$(hook bearer "bearer_token_file = $WORK/bearer")
$(hook basic "basic_user = step-ca" "basic_password_file = $WORK/password")
$(hook named "client_names = ca.example")
$(hook byhand "empty_key = yes" "client_names = ca.example")
[journal]
path = $WORK/journal.db
max_backoff_ms = 300

[revocation]
poll = no

[ca/issuing]
kind = command
command = $WORK/revoke

$(mock_tenant)
breaker_open_ms = 200
TEXT
connector_start

restart() { # SIGNAL
    kill "-$1" "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    connector_start
}

# --- step-ca; ANSWER is "DECISION STATUS CODE" ---

# call KIND DEVICE [OPTION…]: by default step-ca's certificate, and id and secret of [step-ca/main].
HOOK=main AT=$PORT CERTIFICATE=step-ca
call() {
    local kind=$1 device=$2 id=$CHALLENGE_ID identity=()
    shift 2
    [ "$kind" = challenge ] || id=$NOTIFY_ID
    [ -z "$CERTIFICATE" ] || identity=(--cert "$WORK/$CERTIFICATE.pem" --key "$WORK/$CERTIFICATE.key")
    REPLY=$(python3 tests/support/step_ca_client.py "$kind" --url "https://localhost:$AT/step-ca/$HOOK/$kind" \
        --ca "$WORK/step.pem" --csr "$WORK/$device.der" --transaction-id "$device" "${identity[@]}" \
        --id "$id" --secret-file "$WORK/$kind.secret" "$@" 2>"$WORK/client.log") || true
    ANSWER=$(jq -r '"\(.decision) \(.status) \(try (.reply | fromjson | .error.code // "") catch "")"' <<<"$REPLY") ||
        fail "the client: $(cat "$WORK/client.log")"
    ANSWER=${ANSWER% }
}

ask() { call challenge "$1" --challenge "$(cat "$WORK/$1.challenge")" "${@:2}"; } # DEVICE [OPTION…]
notify() { call notify "$1" --issued "$WORK/$1.crt" "${@:2}"; }

# device ID [DNS_NAME_OF_THE_CERTIFICATE]: a challenge, a CSR, and what step-ca would issue.
device() {
    mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}" \
        >"$WORK/$1.challenge"
    cp "$WORK/device.key" "$WORK/$1.key"
    make_csr "$WORK/$1" "CN=$1" "$1.example" "$(cat "$WORK/$1.challenge")"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/step.pem" -CAkey "$WORK/step.key" -days 30 \
        -extfile <(echo "subjectAltName=DNS:${2:-$1.example}") -outform DER -out "$WORK/$1.crt" 2>/dev/null
}

serial() { openssl x509 -inform DER -in "$WORK/$1.crt" -noout -serial | sed 's/serial=//'; }
# Intune's record of it: jq's expression.
told() { mock_transactions | jq -r ".[] | select(.transactionId == \"$1\") | $2"; }
is_told() {
    local want
    want=$(openssl x509 -inform DER -in "$WORK/$1.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    [ "$(told "$1" .success.fields.certificateThumbprint)" = "$want" ]
}
intune_is_away() { mock_fault '{"endpoint":"success","kind":"status","status":503}'; }

# --- a whole enrolment ---

device plain
ask plain
same "allow 200" "$ANSWER" "the challenge"
notify plain
same "allow 200" "$ANSWER" "the notification"
wait_until 20 "Intune's knowledge of the certificate" is_told plain
notify plain
same "allow 200" "$ANSWER" "the same notification again"
ok "challenge, issue, notify: Intune knows the certificate"

device refused
ask refused --challenge "$(cat "$WORK/plain.challenge")"
same "deny 200 csr_challenge_differs" "$ANSWER" "a challenge that is not the CSR's"
cp "$WORK/plain.challenge" "$WORK/refused.challenge"
make_csr "$WORK/refused" "CN=refused" refused.example "$(cat "$WORK/plain.challenge")"
ask refused
case $ANSWER in "deny 200 "?*) ;; *) fail "a challenge of another device: $ANSWER" ;; esac
same "" "$(told refused '.success // empty')" "what Intune was told of what it had refused"
ok "what Intune refuses is denied"

device failing
ask failing
same "allow 200" "$ANSWER" "the challenge"
call notify failing --error-description "failed signing: no key <here>"
same "allow 200" "$ANSWER" "the failure's notification"
is_failure_told() { [ "$(told failing .failure.fields.errorDescription)" = "failed signing: no key <here>" ]; }
wait_until 20 "Intune's knowledge of the failure" is_failure_told
ok "a failure is reported with step-ca's words"

cp "$WORK/device.key" "$WORK/renewal.key"
openssl req -new -key "$WORK/renewal.key" -subj "/CN=renewal" -outform DER -out "$WORK/renewal.der"
call challenge renewal
same "deny 200 csr_challenge_missing" "$ANSWER" "a renewal without a challenge"
ok "a renewal without a challenge is denied, because Intune cannot be asked"

# --- who is not step-ca ---

device wrong
for where in body:0 body:20 body:300 body:1000 signature:0 signature:31 signature:63 id:0 id:17 id:35; do
    ask wrong --tamper "$where"
    same "failed 401 step_ca_refused" "$ANSWER" "a challenge with another $where"
    notify wrong --tamper "$where"
    same "failed 401 step_ca_refused" "$ANSWER" "a notification with another $where"
done
call challenge wrong --challenge "$(cat "$WORK/wrong.challenge")" --secret-file "$WORK/notify.secret"
same "failed 401 step_ca_refused" "$ANSWER" "the other webhook's secret"
ask wrong --id "$NOTIFY_ID"
same "failed 401 step_ca_refused" "$ANSWER" "the other webhook's id"
AT=$ANY HOOK=nobody ask wrong
same "failed 404" "$ANSWER" "a step-ca that is not configured"
same "" "$(told wrong .)" "what Intune heard of it"
ok "one wrong byte of body, signature or id is refused"

CERTIFICATE=wrong-name ask wrong
same "failed 403 client_certificate_not_allowed" "$ANSWER" "a certificate with another name"
for name in wrong-ca ""; do
    CERTIFICATE=$name ask wrong
    same "failed 0" "$ANSWER" "the certificate \"$name\""
done
AT=$ANY HOOK=main CERTIFICATE=wrong-name ask wrong
same "allow 200" "$ANSWER" "any name, where the secret is enough"
AT=$ANY HOOK=named CERTIFICATE=wrong-name ask wrong
same "failed 401 step_ca_refused" "$ANSWER" "another name than the webhook's"
AT=$ANY HOOK=named ask wrong
same "allow 200" "$ANSWER" "the webhook's name"
ok "mTLS: only step-ca's certificate"

for hook in bearer basic; do
    HOOK=$hook ask wrong
    same "failed 401 step_ca_refused" "$ANSWER" "nothing for $hook"
done
HOOK=bearer ask wrong --bearer-token-file "$WORK/bearer"
same "allow 200" "$ANSWER" "the bearer token"
HOOK=bearer ask wrong --bearer-token-file "$WORK/password"
same "failed 401 step_ca_refused" "$ANSWER" "another bearer token"
HOOK=basic ask wrong --basic step-ca:open:sesame
same "allow 200" "$ANSWER" "user and password"
HOOK=basic ask wrong --basic step-ca:open:sesami
same "failed 401 step_ca_refused" "$ANSWER" "another password"
ok "a bearer token or a password where one is configured"

: >"$WORK/empty.secret"
HOOK=byhand ask wrong --id "" --secret-file "$WORK/empty.secret"
same "allow 200" "$ANSWER" "a webhook written into ca.json, with step-ca's certificate"
HOOK=byhand AT=$ANY CERTIFICATE=wrong-name ask wrong --id "" --secret-file "$WORK/empty.secret"
same "failed 401 step_ca_refused" "$ANSWER" "the same with another certificate"
HOOK=byhand ask wrong
same "failed 401 step_ca_refused" "$ANSWER" "a secret where there is none"
HOOK=main ask wrong --id "$CHALLENGE_ID" --secret-file "$WORK/empty.secret"
same "failed 401 step_ca_refused" "$ANSWER" "no secret where there is one"
ok "the empty key: only where it is configured, and only with step-ca's certificate"

grep -q 'step_ca_refused .*reason=signature' "$WORK/connector.log" || fail "the refusals are not in the log"
for file in challenge.secret notify.secret bearer password wrong.challenge; do
    grep -qF "$(cat "$WORK/$file")" "$WORK/connector.log" && fail "$file is in the log"
done

# --- when Intune or the connector is away ---

device slow
mock_fault '{"endpoint":"validate","kind":"latency","latencyMs":20000}'
ask slow
same "failed 503 timeout" "$ANSWER" "a challenge that Intune does not answer"
same 2 "$(jq .attempts <<<"$REPLY")" "step-ca's attempts"
[ "$(jq .ms <<<"$REPLY")" -lt 15000 ] || fail "both attempts take longer than step-ca's 15 s: $REPLY"
mock_no_faults
ask slow
same "allow 200" "$ANSWER" "the device's next request"
ok "an Intune that does not answer: twice, within step-ca's time, and nothing is issued"

device once
mock_fault '{"endpoint":"validate","kind":"status","status":400,"times":1}'
ask once
same "allow 200" "$ANSWER" "a challenge that Intune could not answer at first"
same 2 "$(jq .attempts <<<"$REPLY")" "step-ca's attempts"
ok "step-ca's second attempt is a new question"

device killed
ask killed
same "allow 200" "$ANSWER" "the challenge"
intune_is_away
notify killed
same "allow 200" "$ANSWER" "the notification while Intune is away"
restart KILL
is_told killed && fail "Intune was away"
mock_no_faults
wait_until 20 "the report after the kill" is_told killed
ok "notified, then killed with -9: the report is delivered by the next process"

# A journal that cannot be written: here, because somebody else holds its lock.
device locked
ask locked
same "allow 200" "$ANSWER" "the challenge"
coproc HOLDER { sqlite3 "$WORK/journal.db"; }
echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${HOLDER[1]}"
read -r <&"${HOLDER[0]}"
notify locked
same "failed 503 journal_locked" "$ANSWER" "a notification that cannot be written down"
same 2 "$(jq .attempts <<<"$REPLY")" "step-ca's attempts"
printf 'COMMIT;\n.quit\n' >&"${HOLDER[1]}"
wait_until 20 "the journal's recovery" connector_ask /readyz --fail
notify locked
same "allow 200" "$ANSWER" "the notification once the journal can be written"
wait_until 20 "the report" is_told locked
ok "what is not on disk is not acknowledged"

# --- a certificate that is not what was granted: step-ca delivers it all the same ---

device other-name admin.example
ask other-name
same "allow 200" "$ANSWER" "the challenge"
notify other-name
same "allow 200 certificate_san_missing" "$ANSWER" "the notification of another certificate"
is_revoked() { grep -qx "$(serial other-name)" "$WORK/revoked"; }
wait_until 20 "the revocation" is_revoked
is_told other-name && fail "Intune was told of it"
ok "a certificate that was not granted is revoked"
