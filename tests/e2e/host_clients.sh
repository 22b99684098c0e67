#!/usr/bin/env bash
# scep-host with a plugin of fixed verdicts, against SCEP clients that nobody here wrote: strongSwan's pki, certmonger and
# micromdm's scepclient. What is allowed is issued and verifies, what is denied is not, what is pending is issued later.
#
#   BUILD=DIR tests/e2e/host_clients.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/stack.sh
. "$here/../support/stack.sh"
# shellcheck source=tests/support/clients.sh
. "$here/../support/clients.sh"

CHALLENGE=a-challenge-for-three-clients

# fixed_host NAME KEY=VALUE…: a new host, with its state in WORK/NAME, whose plugin answers as the settings say.
fixed_host() {
    local name=$1 setting settings=()
    shift
    for setting in "record=$WORK/$name.record" "$@"; do settings+=(--plugin-config "$setting"); done
    start "$name" "$BUILD/bin/scep-host" --plugin "$BUILD/lib/fixed_verdict.so" "${settings[@]}" \
        --state "$WORK/$name" --port-file "$WORK/$name.port" --pending-retry-ms 100 --legacy-des
    HOST_PID=$STARTED
    wait_until 20 "the start of $name" test -s "$WORK/$name.port"
    SCEP_URL=http://127.0.0.1:$(cat "$WORK/$name.port")/scep
    CA_FILE=$WORK/$name/ca.pem
}

# ends_cleanly NAME: SIGTERM, exit status 0, and no challenge in what it said.
ends_cleanly() {
    kill -TERM "$HOST_PID"
    wait "$HOST_PID" || fail "$1 ended with status $?"
    ! grep -q "$CHALLENGE" "$WORK/$1.log" || fail "$1 has logged the challenge"
}

count_issued() { find "$WORK/$1/issued" -name '*.pem' | wc -l; }

# verifies PREFIX: the certificate is the CA's, is for the key, and is nobody else's CA.
verifies() {
    openssl verify -CAfile "$CA_FILE" -purpose sslclient "$1.pem" >/dev/null || fail "$1.pem does not verify"
    same "$(openssl pkey -in "$1.key" -pubout)" "$(openssl x509 -in "$1.pem" -noout -pubkey)" "the key of $1.pem"
    openssl x509 -in "$1.pem" -noout -text | grep -q CA:FALSE || fail "$1.pem may be a CA"
}

strongswan() { strongswan_enrol "$SCEP_URL" "$CA_FILE" "$1" "CN=strongswan" s.example "$CHALLENGE" --interval 1 "${@:2}"; }
certmonger() { new_key "$1.key" && certmonger_enrol "$SCEP_URL" "$CA_FILE" "$1" CN=certmonger c.example "$CHALLENGE"; }
scepclient_() { scepclient_enrol "$SCEP_URL" "$1" micromdm "$CHALLENGE"; }

clients_are_issued_what_is_allowed() {
    fixed_host allow verify=allow
    local client
    for client in strongswan certmonger scepclient_; do
        mkdir "$WORK/allow-$client"
        $client "$WORK/allow-$client/device" || fail "$client has no certificate"
        verifies "$WORK/allow-$client/device"
        ok "$client is issued a certificate that verifies"
    done
    same 3 "$(count_issued allow)" "the number of certificates issued"
    same 3 "$(grep -c '^issued ' "$WORK/allow.record")" "the number of certificates reported"
    openssl x509 -in "$WORK/allow-strongswan/device.pem" -noout -ext subjectAltName | grep -q DNS:s.example ||
        fail "the alternative name is lost"
}

# With the certificate from before, and a new key.
strongswan_renews() {
    local old=$WORK/allow-strongswan/device new=$WORK/renewed
    strongswan "$new" --cert "$old.pem" --key "$old.key" || fail "strongSwan cannot renew"
    verifies "$new"
    same 1 "$(grep -c '^verify 17 ' "$WORK/allow.record")" "the number of RenewalReqs"
    ends_cleanly allow
    ok "strongswan renews with the certificate that it has"
}

clients_are_refused_what_is_denied() {
    fixed_host deny verify=deny code=ChallengeExpired
    local client
    for client in strongswan certmonger scepclient_; do
        mkdir "$WORK/deny-$client"
        ! $client "$WORK/deny-$client/device" || fail "$client has a certificate"
        ok "$client is refused"
    done
    grep -q 'failInfo: badRequest' "$WORK/deny-scepclient_/device.log" || fail "scepclient was told something else"
    same 3 "$(grep -c '^verify 19 ' "$WORK/deny.record")" "the number of questions to the plugin"
    same 0 "$(count_issued deny)" "the number of certificates issued"
    ends_cleanly deny
}

strongswan_polls_until_it_is_issued() {
    fixed_host pending verify=allow retries=2
    strongswan "$WORK/polled" || fail "strongSwan has no certificate"
    verifies "$WORK/polled"
    same 3 "$(grep -c '^verify 19 ' "$WORK/pending.record")" "the number of questions to the plugin"
    same 1 "$(count_issued pending)" "the number of certificates issued"
    ends_cleanly pending
    ok "strongswan polls for what is pending, and is issued it"
}

strongswan_polls_until_it_is_refused() {
    fixed_host undecided verify=deny retries=1
    ! strongswan "$WORK/refused" || fail "strongSwan has a certificate"
    same 2 "$(grep -c '^verify 19 ' "$WORK/undecided.record")" "the number of questions to the plugin"
    same 0 "$(count_issued undecided)" "the number of certificates issued"
    ends_cleanly undecided
    ok "strongswan polls for what is pending, and is refused"
}

a_certificate_waits_for_its_report() {
    fixed_host reported verify=allow issued_retries=2
    strongswan "$WORK/waiting" || fail "strongSwan has no certificate"
    verifies "$WORK/waiting"
    same 1 "$(grep -c '^verify ' "$WORK/reported.record")" "the number of questions to the plugin"
    same 3 "$(grep -c '^issued ' "$WORK/reported.record")" "the number of reports to the plugin"
    same 1 "$(count_issued reported)" "the number of certificates issued"
    curl -fsS "${SCEP_URL%/scep}/crl" | openssl crl -inform DER -CAfile "$CA_FILE" -noout 2>"$WORK/crl.text" ||
        fail "there is no CRL"
    grep -q 'verify OK' "$WORK/crl.text" || fail "the CRL is not the CA's"
    ends_cleanly reported
    ok "strongswan polls for what is not reported yet, and is given it then"
}

a_certificate_that_cannot_be_reported_is_withheld() {
    fixed_host withheld verify=allow issued=deny
    ! strongswan "$WORK/unreported" || fail "strongSwan has a certificate"
    same 0 "$(count_issued withheld)" "the number of certificates issued"
    same 1 "$(find "$WORK/withheld/withheld" -name '*.pem' | wc -l)" "the number of certificates withheld"
    local serial
    serial=$(basename "$(find "$WORK/withheld/withheld" -name '*.pem')" .pem)
    openssl crl -in "$WORK/withheld/crl.pem" -noout -text | grep -q "$serial" || fail "the CRL does not have it"
    ends_cleanly withheld
    ok "strongswan is not given what could not be reported"
}

stack_new
clients_are_issued_what_is_allowed
strongswan_renews
clients_are_refused_what_is_denied
strongswan_polls_until_it_is_issued
strongswan_polls_until_it_is_refused
a_certificate_waits_for_its_report
a_certificate_that_cannot_be_reported_is_withheld
