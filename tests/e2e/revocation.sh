#!/usr/bin/env bash
# Revocation end to end: a real client enrols, Intune (the mock) asks for the certificate, the CA revokes it, the CRL carries
# it, and the mock holds the result. With each executor that needs nobody else: the SCEP server itself through its
# plugin, an index.txt CA, a command. Then: foreign CAs, a storm, and a connector that is killed in between.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh

# A connector that asks Intune only when it is told to: configure CA_SECTION [REVOCATION_KEYS]
configure() {
    rm -f "$WORK/connector.conf"
    connector_configure
    cat >>"$WORK/connector.conf" <<TEXT

[revocation]
poll_interval_ms = 3600000
max_backoff_ms = 500
${2:-}

$1
TEXT
}

scepctl() {
    "$BUILD/bin/intune-scepctl" "$@" --socket "$WORK/connector.sock"
}

enrol() { # NAME
    strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "$1.example" "$(mock_challenge "{\"subject\":\"CN=$1\",
        \"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}],\"deviceId\":\"$1\"}")" ||
        fail "strongSwan got no certificate for $1"
}

serial_of() { openssl x509 -in "$WORK/$1.pem" -noout -serial | sed 's/.*=//'; }

# What Intune does after a wipe.
ask_to_revoke() { # DEVICE
    same '{"queued":1}' "$(mock_admin POST /revocations "{\"deviceId\":\"$1\"}")" "the request to revoke $1"
}

run_now() { scepctl revocations run >/dev/null || fail "revocations run"; }

# The newest request for that serial number, as the mock knows it: "STATE ERROR_CODE".
result_of() { # SERIAL
    mock_admin GET /revocations | jq -r --arg s "$1" '[.[] | select(.serialNumber == $s)] | last | "\(.state) \(.errorCode)"'
}
has_result() { [ "$(result_of "$1")" = "$2" ]; } # SERIAL RESULT
await_result() { wait_until 30 "Intune's result for $1: $2" has_result "$1" "$2"; }

fetch_crl() {
    curl -sS --fail --max-time 10 "${SCEP_URL%/scep}/crl" -o "$WORK/crl.der"
    openssl crl -in "$WORK/crl.der" -inform DER -out "$WORK/crl.pem" 2>/dev/null || openssl crl -in "$WORK/crl.der" -out "$WORK/crl.pem"
    openssl crl -in "$WORK/crl.pem" -CAfile "$CA_FILE" -noout 2>/dev/null || fail "the CRL is not signed by the CA"
}
verify_with_crl() { openssl verify -crl_check -CAfile "$CA_FILE" -CRLfile "$WORK/crl.pem" "$WORK/$1.pem" >"$WORK/verify.log" 2>&1; }
is_good() { # NAME
    fetch_crl
    verify_with_crl "$1" || fail "$1 does not verify: $(cat "$WORK/verify.log")"
}
is_revoked() { # NAME: in the CRL that is served and in the one on disk, once
    local serial
    serial=$(serial_of "$1")
    fetch_crl
    ! verify_with_crl "$1" || fail "$1 verifies, though it is revoked"
    grep -q 'certificate revoked' "$WORK/verify.log" || fail "$1 is refused for another reason: $(cat "$WORK/verify.log")"
    same 1 "$(openssl crl -in "$WORK/host/crl.pem" -noout -text | grep -c "Serial Number: $serial\$")" "$1 in crl.pem"
    same 1 "$(grep -c "^R.*	$serial	" "$WORK/host/index.txt")" "$1 marked in index.txt"
}

restart_connector() { # [SIGNAL]
    kill "-${1:-TERM}" "$CONNECTOR_PID"
    { wait "$CONNECTOR_PID"; } 2>/dev/null || [ "${1:-TERM}" = KILL ] || fail "the connector ended with status $?"
    connector_start
    [ "$MODULE" = thin ] || host_start # it was in the SCEP server, which was ended
}

# --- the SCEP server revokes, asked through its plugin ---
stack_new
mock_start --revocation-quiet-s 0
configure "$(printf '[ca/host]\nkind = plugin\nissuer = CN=scep-host demo CA\n')"
connector_start
host_start
enrol swan
enrol goose
is_good swan
ask_to_revoke swan
run_now
await_result "$(serial_of swan)" "succeeded None"
is_revoked swan
is_good goose
ok "plugin: Intune asked, the CRL carries it, openssl refuses it, Intune holds the result"

ask_to_revoke swan
run_now
await_result "$(serial_of swan)" "succeeded None"
is_revoked swan
ok "already revoked counts as done"

mock_admin POST /revocations '{"serialNumber":"0A1B","issuerName":"CN=Elsewhere"}' >/dev/null
ask_to_revoke goose
run_now
await_result "$(serial_of goose)" "succeeded None"
same "handedOut null" "$(result_of 0A1B)" "the request for a foreign CA's certificate"
ok "a foreign CA's is left unanswered"

# The result cannot be delivered, and the connector dies: it is revoked once, and Intune is told after all.
enrol crane
ask_to_revoke crane
mock_fault '{"endpoint":"upload","kind":"status","status":503}'
run_now
wait_until 30 "the revocation of crane" grep -q "^R.*	$(serial_of crane)	" "$WORK/host/index.txt"
restart_connector KILL
same "handedOut null" "$(result_of "$(serial_of crane)")" "Intune's knowledge of crane"
mock_no_faults
await_result "$(serial_of crane)" "succeeded None"
is_revoked crane
ok "killed between revoking and telling: revoked once, told once"

# Intune cannot be asked, then it can: killed between asking and storing, nothing is lost either.
enrol heron
ask_to_revoke heron
mock_fault '{"endpoint":"download","kind":"latency","latencyMs":300,"times":1}'
run_now
restart_connector KILL
run_now
await_result "$(serial_of heron)" "succeeded None"
is_revoked heron
ok "killed while downloading: handed out again, revoked once"
stack_remove

# --- an index.txt CA: the same files, in the connector's own hands ---
stack_new
mock_start --revocation-quiet-s 0
configure "$(cat <<TEXT
[ca/host]
kind = openssl-ca
issuer = CN=scep-host demo CA
index_file = $WORK/host/index.txt
crl_file = $WORK/host/crl.pem
crl_number_file = $WORK/host/crlnumber
ca_certificate = $WORK/host/ca.pem
ca_key = $WORK/host/ca.key
TEXT
)" "foreign = answer"
host_start --plugin-config revocations=no
connector_start
enrol swan
enrol goose
ask_to_revoke swan
run_now
await_result "$(serial_of swan)" "succeeded None"
is_revoked swan
is_good goose
enrol duck
is_good duck
ask_to_revoke goose
run_now
await_result "$(serial_of goose)" "succeeded None"
is_revoked goose
is_revoked swan
is_good duck
ok "openssl-ca: the connector and the host share index.txt"

mock_admin POST /revocations '{"serialNumber":"0A1B","issuerName":"CN=Elsewhere"}' >/dev/null
run_now
await_result 0A1B "failed NotSupportedError"
ok "a foreign CA's is answered NotSupported, if so configured"
stack_remove

[ "$MODULE" = thin ] || exit 0 # what follows has no SCEP server, in which the connector could be

# --- any program ---
stack_new
mock_start --revocation-quiet-s 0
cat >"$WORK/revoke" <<'TEXT'
#!/bin/sh
{ printf '%s\n' "$@"; env | grep '^SCEP_' | sort; } >"$(dirname "$0")/revoked.$SCEP_SERIAL"
case $SCEP_SERIAL in 0D) exit 194 ;; 0E) exit 195 ;; 0F) exit 196 ;; esac
TEXT
chmod +x "$WORK/revoke"
configure "$(cat <<TEXT
[ca/program]
kind = command
command = $WORK/revoke --serial {serial} --reason {reason} "--issuer={issuer}"
issuer = CN=Any CA
TEXT
)"
connector_start
for serial in 0C 0D 0E 0F; do
    mock_admin POST /revocations "{\"serialNumber\":\"$serial\",\"issuerName\":\"CN=Any CA\"}" >/dev/null
done
run_now
await_result 0C "succeeded None"
await_result 0D "succeeded None"
await_result 0E "failed CertificateNotFoundError"
await_result 0F "failed NonRetryableServiceException"
same "--serial 0C --reason unspecified --issuer=CN=Any CA" "$(grep -v '^SCEP_' "$WORK/revoked.0C" | paste -sd' ')" "the arguments"
same 0C "$(sed -n 's/^SCEP_SERIAL=//p' "$WORK/revoked.0C")" "SCEP_SERIAL"
same 12 "$(sed -n 's/^SCEP_SERIAL_DECIMAL=//p' "$WORK/revoked.0C")" "SCEP_SERIAL_DECIMAL"
same "CN=Any CA" "$(sed -n 's/^SCEP_ISSUER=//p' "$WORK/revoked.0C")" "SCEP_ISSUER"
ok "command: arguments, environment, and what its exit codes mean"

# --- a storm: somebody has edited a profile ---
storm=600
for ((i = 1; i <= storm; i++)); do
    printf 'next\nurl = "%s/admin/revocations"\ndata = "{\\"serialNumber\\":\\"5%05X\\",\\"issuerName\\":\\"CN=Any CA\\"}"\n' \
        "$MOCK_URL" $i
    printf 'cacert = "%s"\noutput = "%s"\n' "$WORK/mock/ca.pem" "$WORK/queued"
done | tail -n +2 >"$WORK/storm.curl"
curl -sS --fail -K "$WORK/storm.curl"
same $((storm + 4)) "$(mock_admin GET /revocations | jq length)" "the requests queued"
waiting() { scepctl revocations list --json | jq -r .held; }
storm_is_held() { [ "$(waiting)" = $storm ]; }
run_now
wait_until 60 "the hold" storm_is_held
same 0 "$(find "$WORK" -name 'revoked.50*' | wc -l)" "revocations carried out before the approval"
scepctl revocations list >"$WORK/list"
grep -q "$storm held" "$WORK/list" || fail "list does not say that they are held"
grep -q 'revocations_held' "$CONNECTOR_LOG" || fail "the log does not say that they are held"
restart_connector
storm_is_held || fail "the hold does not survive a restart: $(waiting)"
same 0 "$(find "$WORK" -name 'revoked.50*' | wc -l)" "revocations carried out after a restart"
ok "a storm of $storm is held before the first is carried out, and the hold survives a restart"

scepctl revocations approve >/dev/null || fail "revocations approve"
storm_is_over() { [ "$(mock_admin GET /revocations | jq '[.[] | select(.state == "succeeded")] | length')" = $((storm + 2)) ]; }
is_begun() { [ "$(find "$WORK" -name 'revoked.50*' | wc -l)" -ge 50 ]; }
wait_until 60 "the first fifty" is_begun
restart_connector KILL
wait_until 180 "the end of the storm" storm_is_over
same $storm "$(find "$WORK" -name 'revoked.50*' | wc -l)" "revocations carried out"
same 0 "$(scepctl revocations list --json | jq '.waiting + .held + .answerable')" "revocations still open"
ok "after intune-scepctl revocations approve all $storm are carried out and answered, though the connector was killed"
