#!/usr/bin/env bash
# Every kind of credential enrols against the mock, which checks each as strictly as Entra ID; every kind has a hostile
# sibling that does not. Then two at once: the rotation of a secret under load, without one refused request.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/tpm.sh
. tests/support/tpm.sh
stack_new
serial=0

# --- what is signed with, and by whom ---

new_pair() { # PREFIX: PREFIX.key and PREFIX.pem
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=$(basename "$1")" -days 90 \
        2>/dev/null
}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# What Kubernetes would write into a pod: a token of its own, signed with RS256.
federated_token() { # KEY SUBJECT LIFETIME_S
    local now head claims
    now=$(date +%s)
    head=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url)
    claims=$(jq -cn --arg sub "$2" --argjson now "$now" --argjson s "$3" '{iss: "https://kubernetes.example",
        sub: $sub, aud: ["api://AzureADTokenExchange"], iat: $now, nbf: $now, exp: ($now + $s)}' | base64url)
    printf '%s.%s.%s\n' "$head" "$claims" \
        "$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$1" | base64url)"
}

register() { # JSON: prints the mock's keyId
    mock_admin POST /credentials "$1" | jq -er .keyId
}

register_certificate() { # FILE
    register "$(jq -n --rawfile pem "$1" '{kind: "certificate", certificate: $pem}')"
}

# --- one connector after the other ---

# credentials IDS SECTIONS: the configuration, with these credentials.
configure() {
    cat >"$WORK/connector.conf" <<TEXT
[connector]
listen = unix:$WORK/connector.sock

[journal]
path = $WORK/journal.db

[tenant/contoso]
tenant_id = $TENANT
client_id = $CLIENT_ID
credentials = $1
authority = $MOCK_URL
graph = $MOCK_URL
allowed_hosts = localhost
ca_file = $WORK/mock/ca.pem

$2
TEXT
}

ask() { # CSR-PREFIX: prints "STATUS VERDICT CODE"
    local reply
    reply=$(connector_ask /v1/validate -H 'Content-Type: application/pkcs10' \
        -H "X-Scep-Transaction-Id: $(basename "$1")" --data-binary "@$1.der" -w '\n%{http_code}')
    echo "$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')"
}

# A new device's request; its prefix in DEVICE.
new_device() {
    serial=$((serial + 1))
    DEVICE=$WORK/dev-$serial
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=dev-$serial\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"dev-$serial.example\"}]}")
    [ -f "$WORK/device.key" ] || openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null
    cp "$WORK/device.key" "$DEVICE.key"
    make_csr "$DEVICE" "CN=dev-$serial" "dev-$serial.example" "$challenge"
}

stop_connector() {
    kill "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" || fail "the connector did not end in order"
    rm -f "$WORK/connector.log"
}

enrols() { # WHAT IDS SECTIONS USED: a request is allowed, with a token that the credential USED got
    configure "$2" "$3"
    connector_start
    new_device
    same "200 allow Success" "$(ask "$DEVICE")" "$1"
    grep -q "token_issued scope=intune credential=$4 " "$WORK/connector.log" || fail "$1: $4 was not used"
    stop_connector
    ok "$1"
}

does_not_enrol() { # WHAT CODE IDS SECTIONS
    configure "$3" "$4"
    connector_start
    new_device
    same "503 retry $2" "$(ask "$DEVICE")" "$1"
    stop_connector
    ok "$1: $2"
}

# Refused before it starts, by the line that begins the section.
does_not_start() { # WHAT IDS SECTIONS MESSAGE
    configure "$2" "$3"
    if "$BUILD/bin/intune-scepd" --check -c "$WORK/connector.conf" >"$WORK/check.out" 2>&1; then fail "$1 was accepted"; fi
    grep -qF -- "$4" "$WORK/check.out" || fail "$1: $(cat "$WORK/check.out"), not $4"
    ok "$1"
}

mock_start --imds-listen 127.0.0.1:0 --imds-port-file "$WORK/imds.port" --token-lifetime-s 600
IMDS=http://127.0.0.1:$(cat "$WORK/imds.port")

# --- a secret ---

printf 'wrong\n' >"$WORK/wrong-secret"
enrols "a client secret" one "[credential/one]
kind = secret
client_secret_file = $WORK/client-secret" one
does_not_enrol "a wrong client secret" AADSTS7000215 one "[credential/one]
kind = secret
client_secret_file = $WORK/wrong-secret"
mkdir "$WORK/systemd"
cp "$WORK/client-secret" "$WORK/systemd/entra"
CREDENTIALS_DIRECTORY=$WORK/systemd enrols "a systemd credential" one "[credential/one]
kind = secret
client_secret_file = credential:entra" one

# --- a certificate ---

new_pair "$WORK/known"
new_pair "$WORK/stranger"
known=$(register_certificate "$WORK/known.pem")
printf 'a password\n' >"$WORK/p12-password"
openssl pkcs12 -export -in "$WORK/known.pem" -inkey "$WORK/known.key" -out "$WORK/known.p12" -passout "file:$WORK/p12-password"
for algorithm in PS256 RS256; do
    enrols "a certificate as PEM, $algorithm" cert "[credential/cert]
kind = certificate
key = $WORK/known.key
certificate = $WORK/known.pem
algorithm = $algorithm" cert
done
enrols "a certificate as PKCS#12" cert "[credential/cert]
kind = certificate
key = $WORK/known.p12
password_file = $WORK/p12-password" cert
does_not_enrol "a certificate that Entra ID does not know" AADSTS700027 cert "[credential/cert]
kind = certificate
key = $WORK/stranger.key
certificate = $WORK/stranger.pem"
does_not_start "a certificate of another key" cert "[credential/cert]
kind = certificate
key = $WORK/known.key
certificate = $WORK/stranger.pem" "connector.conf:17: [credential/cert]: no certificate belongs to the key"
does_not_start "a key of another kind" cert "[credential/cert]
kind = certificate
client_secret_file = $WORK/client-secret" 'connector.conf:18: unknown key "client_secret_file" in [credential/cert]'

# --- a certificate whose key is in a TPM ---

# A key that was made in the TPM and never leaves it, at a handle and as a file that only this TPM can read.
tpm_start
tpm_make_key
tpm_openssl=(-provider tpm2 -provider default -propquery '?provider=tpm2')
openssl genpkey "${tpm_openssl[@]}" -algorithm RSA -pkeyopt bits:2048 -out "$WORK/tss.key" 2>/dev/null
for key in handle:0x81000001 "$WORK/tss.key"; do
    openssl req -new -x509 "${tpm_openssl[@]}" -key "$key" -subj /CN=tpm -days 90 -out "$WORK/tpm.pem" 2>"$WORK/tpm.log"
    register_certificate "$WORK/tpm.pem" >/dev/null
    for algorithm in PS256 RS256; do
        enrols "a key in a TPM, $(basename "$key"), $algorithm" tpm "[credential/tpm]
kind = certificate
provider = tpm2
key = $key
certificate = $WORK/tpm.pem
algorithm = $algorithm" tpm
    done
done
does_not_start "a handle with no key in the TPM" tpm "[credential/tpm]
kind = certificate
provider = tpm2
key = handle:0x81000009
certificate = $WORK/tpm.pem" "connector.conf:17: [credential/tpm]: "
does_not_start "a provider that is not installed" tpm "[credential/tpm]
kind = certificate
provider = no-such-provider
key = handle:0x81000001
certificate = $WORK/tpm.pem" "cannot load the OpenSSL provider no-such-provider"

# --- a federated token ---

openssl genrsa -out "$WORK/cluster.key" 2048 2>/dev/null
register "$(jq -n --arg key "$(openssl pkey -in "$WORK/cluster.key" -pubout)" '{kind: "federated",
    issuer: "https://kubernetes.example", subject: "system:serviceaccount:pki:connector", publicKey: $key}')" >/dev/null
federated="[credential/pod]
kind = federated
token_file = $WORK/pod.token"
federated_token "$WORK/cluster.key" system:serviceaccount:pki:connector 600 >"$WORK/pod.token"
enrols "a federated token" pod "$federated" pod
federated_token "$WORK/cluster.key" system:serviceaccount:pki:other 600 >"$WORK/pod.token"
does_not_enrol "a federated token of another subject" AADSTS700213 pod "$federated"
federated_token "$WORK/device.key" system:serviceaccount:pki:connector 600 >"$WORK/pod.token"
does_not_enrol "a federated token that another key signed" AADSTS50013 pod "$federated"

# --- a managed identity ---

identity="[credential/machine]
kind = managed_identity
imds_endpoint = $IMDS"
machine=$(mock_admin GET /credentials | jq -er '.[] | select(.kind == "managedIdentity").keyId')
enrols "a managed identity" machine "$identity" machine
mock_admin DELETE "/credentials/$machine" >/dev/null
does_not_enrol "a machine without an identity" invalid_request machine "$identity"
does_not_start "plain http to a stranger" machine "[credential/machine]
kind = managed_identity
imds_endpoint = http://example.com" "imds_endpoint must be https"

# --- two at once ---

two="[credential/old]
kind = certificate
key = $WORK/known.key
certificate = $WORK/known.pem

[credential/new]
kind = secret
client_secret_file = $WORK/client-secret"
mock_admin PUT "/credentials/$known" '{"expiresInSeconds":0}' >/dev/null
enrols "an expired certificate, and a secret behind it" "old new" "$two" new
does_not_start "a section that nobody uses" old "$two" "[credential/new]: it is not used: name it in the credentials of a [tenant/NAME], or remove it"
does_not_start "a credential without a section" "old newer" "$two" "connector.conf:10: [tenant/contoso]: there is no section [credential/newer]"

# --- rotation under load: no request is refused, none has to be asked again ---

kill "${PIDS[0]}" # the mock, to have one whose tokens live for two seconds
wait "${PIDS[0]}" || true
rm -f "$WORK/mock.port" "$WORK/client-secret"
mock_start --token-lifetime-s 2
first_key=$(mock_admin GET /credentials | jq -er '.[0].keyId')
cp "$WORK/client-secret" "$WORK/first-secret"
echo second-secret >"$WORK/second-secret"
second_key=$(register '{"kind":"secret","secret":"second-secret"}')
configure "first second" "[credential/first]
kind = secret
client_secret_file = $WORK/first-secret

[credential/second]
kind = secret
client_secret_file = $WORK/second-secret"
connector_start

# Each worker asks for its own device, over and over on one connection, until it is told to stop.
worker() { # DEVICE-PREFIX
    local id
    id=$(basename "$1")
    until [ -e "$WORK/stop" ]; do
        connector_ask '/v1/validate?[1-25]' -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: $id" \
            --data-binary "@$1.der" -o /dev/null -w '%{http_code}\n' >>"$WORK/answers.$id" || echo failed >>"$WORK/answers.$id"
    done
}
workers=()
for _ in 1 2 3 4 5 6 7 8; do
    new_device
    worker "$DEVICE" &
    workers+=($!)
done

answers() { cat "$WORK"/answers.*; }
tokens_by() { grep -c "token_issued scope=intune credential=$1 " "$WORK/connector.log" || true; }
has_tokens_by() { [ "$(tokens_by "$1")" -ge "$2" ]; }

wait_until 60 "the first secret in use" has_tokens_by first 2
mock_admin PUT "/credentials/$first_key" '{"expiresInSeconds":0}' >/dev/null
wait_until 60 "the switch to the second secret" has_tokens_by second 2
grep -q 'credential_refused credential=first next=second code=AADSTS7000222' "$WORK/connector.log" || fail "no refusal was logged"
grep -q 'credential_switched from=first to=second' "$WORK/connector.log" || fail "no switch was logged"

# The file is replaced, the other secret expires: back again, still without a restart.
before=$(tokens_by first)
register '{"kind":"secret","secret":"third-secret"}' >/dev/null
echo third-secret >"$WORK/first-secret.new"
mv "$WORK/first-secret.new" "$WORK/first-secret"
mock_admin PUT "/credentials/$second_key" '{"expiresInSeconds":0}' >/dev/null
wait_until 60 "the switch to the replaced secret" has_tokens_by first $((before + 2))
grep -q 'credential_switched from=second to=first' "$WORK/connector.log" || fail "no switch back was logged"
touch "$WORK/stop"
wait "${workers[@]}"

total=$(answers | wc -l)
same "" "$(answers | grep -v '^200$' | sort | uniq -c)" "answers that were no allow, of $total"
[ "$total" -ge 200 ] || fail "only $total validations: that is no load"
ok "rotation under load: $total validations by 8 workers, all allowed; $(grep -c 'token_issued' "$WORK/connector.log") tokens, $(grep -c credential_switched "$WORK/connector.log") switches"

# A refused credential that is taken out, by a reload, wakes nobody any more; one that stays, stays to be seen.
is_refused() { # CREDENTIAL: 0, 1, or nothing where there is no such series
    curl -sS --unix-socket "$WORK/connector.sock" http://connector/metrics |
        sed -n "s/^intune_scep_credential_refused{tenant=\"contoso\",credential=\"$1\"} //p"
}
is_taken() { grep -q ' reloaded ' "$CONNECTOR_LOG"; }
same "0 1" "$(is_refused first) $(is_refused second)" "which are refused"
configure "first" "[credential/first]
kind = secret
client_secret_file = $WORK/first-secret"
kill -HUP "$CONNECTOR_PID"
wait_until 20 "the reload" is_taken
same "0 " "$(is_refused first) $(is_refused second)" "which are refused after the reload"
ok "a refused credential that a reload takes out is forgotten"

# Nothing of all that is in a log.
for secret in the-mock-client-secret second-secret third-secret 'a password'; do
    ! grep -qF "$secret" "$WORK/connector.log" || fail "a secret is in the log"
done
ok "no secret in the log"
