#!/usr/bin/env bash
# docs/CONNECTING.md: the recipes as they stand there, but for places (paths, names, ports), which are ours.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by the inner shell
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start
connector_configure
export PATH=$BUILD/bin:$PATH INTUNE_SCEP_SOCKET=$WORK/connector.sock

TLS_PORT=$(free_port)

# recipe NAME: the block behind <!-- run: NAME -->, in our places.
recipe() {
    awk -v marker="<!-- run: $1 -->" '
        $0 == marker { state = 1; next }
        state == 1 && /^```/ { state = 2; next }
        state == 2 && /^```$/ { exit }
        state == 2 { print }' docs/CONNECTING.md >"$WORK/recipe"
    [ -s "$WORK/recipe" ] || fail "docs/CONNECTING.md has no recipe $1"
    sed -e "s|/run/intune-scep/connector.sock|$WORK/connector.sock|g" -e "s|/usr/bin/|$BUILD/bin/|g" \
        -e "s|/usr/lib/x86_64-linux-gnu/scep-plugins/|$BUILD/lib/|g" \
        -e "s|/etc/intune-scep/|$WORK/tls/|g" -e "s|0.0.0.0:8443|127.0.0.1:$TLS_PORT|g" \
        -e "s|connector.example.com:8443|localhost:$TLS_PORT|g" -e "s|-port 8080|-port \$SCEP_PORT|g" "$WORK/recipe"
}
run() { # NAME [ARGUMENT…], in $WORK/place; output in $WORK/out
    recipe "$1" >"$WORK/script"
    shift
    (cd "$WORK/place" && sh "$WORK/script" "$@") >"$WORK/out" 2>"$WORK/err"
}

# What the recipes find where they are run.
mkdir -p "$WORK/place" "$WORK/tls"
(
    cd "$WORK/tls"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out client-ca.pem -subj '/CN=TLS CA' -days 2
    for name in localhost scep.example.com other.example.com; do
        openssl req -newkey rsa:2048 -nodes -keyout "$name.key" -subj "/CN=$name" -addext "subjectAltName=DNS:$name" |
            openssl x509 -req -CA client-ca.pem -CAkey ca.key -days 2 -copy_extensions copy -out "$name.pem"
    done
    mv localhost.pem tls.pem
    mv localhost.key tls.key
    echo "a-token-for-the-test-of-doors" >scep-token
) 2>"$WORK/pki.log"
cp "$WORK/tls/client-ca.pem" "$WORK/place/ca.pem"
cp "$WORK/tls/ca.key" "$WORK/tls/scep-token" "$WORK/place/"
client_is() { # NAME
    cp "$WORK/tls/$1.pem" "$WORK/place/scep.pem"
    cp "$WORK/tls/$1.key" "$WORK/place/scep.key"
}
client_is scep.example.com
new_request() { # NAME
    rm -f "$WORK/$1.key"
    make_csr "$WORK/$1" "CN=$1" "$1.example" \
        "$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")"
    cp "$WORK/$1.der" "$WORK/place/request.der"
    openssl req -inform DER -in "$WORK/$1.der" -out "$WORK/place/request.pem"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/place/ca.pem" -CAkey "$WORK/place/ca.key" -days 2 \
        -copy_extensions copy -outform DER -out "$WORK/place/certificate.der" 2>/dev/null
}
deny_request() {
    rm -f "$WORK/static.key"
    make_csr "$WORK/static" CN=static static.example a-static-password
    cp "$WORK/static.der" "$WORK/place/request.der"
    openssl req -inform DER -in "$WORK/static.der" -out "$WORK/place/request.pem"
}
verdicts() { jq -rs 'map(.verdict) | join(" ")' "$WORK/out"; }

sed -i 's|^listen = .*||' "$WORK/connector.conf"
printf '\n[listener/local]\naddress = unix:%s\nserves = api admin\n\n' "$WORK/connector.sock" >>"$WORK/connector.conf"
recipe tls-listener >>"$WORK/connector.conf"
connector_start
wait_until 20 "readiness" connector_ask /readyz --fail

recipe plugin | sed 's/^scep-host/exec scep-host/' >"$WORK/script"
start plugin_host sh -c 'cd "$1" && . "$2"' sh "$WORK/place" "$WORK/script"
wait_until 20 "the start of the host in docs/CONNECTING.md" grep -q plugin_ready "$WORK/plugin_host.log"
ok "plugin"

new_request local
run local-api || fail "local API: $(cat "$WORK/err")"
same "allow allow" "$(verdicts)" "local API"
deny_request
run local-api || fail "local API: $(cat "$WORK/err")"
same deny "$(verdicts | cut -d' ' -f1)" "local API, a static challenge"
ok "local API"

new_request remote
run tls-request || fail "API over TLS: $(cat "$WORK/err")"
same allow "$(verdicts)" "API over TLS"
deny_request
run tls-request || fail "API over TLS: $(cat "$WORK/err")"
same deny "$(verdicts)" "API over TLS, a static challenge"
new_request stranger
client_is other.example.com
if run tls-request && [ "$(verdicts)" = allow ]; then fail "API over TLS: a stranger's certificate is allowed"; fi
client_is scep.example.com
echo "another-token-for-the-test" >"$WORK/place/scep-token"
if run tls-request && [ "$(verdicts)" = allow ]; then fail "API over TLS: another token is allowed"; fi
same 0 "$(mock_transactions | jq '[.[] | select(.deviceId == "stranger")] | length')" "Intune was asked for a stranger"
ok "API over TLS: not with another name or token"

(cd "$WORK" && scepserver ca -init -depot place/depot -keySize 2048 >scepserver-ca.log 2>&1) || fail "scepserver has no CA"
recipe micromdm | sed 's/^    scepserver/    exec scepserver/' >"$WORK/script"
scepserver_start sh -c 'cd "$1" && . "$2"' sh "$WORK/place" "$WORK/script"
scepclient_enrol "$SCEP_URL" "$WORK/phone" phone \
    "$(mock_challenge "$(jq -n --arg s "$(scepclient_subject phone)" '{subject: $s}')")" || fail "micromdm: no certificate"
rm -f "$WORK/csr.pem" "$WORK/self.pem"
if scepclient_enrol "$SCEP_URL" "$WORK/tablet" tablet wrong; then fail "micromdm: a certificate for a wrong challenge"; fi
ok "micromdm/scep"

new_request open
run openxpki || fail "OpenXPKI: $(cat "$WORK/err")"
same 1 "$(cat "$WORK/out")" "OpenXPKI"
deny_request
run openxpki || fail "OpenXPKI: $(cat "$WORK/err")"
same 0 "$(cat "$WORK/out")" "OpenXPKI, a static challenge"
ok "OpenXPKI"

signs() { # CODE WHAT ID
    local status=0
    run exec "$3" <"$WORK/place/request.der" || status=$?
    same "$1" "$status" "exec: $2: exit code ($(cat "$WORK/err"))"
}
new_request script
signs 0 "a good request" SCRIPT-1
openssl x509 -in "$WORK/out" -outform DER -out "$WORK/delivered.der"
same "$(openssl x509 -inform DER -in "$WORK/delivered.der" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" \
    "$(mock_admin GET /transactions/SCRIPT-1 | jq -r .success.fields.certificateThumbprint)" "what Intune was told"
signs 0 "the same again" SCRIPT-1
openssl x509 -in "$WORK/out" -outform DER | cmp - "$WORK/delivered.der" || fail "exec: another certificate"
deny_request
signs 1 "a static challenge" SCRIPT-2
new_request patient
mock_fault '{"endpoint":"success","kind":"status","status":403}'
signs 3 "Intune cannot be told" SCRIPT-3
mock_no_faults
again() { run exec SCRIPT-3 <"$WORK/place/request.der"; }
wait_until 60 "its delivery" again
openssl x509 -in "$WORK/out" -noout || fail "exec: no certificate"
same 1 "$(mock_admin GET /transactions/SCRIPT-3 | jq .success.distinctContents)" "how many certificates Intune was told of"
new_request unlucky
mv "$WORK/place/ca.key" "$WORK/place/ca.key.away"
signs 1 "a CA that does not sign" SCRIPT-4
same "the CA did not sign" "$(mock_admin GET /transactions/SCRIPT-4 | jq -r .failure.fields.errorDescription)" "what Intune was told"
ok "exec and notify"
