#!/usr/bin/env bash
# Several endpoints in one scep-host, with real clients: plugins that differ, a chain whose first declines, and a static
# challenge without a plugin. Whoever decides is told what became of it, and nobody else.
#
#   BUILD=DIR tests/e2e/host_endpoints.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/stack.sh
. "$here/../support/stack.sh"
# shellcheck source=tests/support/clients.sh
. "$here/../support/clients.sh"

STATIC=the-static-challenge-of-this-house

reported() { mock_transactions | jq '[.[] | select(.success)] | length'; }
at() { echo "${SCEP_URL%/scep}$1"; } # PATH

start_all() {
    stack_new
    mock_start
    connector_configure
    printf '\n[policy]\nforeign_challenge = decline\n' >>"$WORK/connector.conf"
    connector_start
    echo "$STATIC" >"$WORK/static"
    local fixed=$BUILD/lib/fixed_verdict.so intune=(--plugin "$BUILD/lib/scep_intune.so"
        --plugin-config "socket=$WORK/connector.sock" --plugin-config timeout_ms=12000)
    # host_start's own endpoint, /scep, asks the connector and nobody else.
    host_start --endpoint /deny --plugin "$fixed" --plugin-config verify=deny --plugin-config code=NotHere \
        --endpoint /chain "${intune[@]}" --plugin "$fixed" --plugin-config verify=allow \
        --plugin-config "record=$WORK/second.record" \
        --endpoint /mixed "${intune[@]}" --static-challenge-file "$WORK/static" \
        --endpoint /static --static-challenge-file "$WORK/static" \
        --endpoint /blocking "${intune[@]}" --plugin-form blocking
}

# enrols NAME PATH CHALLENGE
enrols() {
    strongswan_enrol "$(at "$2")" "$CA_FILE" "$WORK/$1" CN=device d.example "$3" --interval 1 ||
        fail "$1: no certificate at $2"
    openssl verify -CAfile "$CA_FILE" "$WORK/$1.pem" >"$WORK/$1.log" 2>&1 || fail "$1: the certificate does not verify"
    ok "$1"
}
is_refused() {
    ! strongswan_enrol "$(at "$2")" "$CA_FILE" "$WORK/$1" CN=device d.example "$3" --interval 1 ||
        fail "$1: a certificate at $2"
    ok "$1"
}
challenge() { mock_challenge '{"subject":"CN=device","subjectAltNames":[{"type":"dns","value":"d.example"}]}'; }

start_all
same 6 "$(grep -c '^scep-host ready http' "$WORK/host.log")" "the number of endpoints that are announced"
grep -q 'plugin_open name=scep_intune .*endpoint=/scep form=event' "$WORK/host.log" || fail "not asked without blocking"
grep -q 'endpoint=/blocking form=blocking' "$WORK/host.log" || fail "not asked with the form that was wished"

enrols intune-at-its-endpoint /scep "$(challenge)"
enrols intune-blocking /blocking "$(challenge)"
same 2 "$(reported)" "the certificates that Intune knows of"
is_refused another-plugin-at-another-endpoint /deny "$(challenge)"

enrols intune-first-in-the-chain /chain "$(challenge)"
same 3 "$(reported)" "the certificates that Intune knows of"
[ ! -e "$WORK/second.record" ] || fail "the second of the chain was asked what the first had decided"
enrols the-second-of-the-chain /chain not-a-challenge-of-intune
same "verify issued" "$(cut -d' ' -f1 "$WORK/second.record" | xargs)" "what the second of the chain was asked"
same 3 "$(reported)" "the certificates that Intune knows of"

enrols intune-before-the-static-challenge /mixed "$(challenge)"
enrols static-where-intune-declines /mixed "$STATIC"
is_refused wrong-where-intune-declines /mixed "$STATIC."
same 4 "$(reported)" "the certificates that Intune knows of"

# Three clients, right and wrong.
enrols static-strongswan /static "$STATIC"
is_refused wrong-strongswan /static wrong
new_key "$WORK/static-certmonger.key"
certmonger_enrol "$(at /static)" "$CA_FILE" "$WORK/static-certmonger" CN=c c.example "$STATIC" || fail "certmonger has no certificate"
ok static-certmonger
new_key "$WORK/wrong-certmonger.key"
! certmonger_enrol "$(at /static)" "$CA_FILE" "$WORK/wrong-certmonger" CN=c c.example wrong || fail "certmonger has a certificate"
ok wrong-certmonger
scepclient_enrol "$(at /static)" "$WORK/static-scepclient" m "$STATIC" || fail "scepclient has no certificate"
ok static-scepclient
! scepclient_enrol "$(at /static)" "$WORK/wrong-scepclient" m wrong || fail "scepclient has a certificate"
ok wrong-scepclient

same 9 "$(find "$WORK/host/issued" -name '*.pem' | wc -l)" "the number of certificates issued"
kill -TERM "$STARTED"
wait "$STARTED" || fail "the host ended with status $?"
! grep -q "$STATIC" "$WORK/host.log" || fail "the host has logged the challenge"
ok "and it ends, and has said no challenge"
