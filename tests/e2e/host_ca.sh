#!/usr/bin/env bash
# scep-host's CA in its other shapes, with real clients: an RA with a certificate of its own, the announcement of the CA that
# will be next, and a CA whose key is in a TPM.
#
#   BUILD=DIR tests/e2e/host_ca.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/stack.sh
. "$here/../support/stack.sh"
# shellcheck source=tests/support/clients.sh
. "$here/../support/clients.sh"
# shellcheck source=tests/support/tpm.sh
. "$here/../support/tpm.sh"

CHALLENGE=a-challenge-for-three-clients

# ca_host NAME OPTION…: a host with its state in WORK/NAME, whose plugin allows at the second time.
ca_host() {
    local name=$1
    shift
    rm -f "$WORK/$name.port"
    start "$name" "$BUILD/bin/scep-host" --plugin "$BUILD/lib/fixed_verdict.so" --plugin-config verify=allow \
        --plugin-config retries=1 --state "$WORK/$name" --port-file "$WORK/$name.port" --pending-retry-ms 100 \
        --legacy-des "$@"
    HOST_PID=$STARTED
    wait_until 60 "the start of $name" test -s "$WORK/$name.port"
    SCEP_URL=http://127.0.0.1:$(cat "$WORK/$name.port")/scep
    CA_FILE=$WORK/$name/ca.pem
}
ends_cleanly() {
    kill -TERM "$HOST_PID"
    wait "$HOST_PID" || fail "$1 ended with status $?"
}
verifies() { # PREFIX
    openssl verify -CAfile "$CA_FILE" -purpose sslclient "$1.pem" >"$1.log" 2>&1 || fail "$1.pem does not verify"
}
strongswan() { # PREFIX
    strongswan_enrol "$SCEP_URL" "$CA_FILE" "$1" CN=strongswan s.example "$CHALLENGE" --interval 1 ||
        fail "strongSwan has no certificate"
    verifies "$1"
}
capabilities() { curl -fsS "$SCEP_URL?operation=GetCACaps"; }

an_ra_speaks_for_the_ca() {
    ca_host ra --ra
    RA_FILE=$WORK/ra/ra.pem
    pki --scepca --url "$SCEP_URL" --caout "$WORK/told-ca.pem" --raout "$WORK/told-ra.pem" --outform pem --force \
        >"$WORK/scepca.log" 2>&1 || fail "strongSwan does not understand GetCACert"
    same "$(openssl x509 -in "$CA_FILE")" "$(openssl x509 -in "$WORK/told-ca.pem")" "the CA that strongSwan was told"
    same "$(openssl x509 -in "$RA_FILE")" "$(openssl x509 -in "$WORK/told-ra.pem")" "the RA that strongSwan was told"
    strongswan "$WORK/ra-strongswan" # polls for it, too
    ok "strongswan is issued a certificate by way of the RA"
    new_key "$WORK/ra-certmonger.key"
    certmonger_enrol "$SCEP_URL" "$CA_FILE" "$WORK/ra-certmonger" CN=c c.example "$CHALLENGE" ||
        fail "certmonger has no certificate"
    verifies "$WORK/ra-certmonger"
    ok "certmonger is issued a certificate by way of the RA"
    scepclient_enrol "$SCEP_URL" "$WORK/ra-scepclient" m "$CHALLENGE" || fail "scepclient has no certificate"
    verifies "$WORK/ra-scepclient"
    ok "scepclient is issued a certificate by way of the RA"
    ! RA_FILE=$CA_FILE strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/past-the-ra" CN=x s.example "$CHALLENGE" ||
        fail "a message for the CA was opened by the RA"
    ok "what is enciphered for the CA is refused"
    RA_FILE=
    ends_cleanly ra
}

the_next_ca_is_announced_by_the_current_one() {
    ca_host plain
    ! capabilities | grep -q GetNextCACert || fail "GetNextCACert is a capability without a next CA"
    same 404 "$(curl -sS -o /dev/null -w '%{http_code}' "$SCEP_URL?operation=GetNextCACert")" "without a next CA"
    ends_cleanly plain
    ca_host plain --next-ca
    capabilities | grep -qx GetNextCACert || fail "GetNextCACert is no capability"
    curl -fsS -D "$WORK/next.head" -o "$WORK/next.p7" "$SCEP_URL?operation=GetNextCACert"
    grep -qi '^content-type: application/x-x509-next-ca-cert' "$WORK/next.head" || fail "another content type"
    openssl cms -verify -inform DER -in "$WORK/next.p7" -CAfile "$CA_FILE" -purpose any -out "$WORK/next.inner" \
        2>"$WORK/cms.log" || fail "it is not signed by the CA"
    same "$(openssl x509 -in "$WORK/plain/next-ca.pem")" \
        "$(openssl pkcs7 -inform DER -in "$WORK/next.inner" -print_certs | openssl x509)" "the next CA"
    ! openssl cms -verify -inform DER -in "$WORK/next.p7" -CAfile "$WORK/plain/next-ca.pem" -purpose any -out /dev/null \
        2>>"$WORK/cms.log" || fail "it vouches for itself"
    strongswan "$WORK/not-yet" # the current one still issues
    ends_cleanly plain
    ok "the next CA is announced, signed by the current one, which goes on"
}

# A key store serves one at a time, whatever the host's threads want of it.
six_at_once() {
    local i devices=()
    for i in 1 2 3 4 5 6; do
        strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/crowd$i" "CN=crowd$i" s.example "$CHALLENGE" --interval 1 &
        devices+=($!)
    done
    for i in "${devices[@]}"; do wait "$i" || fail "one of six devices has no certificate"; done
    for i in 1 2 3 4 5 6; do verifies "$WORK/crowd$i"; done
}

# With an RA and without: then the TPM deciphers, too.
the_ca_key_is_in_a_tpm() {
    local tpm=(--ca-key handle:0x81000001 --ca-provider tpm2)
    tpm_start
    tpm_make_key
    ca_host tpm "${tpm[@]}" --next-ca
    strongswan "$WORK/tpm-device"
    six_at_once
    curl -fsS "${SCEP_URL%/scep}/crl" | openssl crl -inform DER -CAfile "$CA_FILE" -noout 2>"$WORK/crl.text" ||
        fail "there is no CRL"
    grep -q 'verify OK' "$WORK/crl.text" || fail "the CRL is not the CA's"
    curl -fsS "$SCEP_URL?operation=GetNextCACert" | openssl cms -verify -inform DER -CAfile "$CA_FILE" -purpose any \
        -out /dev/null 2>"$WORK/cms.log" || fail "the next CA is not signed by the TPM"
    ends_cleanly tpm
    [ ! -e "$WORK/tpm/ca.key" ] || fail "there is a key outside of the TPM"
    ok "a CA whose key is in a TPM issues, deciphers and revokes"
    cp "$CA_FILE" "$WORK/ca-before.pem"
    ca_host tpm "${tpm[@]}" --ra
    cmp -s "$CA_FILE" "$WORK/ca-before.pem" || fail "it is another CA after a restart"
    RA_FILE=$WORK/tpm/ra.pem
    strongswan "$WORK/tpm-ra-device"
    RA_FILE=
    ends_cleanly tpm
    ok "and is the same after a restart, with an RA"
    # The certificate is there, and the key is another one, or none.
    ! "$BUILD/bin/scep-host" --plugin "$BUILD/lib/fixed_verdict.so" --state "$WORK/tpm" --ca-provider tpm2 \
        --ca-key handle:0x81000009 >"$WORK/no-key.log" 2>&1 || fail "it starts without its key"
    ! "$BUILD/bin/scep-host" --plugin "$BUILD/lib/fixed_verdict.so" --state "$WORK/tpm" >"$WORK/gone.log" 2>&1 ||
        fail "it starts without its key"
    grep -q 'ca.key is not: restore it' "$WORK/gone.log" || fail "it does not say what is missing"
    ok "and does not start without its key"
}

stack_new
an_ra_speaks_for_the_ca
the_next_ca_is_announced_by_the_current_one
the_ca_key_is_in_a_tpm
