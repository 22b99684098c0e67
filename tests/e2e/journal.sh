#!/usr/bin/env bash
# The operator's side: trace, outbox, revocations and the audit trail, asked of the real connector in front of the mock. What
# is printed, as text and as one JSON document, the exit codes, who may change something, and that nothing secret is told.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Journal CA" -out "$WORK/ca.pem" \
    2>"$WORK/ca.log"
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null

# configure LINE…: the connector, with these lines in [journal].
configure() {
    connector_configure
    local line
    for line in "max_backoff_ms = 600000" "$@"; do sed -i "/^path = /a $line" "$WORK/connector.conf"; done
    sed -i "/^listen = /a audit = $WORK/audit\nsocket_mode = 0666" "$WORK/connector.conf"
}

restart() { # SIGNAL
    kill "-$1" "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    connector_start
}

# exits CODE WHAT ARGUMENTS…: output in $WORK/out and $WORK/err.
exits() {
    local code=$1 what=$2 status=0
    shift 2
    "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    cat "$WORK/out" "$WORK/err" >>"$WORK/said"
    [ "$code" = "$status" ] || fail "$what: exit $status, not $code: $(cat "$WORK/out" "$WORK/err")"
    ok "$what: exit $code"
}
says() { # JQ-EXPRESSION EXPECTED, of the last output
    same "$2" "$(jq -r "$1" "$WORK/out")" "$1"
}
tells() { # REGEX, of the last output
    grep -Eq -- "$1" "$WORK/out" "$WORK/err" || fail "it does not tell '$1': $(cat "$WORK/out" "$WORK/err")"
}

post() { # PATH FILE ID TIMEOUT_MS: ANSWER is "STATUS VERDICT CODE"
    local reply
    reply=$(connector_ask "$1" -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: $3" \
        -H "X-Scep-Timeout-Ms: $4" --data-binary "@$2" -w '\n%{http_code}')
    ANSWER="$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')"
}

# device ID [CHALLENGE]: a CSR, and a certificate of the CA.
device() {
    local challenge=${2:-}
    [ -n "$challenge" ] || challenge=$(mock_challenge \
        "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    echo "$challenge" >>"$WORK/challenges"
    cp "$WORK/device.key" "$WORK/$1.key"
    make_csr "$WORK/$1" "CN=$1" "$1.example" "$challenge"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$WORK/$1.crt" 2>>"$WORK/ca.log"
    cat "$WORK/$1.der" "$WORK/$1.crt" >"$WORK/$1.issued"
}
validated() { # ID
    device "$1"
    post /v1/validate "$WORK/$1.der" "tx-$1" 8000
    same "200 allow Success" "$ANSWER" "validation of $1"
}
report() { post /v1/issued "$WORK/$1.issued" "tx-$1" "${2:-8000}"; } # ID [TIMEOUT_MS]
serial_of() { openssl x509 -inform DER -in "$WORK/$1.crt" -noout -serial | sed 's/.*=//'; }

configure
connector_start

# --- trace ---
validated told
report told
same "200 allow Success" "$ANSWER" "the report of told"
exits 0 "trace: by transaction id" trace tx-told
tells '^transaction +tx-told$'
tells ' validated +'
tells ' reported +'
tells '^  Done: Intune has taken note of the certificate'
serial=$(serial_of told)
colons=$(sed 's/../&:/g; s/:$//' <<<"${serial,,}")
decimal=$(openssl x509 -inform DER -in "$WORK/told.crt" -noout -text | sed -n 's/.*Serial Number: *\([0-9]*\) (.*/\1/p')
[ -n "$decimal" ] || decimal=$(python3 -c "print(int('$serial', 16))")
for form in "$serial" "$colons" "0x$serial" "00:$colons"; do
    exits 0 "trace: by serial number $form" --json trace "$form"
    says '.enrolments[0].transactionId' tx-told
    says '.enrolments[0].certificates[0].serialNumber' "$serial"
done
exits 0 "trace: by serial number in decimal" --json trace --decimal "$decimal"
says '.enrolments[0].transactionId' tx-told
exits 0 "trace: by subject" --json trace --by subject 'cn=TOL'
says '[.enrolments[].transactionId] | join(" ")' tx-told
exits 1 "trace: nothing found" trace nobody
tells 'the journal knows no enrolment nobody'
exits 1 "trace: nothing found, for machines" --json trace nobody
says '.enrolments | length' 0
exits 1 "trace: a transaction id is no subject" trace --by transaction told
exits 2 "trace: an unknown way" trace --by moon x
exits 2 "trace: a limit that is none" trace --limit 0 x

device static a-static-password
post /v1/validate "$WORK/static.der" tx-static 8000
same 403 "${ANSWER%% *}" "a static challenge"
exits 0 "trace: a refusal" trace tx-static
tells '^  Refused: no certificate was issued. The reason: '

validated alone
exits 0 "trace: validated only" trace tx-alone
tells 'the SCEP server has reported no certificate yet'

# --- the outbox: Intune stays away ---
mock_fault '{"endpoint":"success","kind":"status","status":503}'
validated owed
report owed 1500
same "503 retry" "${ANSWER% *}" "the report of owed"
exits 0 "trace: waiting" trace tx-owed
tells '^  Waiting for Intune: (first|next) attempt (in [0-9]+ (s|min)|now)'
exits 0 "outbox list" outbox list
tells '^1 owed to Intune, 0 given up$'
tells ' issued +owed .* tx-owed '
exits 0 "outbox list: what was given up" --json outbox list --dead
says '"\(.deliveries | length) \(.owed) \(.dead)"' "0 1 0"
exits 0 "outbox list: for machines" --json outbox list --all
id=$(jq -r '.deliveries[0].id' "$WORK/out")
exits 0 "outbox show" outbox show "$id"
tells "^id +$id$"
exits 1 "outbox show: not there" outbox show 999999
exits 2 "outbox show: no id" outbox show x
exits 2 "outbox purge: what is meant?" outbox purge
exits 2 "outbox purge: everything, not meant" outbox purge --all
tells 'say --yes'
exits 1 "outbox purge: only what was given up" outbox purge "$id"
exits 2 "outbox retry: both" outbox retry --all "$id"
mock_no_faults
exits 0 "outbox retry" outbox retry "$id"
tells '^1 due now'
is_told() { "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" trace tx-owed | grep -q '^  Done: Intune has taken note'; }
wait_until 20 "the delivery after outbox retry" is_told
exits 0 "trace: a person had it tried again" trace tx-owed
tells ' retried +'

# --- given up ---
configure "report = deferred"
restart TERM
mock_fault '{"endpoint":"success","kind":"code","code":"CertificateThumbprintInvalid"}'
for name in dead dead-too; do
    validated "$name"
    report "$name"
    same "200 deliver" "${ANSWER% *}" "the deferred report of $name"
done
has_dead() { "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" outbox list --dead | grep -q '^0 owed to Intune, 2 given up$'; }
wait_until 20 "two reports that are given up" has_dead
exits 0 "trace: given up" trace tx-dead
tells '^  Given up after 1 attempts: .*CertificateThumbprintInvalid'
tells 'intune-scepctl outbox retry [0-9]+'
exits 0 "outbox list --dead --limit" --json outbox list --dead --limit 1
says '"\(.deliveries | length) \(.dead) \(.isMore)"' "1 2 true"
id=$(jq -r '.deliveries[0].id' "$WORK/out")

# --- who may ---
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$WORK"
    as_nobody() { # CODE WHAT ARGUMENTS…
        local code=$1 status=0
        setpriv --reuid=65534 --regid=65534 --clear-groups "$BUILD/bin/intune-scepctl" --socket "$WORK/connector.sock" \
            "${@:3}" >"$WORK/out" 2>"$WORK/err" || status=$?
        same "$code" "$status" "$2: exit code"
        ok "$2: exit $code"
    }
    if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$BUILD/bin/intune-scepctl"; then
        as_nobody 0 "somebody else looks" outbox list
        as_nobody 1 "somebody else purges" --json outbox purge --all --yes
        says .error.code not_admin
        tail -n 1 "$WORK/audit" | grep -q '"event":"admin_refused","action":"outbox_purge","uid":65534,' ||
            fail "the audit trail does not tell who tried"
        has_dead || fail "somebody else has purged"
    fi
fi

exits 0 "outbox purge: one" outbox purge "$id"
tells '^1 forgotten: Intune will not be told$'
exits 1 "outbox purge: it is gone" outbox purge "$id"
mock_no_faults
exits 0 "outbox retry --all" --json outbox retry --all
says .count 1
is_empty() { "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" outbox list | grep -q '^0 owed to Intune, 0 given up$'; }
wait_until 20 "the empty outbox" is_empty
exits 0 "trace: forgotten" trace tx-dead
tells "^  (Forgotten at a person's wish|Done)"

# --- revocations: this connector has no CA ---
exits 0 "revocations list" revocations list
tells '^0 waiting, 0 held, 0 with a result for Intune, 0 ended$'
exits 1 "revocations approve: nothing to revoke with, or nothing held" revocations approve
exits 2 "revocations: an unknown word" revocations sing
exits 2 "revocations: a word too many" revocations list now
exits 2 "outbox: an option of another word" outbox list --yes

# --- the audit trail ---
verify() { "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" --json audit verify "$@"; }
exits 0 "audit verify" audit verify "$WORK/audit"
tells '^verdict +sound$'
tells 'the connector remembers it'
python3 tests/docs/verify_audit.py <"$WORK/audit" >"$WORK/out" || fail "a stranger finds fault: $(cat "$WORK/out")"
lines=$(wc -l <"$WORK/audit")
tells "^sound: $lines lines"
ok "a stranger finds the same"
sed 3d "$WORK/audit" >"$WORK/removed"
sed '3s/"at":"2/"at":"3/' "$WORK/audit" >"$WORK/changed"
sed '3{h;d};4G' "$WORK/audit" >"$WORK/moved"
head -n -1 "$WORK/audit" >"$WORK/cut"
for case in "removed removed 3" "changed changed 3" "moved reordered 3" "cut cut null"; do
    read -r file verdict line <<<"$case"
    exits 1 "audit verify: $file" --json audit verify "$WORK/$file"
    says '"\(.verdict) \(.fault.line)"' "$verdict $line"
    if [ "$file" != cut ]; then
        python3 tests/docs/verify_audit.py <"$WORK/$file" >/dev/null 2>&1 && fail "a stranger does not find $file"
    fi
done
exits 3 "audit verify: no file" audit verify "$WORK/none"
exits 2 "audit verify: of what?" audit verify

mv "$WORK/audit" "$WORK/audit.1"
writes_anew() { post /v1/validate "$WORK/static.der" tx-static 8000 && test -s "$WORK/audit"; }
wait_until 20 "a decision in a new file" writes_anew
verify "$WORK/audit.1" "$WORK/audit" >"$WORK/out" || fail "rotation: $(cat "$WORK/out")"
says .verdict sound
ok "audit verify: over two files"
status=0
"$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" --json audit verify - <"$WORK/audit.1" >"$WORK/out" || status=$?
same 1 "$status" "the older file alone does not reach what the connector remembers"
says .verdict cut

# Killed, and the end cut off while nobody ran: the journal remembers.
is_remembered() { # what was written a second ago is in the journal: the connector was given the time
    [ "$(stat -c %Y "$WORK/audit")" -lt "$(($(date +%s) - 2))" ]
}
wait_until 20 "the journal's memory of the trail" is_remembered
kill -9 "$CONNECTOR_PID"
wait "$CONNECTOR_PID" 2>/dev/null || true
cp "$WORK/audit" "$WORK/whole"
printf '{"seq":' >>"$WORK/audit"
exits 1 "audit verify: torn" --json audit verify "$WORK/audit"
says .verdict torn
exits 0 "audit verify: without a connector" audit verify "$WORK/audit.1" "$WORK/whole"
tells 'not compared with a running connector'
connector_start
exits 0 "audit verify: after a crash" --json audit verify "$WORK/audit.1" "$WORK/audit"
says '"\(.verdict) \(.torn)"' "sound 1"
kill -9 "$CONNECTOR_PID"
wait "$CONNECTOR_PID" 2>/dev/null || true
head -n 1 "$WORK/whole" >"$WORK/audit"
connector_start
is_missed() { grep -q '"event":"audit_cut"' "$WORK/audit"; }
wait_until 20 "the connector's own finding" is_missed
exits 1 "audit verify: cut while nobody ran" --json audit verify "$WORK/audit.1" "$WORK/audit"
says .verdict removed

# --- nobody answers ---
kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" 2>/dev/null || true
for command in "trace tx-told" "outbox list" "revocations list" "outbox retry --all"; do
    # shellcheck disable=SC2086 # words
    exits 3 "no connector: $command" $command
    tells 'is intune-scepd running'
done

while read -r challenge; do
    grep -qF "${challenge:0:60}" "$WORK/said" "$WORK"/audit* "$WORK/connector.log" && fail "a challenge was told"
done <"$WORK/challenges"
ok "no challenge was told"
