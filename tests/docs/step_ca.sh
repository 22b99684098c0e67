#!/usr/bin/env bash
# docs/step-ca.md, command by command: its sh blocks are run in order, its configuration is loaded, and a device enrols through what
# has come of it. step is a stand-in (step.py), and so is step-ca (tests/support/step_ca_client.py).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
PAGE=docs/step-ca.md
PORT=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

# --- the hosts: what the page takes for granted ---

export STEPPATH=$WORK/step
mkdir -p "$WORK/bin" "$WORK/etc" "$WORK/run" "$STEPPATH"
cp tests/docs/step.py "$WORK/bin/step"
cat >"$WORK/bin/systemctl" <<TEXT
#!/bin/bash
pid=\$(cat "$WORK/pid" 2>/dev/null)
case "\$*" in
"reload intune-scepd") [ -z "\$pid" ] || kill -HUP "\$pid" ;;
"restart intune-scepd")
    [ -z "\$pid" ] || kill "\$pid"
    "$BUILD/bin/intune-scepd" -c "$WORK/etc/connector.conf" >>"$WORK/connector.log" 2>&1 &
    echo \$! >"$WORK/pid"
    for ((i = 0; i < 200; i++)); do
        ! curl -sf -o "$WORK/ready" --unix-socket "$WORK/run/connector.sock" http://connector/readyz || exit 0
        read -rt 0.1 <> <(:) || true
    done
    exit 1 ;;
*) exit 1 ;;
esac
TEXT
cat >"$WORK/bin/chown" <<'TEXT'
#!/bin/sh
[ "$1" = intune-scep ] && [ -f "$2" ] # there is no such user here
TEXT
chmod +x "$WORK"/bin/*
trap 'kill "$(cat "$WORK/pid" 2>/dev/null)" 2>/dev/null || true; stack_remove' EXIT
PATH=$WORK/bin:$BUILD/bin:$PATH

# block LANGUAGE N: the page's Nth block of that language, with this test's paths.
block() {
    awk -v language="$1" -v wanted="$2" '
        $0 == "```" language { n++; inside = n == wanted; next }
        /^```/ { inside = 0 }
        inside' "$PAGE" |
        sed "s|/etc/intune-scep|$WORK/etc|g; s|/run/intune-scep|$WORK/run|g; s| -o intune-scep||g"
}
count() { grep -cx "\`\`\`$1" "$PAGE"; }

# run N: the Nth sh block, in the shell that a reader would have.
run() {
    block sh "$1" >"$WORK/block"
    [ -s "$WORK/block" ] || fail "the page has no block $1"
    bash -euo pipefail "$WORK/block" >"$WORK/output" 2>"$WORK/block.log" ||
        fail "block $1 of the page: $(cat "$WORK/block" "$WORK/block.log")"
}

same 8 "$(count sh)" "the page's sh blocks"
run 1
(PAGE=$PWD/$PAGE && cd "$STEPPATH" && run 2) # where block 1 has gone
for n in 3 4 5 6; do run $n; done
ok "a CA, a provisioner and two webhooks, as on the page"

# --- what is shown once is written down ---

mapfile -t ids < <(sed -n 's/^Webhook ID: //p' "$WORK/output")
mapfile -t secrets < <(sed -n 's/^Secret: //p' "$WORK/output")
same "2 2" "${#ids[@]} ${#secrets[@]}" "ids and secrets shown"
block sh 7 >"$WORK/block"
at=0
while read -r line; do
    printf '%s\n' "${secrets[$at]}" | bash -eu -c "$line" || fail "block 7 of the page: $line"
    at=$((at + 1))
done <"$WORK/block"
same "2 600 600" "$at $(stat -c %a "$WORK/etc/challenge.secret") $(stat -c %a "$WORK/etc/notify.secret")" "the secrets' files"

jq -S 'del(.options.webhooks[].id)' <(block json 1) >"$WORK/page.json"
jq -S '.provisioners.intune | del(.options.webhooks[].id)' "$STEPPATH/state.json" >"$WORK/state.json"
diff -u "$WORK/page.json" "$WORK/state.json" || fail "the provisioner is not as on the page"

cp "$WORK/client-secret" "$WORK/etc/client-secret"
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/etc/provisioner.jwk"
block ini 1 | sed "s|^challenge_id = .*|challenge_id = ${ids[0]}|; s|^notify_id = .*|notify_id = ${ids[1]}|
    s|^address = tcp:0.0.0.0:8443|address = tcp:127.0.0.1:$PORT|
    s|^tenant_id = .*|tenant_id = $TENANT|; s|^client_id = .*|client_id = $CLIENT_ID|
    /^client_secret_file/a authority = $MOCK_URL\ngraph = $MOCK_URL\nallowed_hosts = localhost\nca_file = $WORK/mock/ca.pem
    /^\[tenant/i [journal]\npath = $WORK/journal.db\n\n[revocation]\npoll = no\n" >"$WORK/etc/connector.conf"
run 8
grep -q '"ok"' "$WORK/output" || fail "the connector is not ready: $(cat "$WORK/output")"
ok "the connector with the page's configuration is ready"

# --- a device enrols ---

step ca certificate ca.example "$WORK/ca.crt" "$WORK/ca.key"
CHALLENGE=$(mock_challenge '{"subject":"CN=page","subjectAltNames":[{"type":"dns","value":"page.example"}]}')
make_csr "$WORK/page" "CN=page" page.example "$CHALLENGE"

# webhook N OPTION…: as step-ca calls what was added with the Nth command of block 6.
webhook() {
    local n=$1
    shift
    printf '%s' "${secrets[$n]}" >"$WORK/secret"
    python3 tests/support/step_ca_client.py "$@" --url "$(jq -r ".provisioners.intune.options.webhooks[$n].url" "$STEPPATH/state.json")" \
        --connect-to "127.0.0.1:$PORT" --ca "$STEPPATH/certs/root_ca.crt" --cert "$WORK/ca.crt" --key "$WORK/ca.key" \
        --id "${ids[$n]}" --secret-file "$WORK/secret" --csr "$WORK/page.der" --transaction-id page >"$WORK/webhook.log"
}
allowed() { webhook "$@" || fail "webhook $1: $(cat "$WORK/webhook.log")"; }
allowed 0 challenge --challenge "$CHALLENGE"
openssl x509 -req -inform DER -in "$WORK/page.der" -CA "$STEPPATH/certs/intermediate_ca.crt" \
    -CAkey "$STEPPATH/secrets/intermediate_ca_key" -days 30 -copy_extensions copy -outform DER -out "$WORK/page.crt" 2>/dev/null
allowed 1 notify --issued "$WORK/page.crt"
is_told() { mock_transactions | jq -e '.[] | select(.transactionId == "page") | .success.fields.certificateThumbprint'; }
wait_until 20 "Intune's knowledge of the certificate" is_told
intune-scepctl trace --socket "$WORK/run/connector.sock" page | grep -q reported || fail "trace does not show it"
ok "a device enrols through it, and Intune knows"

# --- the page's table of replies, and its other claims ---

webhook 0 challenge --challenge "$CHALLENGE" --tamper body:3 && fail "a wrong signature was accepted"
grep -q '"status": 401' "$WORK/webhook.log" || fail "not the page's 401: $(cat "$WORK/webhook.log")"
bash -euo pipefail <(block sh 5) || fail "the renewal's reload"
is_reloaded() { grep -q 'reloaded' "$WORK/connector.log"; }
wait_until 20 "the reload" is_reloaded
allowed 0 challenge --challenge "$CHALLENGE"
ok "a renewed certificate is taken with a reload"
