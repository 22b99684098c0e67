# shellcheck shell=bash disable=SC2034
# Sourced, behind stack.sh: a CA that is a host of its own (scep-ca), and the certificates with which machines know each other.
#
#   tls_authority DIR             DIR/tls-ca.pem and its key, for the two below
#   tls_certificate DIR NAME SAN  DIR/NAME.pem and DIR/NAME.key, for servers and clients; SAN as openssl has it: IP:10.0.0.1,DNS:x
#   remote_ca_start               scep-ca in $WORK/ca on a free port: REMOTE_CA_PID and REMOTE_CA_URL; again after it was stopped
#   remote_ca_stop                and it is gone
#   remote_issuer                 the options that make scep-host ask it, in REMOTE_ISSUER
#   remote_ca_section             [ca/remote] of a connector that revokes there
#
# The CA's client certificates are $WORK/tls/client.pem and $WORK/tls/client.key.

tls_authority() {
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=TLS CA of a test" \
        -keyout "$1/tls-ca.key" -out "$1/tls-ca.pem" 2>"$1/openssl.log" || fail "no TLS CA"
}

tls_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$1/$2.key" -out "$1/$2.csr" \
        2>>"$1/openssl.log" || fail "no TLS request for $2"
    openssl x509 -req -in "$1/$2.csr" -CA "$1/tls-ca.pem" -CAkey "$1/tls-ca.key" -days 30 -out "$1/$2.pem" \
        -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") 2>>"$1/openssl.log" ||
        fail "no TLS certificate for $2"
}

remote_ca_start() {
    local tls=$WORK/tls port=0
    [ -d "$tls" ] || { tls_authority "$tls" && tls_certificate "$tls" ca IP:127.0.0.1 && tls_certificate "$tls" client DNS:client; }
    [ ! -s "$WORK/ca.port" ] || port=$(cat "$WORK/ca.port") # where everybody looks for it
    rm -f "$WORK/ca.port"
    start ca "$BUILD/bin/scep-ca" --state "$WORK/ca" --tls-cert "$tls/ca.pem" --tls-key "$tls/ca.key" \
        --client-ca "$tls/tls-ca.pem" --port "$port" --port-file "$WORK/ca.port"
    REMOTE_CA_PID=$STARTED
    wait_until 20 "the CA's start" test -s "$WORK/ca.port"
    REMOTE_CA_URL=https://127.0.0.1:$(cat "$WORK/ca.port")
}

remote_ca_stop() {
    kill "$REMOTE_CA_PID"
    wait "$REMOTE_CA_PID" 2>/dev/null || true
}

remote_issuer() {
    REMOTE_ISSUER=(--issuer-url "$REMOTE_CA_URL" --issuer-ca-file "$WORK/tls/tls-ca.pem" --issuer-cert "$WORK/tls/client.pem"
        --issuer-key "$WORK/tls/client.key")
}

remote_ca_section() {
    local script
    script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/revoke_at_ca.sh
    printf '[ca/remote]\nkind = command\ncommand = %s %s %s {serial} {reason_code}\nissuer = CN=%s\ntimeout_ms = 6000\n' \
        "$script" "$REMOTE_CA_URL" "$WORK/tls" "${1:-scep-ca demo CA}"
}
