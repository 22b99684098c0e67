#!/usr/bin/env bash
# Two tenants in one connector, each with a cloud of its own: chosen by listener, path, header, JSON member and plugin setting;
# credentials, challenges, reports and revocations of one never reach the other, and neither does its bad day.
# WORKERS says how many workers the connector has (1).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
WORKERS=${WORKERS:-1}
stack_new

# --- two clouds; in FOLDER/NAME.url is where ---

declare -A TENANT_ID=([contoso]=11111111-2222-3333-4444-555555555555 [fabrikam]=99999999-2222-3333-4444-555555555555)
declare -A CLIENT=([contoso]=66666666-7777-8888-9999-000000000000 [fabrikam]=77777777-7777-8888-9999-000000000000)
declare -A URL=()

cloud_start() { # NAME
    echo "the-secret-of-$1" >"$WORK/$1.secret"
    start "$1-cloud" "$BUILD/bin/intune-mock" --state "$WORK/$1" --tenant "${TENANT_ID[$1]}" --client-id "${CLIENT[$1]}" \
        --client-secret-file "$WORK/$1.secret" --port-file "$WORK/$1.port" --revocation-quiet-s 0
    wait_until 20 "the start of $1's cloud" test -s "$WORK/$1.port"
    URL[$1]=https://localhost:$(cat "$WORK/$1.port")
}

cloud() { # NAME METHOD PATH [JSON]
    curl -sS --fail-with-body --max-time 30 --cacert "$WORK/$1/ca.pem" -X "$2" \
        ${4+-H "Content-Type: application/json" -d "$4"} "${URL[$1]}/admin$3"
}

section() { # NAME [LINE…]
    cat <<TEXT

[tenant/$1]
tenant_id = ${TENANT_ID[$1]}
client_id = ${CLIENT[$1]}
client_secret_file = $WORK/$1.secret
authority = ${URL[$1]}
graph = ${URL[$1]}
allowed_hosts = localhost
ca_file = $WORK/$1/ca.pem
TEXT
    shift
    printf '%s\n' "$@"
}

cloud_start contoso
cloud_start fabrikam
openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Tenants CA" -out "$WORK/ca.pem" \
    2>"$WORK/ca.log"
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null
# shellcheck disable=SC2016 # expanded by the program
printf '#!/bin/sh\necho "$SCEP_SERIAL" >>"%s/revoked"\n' "$WORK" >"$WORK/revoke"
chmod +x "$WORK/revoke"
{
    cat <<TEXT
[connector]
workers = $WORKERS
request_timeout_ms = 20000

[listener/all]
address = unix:$WORK/connector.sock
serves = api admin

[listener/contoso]
address = unix:$WORK/contoso.sock
serves = api admin
tenant = contoso

[journal]
path = $WORK/journal.db
max_backoff_ms = 300
withheld = keep

[revocation]
poll_interval_ms = 3600000
max_backoff_ms = 500

[ca/tenants]
kind = command
issuer = CN=Tenants CA
command = $WORK/revoke
TEXT
    section contoso
    section fabrikam "max_requests_in_flight = 4" "breaker_failures = 1000"
} >"$WORK/connector.conf"
connector_start

# --- what a SCEP server sends; ANSWER is "STATUS VERDICT CODE" ---

device() { # TENANT ID: a challenge of the tenant's, and a CSR
    local challenge
    challenge=$(cloud "$1" POST /challenges \
        "{\"subject\":\"CN=$2\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$2.example\"}]}" | jq -er .challenge)
    cp "$WORK/device.key" "$WORK/$2.key"
    make_csr "$WORK/$2" "CN=$2" "$2.example" "$challenge"
}

certify() { # ID
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$WORK/$1.crt" 2>>"$WORK/ca.log"
    cat "$WORK/$1.der" "$WORK/$1.crt" >"$WORK/$1.issued"
}

ask_at() { # SOCKET PATH [CURL OPTION…]
    local reply
    reply=$(curl -sS --max-time 30 --unix-socket "$WORK/$1.sock" -w '\n%{http_code}' "${@:3}" "http://connector$2")
    ANSWER="$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')"
}

raw() { # SOCKET PATH FILE ID [CURL OPTION…]
    ask_at "$1" "$2" -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: $4" --data-binary "@$WORK/$3" "${@:5}"
}

of() { printf 'X-Scep-Tenant: %s' "$1"; }

as_json() { # ID [TENANT]
    jq -cn --arg id "$1" --arg csr "$(base64 -w0 "$WORK/$1.der")" --arg tenant "${2:-}" \
        '{transactionId: $id, csr: $csr} + if $tenant == "" then {} else {tenant: $tenant} end'
}

is_validated_by() { # TENANT ID
    [ "$(cloud "$1" GET /transactions | jq "[.[] | select(.transactionId == \"$2\")] | length")" = 1 ]
}

only_at() { # TENANT ID: that cloud was asked about it, and the other was not
    local other=contoso
    [ "$1" = fabrikam ] || other=fabrikam
    is_validated_by "$1" "$2" || fail "$1's cloud was not asked about $2"
    ! is_validated_by "$other" "$2" || fail "$other's cloud was asked about $2"
}

# --- whose is it? ---

for tenant in contoso fabrikam; do
    device "$tenant" "path-$tenant"
    raw connector "/t/$tenant/v1/validate" "path-$tenant.der" "path-$tenant"
    same "200 allow Success" "$ANSWER" "validation by path at $tenant"
    only_at "$tenant" "path-$tenant"

    device "$tenant" "header-$tenant"
    raw connector /v1/validate "header-$tenant.der" "header-$tenant" -H "$(of "$tenant")"
    same "200 allow Success" "$ANSWER" "validation by header at $tenant"
    only_at "$tenant" "header-$tenant"

    device "$tenant" "member-$tenant"
    ask_at connector /v1/validate -H 'Content-Type: application/json' -d "$(as_json "member-$tenant" "$tenant")"
    same "200 allow Success" "$ANSWER" "validation by JSON member at $tenant"
    only_at "$tenant" "member-$tenant"
done
device contoso listener-contoso
raw contoso /v1/validate listener-contoso.der listener-contoso
same "200 allow Success" "$ANSWER" "validation by listener"
only_at contoso listener-contoso
ok "a tenant is chosen by listener, path, header and JSON member, and only its cloud is asked"

device contoso nobodys
raw connector /v1/validate nobodys.der nobodys
same "400 deny tenant_missing" "$ANSWER" "a request that names no tenant"
raw connector /t/contoso/v1/validate nobodys.der nobodys -H "$(of fabrikam)"
same "400 deny tenant_contradictory" "$ANSWER" "a request that names two"
raw contoso /v1/validate nobodys.der nobodys -H "$(of fabrikam)"
same "403 deny tenant_not_here" "$ANSWER" "another tenant than the listener's"
raw contoso /t/fabrikam/v1/validate nobodys.der nobodys
same "403 deny tenant_not_here" "$ANSWER" "another tenant than the listener's, by path"
raw connector /t/northwind/v1/validate nobodys.der nobodys
same "404 deny tenant_unknown" "$ANSWER" "a tenant that is not there"
for tenant in contoso fabrikam; do
    ! is_validated_by "$tenant" nobodys || fail "$tenant's cloud was asked about what was refused"
done
ok "what names none, two, another or a strange one is refused, and no cloud is asked"

# --- nothing of one reaches the other ---

device contoso stray
raw connector /t/fabrikam/v1/validate stray.der stray
case $ANSWER in
"403 deny "*) ;;
*) fail "contoso's challenge at fabrikam: $ANSWER" ;;
esac
only_at fabrikam stray
raw connector /t/contoso/v1/validate stray.der stray
same "200 allow Success" "$ANSWER" "the same challenge where it belongs" # and the same transaction: two enrolments
ok "a challenge of one tenant is refused by the other, and that says nothing about it at its own"

# What a cloud answers when a token, a secret or an application is not one of its own.
strangers() { # TENANT
    cloud "$1" GET /stats | jq -c '[.[] | objects | .outcomes // {} | keys[] | select(test("^[0-9]+$") and . != "200")]'
}
for tenant in contoso fabrikam; do
    same "[]" "$(strangers "$tenant")" "what $tenant's cloud refused because of who asked"
    same '["graph","intune"]' "$(cloud "$tenant" GET /stats | jq -c '.token.outcomes | keys')" "tokens of $tenant"
    same "$WORKERS" "$(cloud "$tenant" GET /stats | jq .token.outcomes.intune)" "how often $tenant's token was asked for: once by each worker"
done
ok "each cloud saw its own credentials alone"

# That it would have been noticed: contoso's token at fabrikam's Intune.
token=$(curl -sS --fail --cacert "$WORK/contoso/ca.pem" "${URL[contoso]}/${TENANT_ID[contoso]}/oauth2/v2.0/token" \
    -d grant_type=client_credentials -d "client_id=${CLIENT[contoso]}" \
    --data-urlencode "client_secret=$(cat "$WORK/contoso.secret")" \
    --data-urlencode "scope=https://api.manage.microsoft.com//.default" | jq -er .access_token)
service=$(grep -o "uri=https://[^ ]*:$(cat "$WORK/fabrikam.port")/[^ ]*Scep[^ ]*" "$WORK/connector.log" | head -n 1)
curl -sS --cacert "$WORK/fabrikam/ca.pem" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{}' "${service#uri=}/ScepActions/validateRequest" >/dev/null
same '["401"]' "$(strangers fabrikam)" "what fabrikam's cloud says to a stranger's token"

# --- what is owed ---

scepctl() {
    "$BUILD/bin/intune-scepctl" "$@" --socket "$WORK/connector.sock"
}

owed() { # [--tenant NAME]: transactions
    scepctl outbox list --json "$@" | jq -c '[.deliveries[].transactionId] | sort'
}

for tenant in contoso fabrikam; do
    certify "path-$tenant"
    cloud "$tenant" POST /faults '{"endpoint":"success","kind":"status","status":503}' >/dev/null
    raw connector "/t/$tenant/v1/issued" "path-$tenant.issued" "path-$tenant" -H 'X-Scep-Timeout-Ms: 300'
    same "503 retry report_pending" "$ANSWER" "a report while $tenant's Intune is away"
done
same '["path-contoso","path-fabrikam"]' "$(owed)" "what is owed"
same '["path-contoso"]' "$(owed --tenant contoso)" "what is owed to contoso"
same '["path-fabrikam"]' "$(owed --tenant fabrikam)" "what is owed to fabrikam"
scepctl outbox list | grep -q ' contoso .* path-contoso ' || fail "the list does not say whose it is"
same '["path-contoso"]' "$(curl -sS --unix-socket "$WORK/contoso.sock" "http://c/v1/outbox?state=all" |
    jq -c '[.deliveries[].transactionId]')" "what contoso's listener shows"
same tenant_not_here "$(curl -sS --unix-socket "$WORK/contoso.sock" "http://c/v1/outbox?tenant=fabrikam" |
    jq -r .error.code)" "another tenant's outbox at contoso's listener"

cloud contoso DELETE /faults >/dev/null
is_owed() { [ "$(owed)" = "$1" ]; }
wait_until 30 "the delivery to contoso" is_owed '["path-fabrikam"]'
cloud fabrikam DELETE /faults >/dev/null
wait_until 30 "the delivery to fabrikam" is_owed '[]'
ok "what is owed is each tenant's own, and so is when it is delivered"

tenants_of() { scepctl trace --json "$@" | jq -c '[.enrolments[].tenant] | sort'; } # ID [--tenant NAME]
same '["contoso","fabrikam"]' "$(tenants_of stray)" "the enrolments of the stray challenge"
same '["fabrikam"]' "$(tenants_of stray --tenant fabrikam)" "those of fabrikam"
scepctl trace path-contoso | grep -Eq '^ *tenant +contoso$' || fail "trace does not say whose it is"
ok "trace says which tenant, and the same request in two is two enrolments"

# --- revocations ---

serial_of() { openssl x509 -inform DER -in "$WORK/$1.crt" -noout -serial | sed 's/.*=//'; }
result_of() { # TENANT SERIAL
    cloud "$1" GET /revocations | jq -r --arg s "$2" '[.[] | select(.serialNumber == $s)] | last | "\(.state) \(.errorCode)"'
}
is_answered() { [ "$(result_of "$1" "$2")" = "succeeded None" ]; }
for tenant in contoso fabrikam; do
    cloud "$tenant" POST /revocations \
        "{\"serialNumber\":\"$(serial_of "path-$tenant")\",\"issuerName\":\"CN=Tenants CA\"}" >/dev/null
done
same 2 "$(scepctl revocations run >/dev/null 2>&1; echo $?)" "a run for none of several tenants"
scepctl revocations run --tenant contoso >/dev/null || fail "revocations run --tenant contoso"
wait_until 30 "the revocation for contoso" is_answered contoso "$(serial_of path-contoso)"
same "queued null" "$(result_of fabrikam "$(serial_of path-fabrikam)")" "fabrikam's, for which nobody has run"
same "$(serial_of path-contoso)" "$(cat "$WORK/revoked")" "what was revoked"
scepctl revocations run --tenant fabrikam >/dev/null || fail "revocations run --tenant fabrikam"
wait_until 30 "the revocation for fabrikam" is_answered fabrikam "$(serial_of path-fabrikam)"
same '["fabrikam"]' "$(scepctl revocations list --all --json --tenant fabrikam | jq -c '[.revocations[].tenant]')" \
    "fabrikam's revocations"
ok "revocations are fetched, listed and answered for each tenant by itself"

# --- the plugin ---

start host "$BUILD/bin/scep-host" --plugin "$BUILD/lib/scep_intune.so" --plugin-config "socket=$WORK/connector.sock" \
    --plugin-config tenant=fabrikam --state "$WORK/host" --port-file "$WORK/host.port" --legacy-des
wait_until 20 "the SCEP host's start" test -s "$WORK/host.port"
challenge=$(cloud fabrikam POST /challenges '{"subject":"CN=swan","subjectAltNames":[{"type":"dns","value":"swan.example"}]}' |
    jq -er .challenge)
strongswan_enrol "http://127.0.0.1:$(cat "$WORK/host.port")/scep" "$WORK/host/ca.pem" "$WORK/swan" "CN=swan" swan.example \
    "$challenge" || fail "strongSwan got no certificate: $(cat "$WORK/swan.log")"
same '["fabrikam"]' "$(scepctl trace "CN=swan" --json | jq -c '[.enrolments[].tenant]')" "whose enrolment it is"
ok "the plugin's setting tenant chooses: strongSwan enrols in fabrikam"

# --- a reload in the middle of a report: the old configuration tells Intune, and the new one waits for that ---

told() { cloud contoso GET /stats | jq .success.requests; }
is_told_times() { [ "$(told)" = "$1" ]; }
tokens() { cloud contoso GET /stats | jq .token.requests; }
certify header-contoso
told_before=$(told) tokens_before=$(tokens)
cloud contoso POST /faults '{"endpoint":"success","kind":"latency","latencyMs":2000}' >/dev/null
curl -sS --max-time 30 --unix-socket "$WORK/connector.sock" -o "$WORK/first.reply" -H 'Content-Type: application/pkcs10' \
    -H "X-Scep-Transaction-Id: header-contoso" --data-binary "@$WORK/header-contoso.issued" "http://connector/t/contoso/v1/issued" &
FIRST=$!
wait_until 10 "the report to contoso" is_told_times $((told_before + 1))
scepctl reload >/dev/null || fail "reload"
raw connector /t/contoso/v1/issued header-contoso.issued header-contoso
same "200 deliver already_reported" "$ANSWER" "the same report, to the new configuration"
wait "$FIRST" || fail "the report that was under way at the reload"
same "allow Success" "$(jq -r '"\(.verdict) \(.code)"' "$WORK/first.reply")" "the report that was under way at the reload"
same $((told_before + 1)) "$(told)" "how often contoso was told"
same "$tokens_before" "$(tokens)" "how often contoso's tokens were asked for"
cloud contoso DELETE /faults >/dev/null
ok "a report under way at a reload is told once, both callers are answered, and the tokens live on"

# --- one tenant's bad day ---

COUNT=40
for i in $(seq $((3 * COUNT))); do
    device contoso "busy-$i"
done

# Milliseconds that a validation for contoso takes, in the middle of COUNT of them; each is sent once.
median_ms() { # FIRST
    local i
    for i in $(seq "$1" $(($1 + COUNT - 1))); do
        curl -sS --fail -o "$WORK/busy.reply" --max-time 30 --unix-socket "$WORK/connector.sock" -w '%{time_total}\n' \
            -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: busy-$i" \
            --data-binary "@$WORK/busy-$i.der" "http://connector/t/contoso/v1/validate" || fail "busy-$i was not allowed"
    done | sort -n | awk '{all[NR] = $1} END {printf "%d\n", all[int((NR + 1) / 2)] * 1000}'
}

before_ms=$(median_ms 1)
asked() { cloud fabrikam GET /stats | jq .validate.requests; }
is_asked_times() { [ "$(asked)" = "$1" ]; }
asked_before=$(asked)
cloud fabrikam POST /faults '{"endpoint":"validate","kind":"latency","latencyMs":30000}' >/dev/null
for i in 1 2 3 4; do
    device fabrikam "slow-$i"
    curl -sS --max-time 30 --unix-socket "$WORK/connector.sock" -o "$WORK/slow-$i.reply" \
        -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: slow-$i" -H "X-Scep-Timeout-Ms: 20000" \
        --data-binary "@$WORK/slow-$i.der" "http://connector/t/fabrikam/v1/validate" &
    PIDS+=("$!")
done
is_full() {
    raw connector /t/fabrikam/v1/validate "header-fabrikam.der" "one-too-many" -H 'X-Scep-Timeout-Ms: 200'
    [ "$ANSWER" = "503 retry too_many_requests_of_tenant" ]
}
wait_until 15 "four requests at fabrikam's Intune" is_asked_times $((asked_before + 4))
is_full || fail "fabrikam's house is not full: $ANSWER"
during_ms=$(median_ms $((COUNT + 1)))
is_full || fail "fabrikam's house is no longer full: the measurement says nothing ($ANSWER)"
same "503 1" "$(curl -sS --unix-socket "$WORK/connector.sock" -o /dev/null -w '%{http_code} %header{retry-after}' \
    -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: x" --data-binary "@$WORK/slow-1.der" \
    "http://connector/t/fabrikam/v1/validate")" "a full house's answer"
cloud fabrikam DELETE /faults >/dev/null
is_served() {
    raw connector /t/fabrikam/v1/validate "slow-1.der" "slow-1"
    [ "$ANSWER" = "200 allow Success" ]
}
wait_until 30 "fabrikam's next good answer" is_served
# Before and afterwards: what else this machine does meanwhile is not fabrikam's doing.
after_ms=$(median_ms $((2 * COUNT + 1)))
usual_ms=$((before_ms > after_ms ? before_ms : after_ms))
[ "$during_ms" -le $((2 * usual_ms + 5)) ] ||
    fail "contoso waits $during_ms ms while fabrikam's Intune hangs; before $before_ms ms, afterwards $after_ms ms"
ok "fabrikam's Intune hangs, and its house is full; contoso is served as before ($before_ms, $during_ms, $after_ms ms)"
