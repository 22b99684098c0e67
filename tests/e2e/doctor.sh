#!/usr/bin/env bash
# intune-scepctl doctor: each misconfiguration that is planted here is found at its step, under its name, with advice;
# the healthy chain is ok from end to end; and no secret or token is ever printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
SECRET=$(cat "$WORK/client-secret")
chmod 0600 "$WORK/client-secret"
connector_configure
: >"$WORK/said"
STEPS="configuration credential dns tcp proxy tls clock graph_token graph_roles discovery intune_reach intune_token
    intune_roles validation revocation"

# --- planting ---

set_key() { # KEY VALUE, in the tenant's section, which is the last one
    sed -i "/^$1 *=/d" "$WORK/case.conf"
    echo "$1 = $2" >>"$WORK/case.conf"
}
drop_key() { sed -i "/^$1 *=/d" "$WORK/case.conf"; }
secret_file() { # MODE, content on stdin
    cat >"$WORK/case-secret"
    chmod "$1" "$WORK/case-secret"
    set_key client_secret_file "$WORK/case-secret"
}
# A program that prints its port first; ADDRESS is where it listens.
stand_in() { # NAME COMMAND…
    local name=$1
    : >"$WORK/$name.log"
    start "$@"
    wait_until 20 "the start of $name" grep -qE '(^|:)[0-9]+$' "$WORK/$name.log"
    ADDRESS=localhost:$(grep -m1 -oE '[0-9]+$' "$WORK/$name.log")
}
fixed_reply() { stand_in "$1" "$BUILD/bin/fixed_reply" "$2"; } # NAME BYTES

# A TLS server with a certificate for HOST, signed by the CA of this test, as of WHEN (faketime's words).
tls_server() { # NAME HOST WHEN
    faketime -f "$3" openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.pem" -days 30 \
        -subj "/O=Nobody/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
    stand_in "$1" openssl s_server -accept 0 -www -cert "$WORK/$1.pem" -key "$WORK/$1.key"
    set_key authority "https://$ADDRESS"
    set_key ca_file "$WORK/$1.pem"
}

# --- asking ---

BEFORE=() # what doctor is started with: faketime and its arguments
doctor() { # [--json]
    # faketime comes in by LD_PRELOAD, before AddressSanitizer, which is told not to mind
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 "${BEFORE[@]}" "$BUILD/bin/intune-scepctl" -c "$WORK/case.conf" doctor "$@" 2>&1
}

new_case() {
    cp "$WORK/connector.conf" "$WORK/case.conf"
    BEFORE=()
    MAY_WARN=none
}
new_case

# finds NAME STEP RESULT CODE [TEXT]: this result and code at this step, ok before it, and behind it nothing reached
# (failed) or all ok (warning); TEXT is part of the detail.
finds() {
    local name=$1 step=$2 result=$3 code=$4 text=${5:-} reply status=0 wanted=1
    [ "$result" = failed ] || wanted=0
    reply=$(doctor --json) || status=$?
    doctor >>"$WORK/said" || true
    echo "$reply" >>"$WORK/said"
    jq -e . >/dev/null <<<"$reply" || fail "$name: no JSON: $reply"
    same "$wanted" "$status" "$name: exit code"
    same "$result $code" "$(jq -r ".[] | select(.step == \"$step\") | \"\(.result) \(.code)\"" <<<"$reply")" "$name: $step"
    local behind=skipped
    [ "$result" = failed ] || behind=ok
    jq -e --arg step "$step" --arg behind "$behind" --arg may "$MAY_WARN" '
        (map(.step) | index($step)) as $at
        | (.[:$at] | all(.result == "ok" or (.result == "warning" and .step == $may)))
        and (.[$at + 1:] | all(.result == $behind))
        and (.[$at] | (.advice | length) > 20 and (.cause | length) > 10 and (.advice | contains("Nothing is known") | not))
    ' >/dev/null <<<"$reply" || fail "$name: $(jq -c 'map([.step, .result, .code])' <<<"$reply")"
    [[ $(jq -r ".[] | select(.step == \"$step\").detail" <<<"$reply") == *"$text"* ]] ||
        fail "$name: \"$text\" is not in the detail of $step: $reply"
    ok "$name: $step $result $code"
    new_case
}

# --- the healthy chain ---

reply=$(doctor --json) || fail "the healthy chain: $reply"
echo "$reply" >>"$WORK/said"
# shellcheck disable=SC2086 # words are meant
same "$(printf '%s ok\n' $STEPS)" "$(jq -r '.[] | "\(.step) \(.result)"' <<<"$reply")" "the healthy chain"
doctor >"$WORK/people" || fail "the healthy chain, for people"
cat "$WORK/people" >>"$WORK/said"
grep -q '^ok  *validation ' "$WORK/people" || fail "the healthy chain, for people"
grep -q '^Tenant' "$WORK/people" && fail "there is but one tenant"
ok "the healthy chain is ok from end to end"

# --- several tenants: each chain, one after the other ---

sed -n '/^\[tenant\//,$p' "$WORK/connector.conf" | sed 's,^\[tenant/.*,[tenant/other],' >>"$WORK/case.conf"
set_key scep_api_version 1999-01-01
reply=$(doctor --json) && fail "the second tenant is not well: $reply"
same "true false" "$(jq -r 'group_by(.tenant == "other") | map(all(.result == "ok")) | "\(.[0]) \(.[1])"' <<<"$reply")" "which chain works"
doctor >"$WORK/people" && fail "the second tenant is not well"
same "Tenant contoso Tenant other" "$(grep '^Tenant' "$WORK/people" | xargs)" "headings"
jq -e 'all(.tenant == "other")' >/dev/null < <(doctor --json --tenant other || true) || fail "only one was asked for"
status=0
doctor --tenant third >"$WORK/people" || status=$?
same 2 "$status" "a tenant that is not there"
grep -q 'there is no tenant third; there are: contoso, other' "$WORK/people" || fail "the tenants are not listed: $(cat "$WORK/people")"
new_case
ok "of several tenants each has its chain"

# --- the configuration ---

rm "$WORK/case.conf"
finds "no configuration file" configuration failed config_file
set_key client_secrets_file /x
finds "an unknown key" configuration failed config_key client_secrets_file
echo "[tenants/other]" >>"$WORK/case.conf"
echo "x = y" >>"$WORK/case.conf"
finds "an unknown section" configuration failed config_section
echo "this is no INI" >"$WORK/case.conf"
finds "no INI file" configuration failed config_syntax
set_key connect_timeout_ms soon
finds "a value that is no number" configuration failed config_value connect_timeout_ms
drop_key tenant_id
finds "no tenant id" configuration failed tenant_id
set_key client_secret_file "$WORK/nowhere"
finds "the secret's file is missing" configuration failed secret_unreadable "$WORK/nowhere"
secret_file 0600 </dev/null
finds "the secret's file is empty" configuration failed secret_empty
set_key authority "http://localhost"
finds "http instead of https" configuration failed authority
set_key authority https://login.microsoftonline.us
finds "the authority of another cloud" configuration failed cloud_mixed gcc-high
cp "$WORK/client-secret" "$WORK/open"
secret_file 0644 <"$WORK/open"
finds "everybody may read the secret" credential warning secret_exposed 0644

# --- the way out ---

set_key authority https://login.invalid
finds "a host that does not exist" dns failed dns login.invalid
set_key proxy http://proxy.invalid:3128
finds "a proxy that does not exist" dns failed proxy_dns proxy.invalid
set_key graph https://localhost:1
finds "a closed port" tcp failed connect "localhost:1"
set_key proxy http://localhost:1
finds "a proxy that is not running" tcp failed proxy_connect
fixed_reply refusing 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'
set_key proxy "http://$ADDRESS"
finds "a proxy that refuses" proxy failed proxy_refused 403
fixed_reply asking 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
set_key proxy "http://$ADDRESS"
finds "a proxy that wants a password" proxy failed proxy_auth 407

# --- TLS and the clock ---

drop_key ca_file
finds "a CA that nobody knows, as of a TLS-inspecting proxy" tls failed tls_untrusted "CN = intune-mock CA"
tls_server expired localhost "-60d"
finds "an expired certificate" tls failed tls_expired "O = Nobody"
tls_server stranger login.example "-1d"
finds "a certificate of another host" tls failed tls_name "O = Nobody"
fixed_reply plain 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
set_key authority "https://$ADDRESS"
finds "no TLS at the address" tls failed tls
echo "no certificate" >"$WORK/no-ca.pem"
set_key ca_file "$WORK/no-ca.pem"
finds "a CA file without a CA" tls failed ca_file
BEFORE=(faketime -f "-30d")
finds "a clock that is a month slow" tls failed clock_wrong "slow"
BEFORE=(faketime -f "+10m")
finds "a clock that is ten minutes fast" clock failed clock_wrong "fast"
BEFORE=(faketime -f "-2m")
finds "a clock that is two minutes slow" clock warning clock_off "slow"

# --- Entra ID ---

secret_file 0600 <<<"not-the-mock-client-secret"
finds "a wrong secret" graph_token failed AADSTS7000215
secret_file 0600 <<<"3f2504e0-4f89-11d3-9a0c-0305e82c3301"
MAY_WARN=credential
finds "the secret's id instead of its value" graph_token failed AADSTS7000215
set_key client_id 00000000-1111-2222-3333-444444444444
finds "a wrong client id" graph_token failed AADSTS700016
set_key tenant_id 00000000-1111-2222-3333-444444444444
finds "a wrong tenant" graph_token failed AADSTS90002

# tenant_is JSON: what an administrator or Microsoft has done to the tenant; healthy in everything else.
tenant_is() { mock_admin PUT "/tenants/$TENANT" "$1" >/dev/null; }
with_tenant() { # JSON, then as finds
    tenant_is "$1"
    shift
    finds "$@"
    tenant_is '{}'
}
with_tenant '{"applicationEnabled":false}' "a disabled application" graph_token failed AADSTS7000112
with_tenant '{"conditionalAccessBlocks":true}' "a Conditional Access policy" graph_token failed AADSTS53003
with_tenant '{"graphRole":false}' "no consent for Graph" graph_roles failed role_missing Application.Read.All
with_tenant '{"licence":false}' "no Intune licence" discovery failed service_not_discovered
with_tenant '{"intunePrincipal":false}' "Intune unknown to the tenant" intune_token failed AADSTS500011
with_tenant '{"intuneRole":false}' "no consent for Intune" intune_roles failed role_missing scep_challenge_provider
secret_file 0600 <<<"a-secret-of-last-year"
mock_admin POST /credentials '{"kind":"secret","secret":"a-secret-of-last-year","expiresInSeconds":0}' >/dev/null
finds "an expired secret" graph_token failed AADSTS7000222

# --- Graph and Intune ---

with_fault() { # JSON, then as finds
    mock_fault "$1"
    shift
    finds "$@"
    mock_no_faults
}
set_key graph_resource https://graph.example
finds "Graph of nowhere" graph_token failed AADSTS70011
with_fault '{"endpoint":"discovery","kind":"status","status":403}' "Graph refuses all the same" discovery failed graph_refused
with_fault '{"endpoint":"discovery","kind":"html"}' "a web page instead of Graph" discovery failed json_malformed
set_key allowed_hosts manage.microsoft.com
finds "a host that is not allowed" discovery failed url_not_allowed localhost
set_key intune_resource https://api.manage.microsoft.com
finds "a resource without its slash" intune_token failed AADSTS70011
with_fault '{"endpoint":"validate","kind":"status","status":403}' "Intune refuses us all the same" validation failed \
    intune_refused_us
with_fault '{"endpoint":"validate","kind":"status","status":500}' "Intune is in trouble" validation failed intune_service
with_fault '{"endpoint":"validate","kind":"code","code":"Success"}' "somebody who allows everything" validation failed allowed
with_fault '{"endpoint":"validate","kind":"code","code":"SubjectNameMismatch"}' "a refusal of another kind" validation \
    warning unexpected_refusal

# A tenant whose Intune lives where this machine cannot go.
start far_mock "$BUILD/bin/intune-mock" --state "$WORK/far" --tenant "$TENANT" --client-id "$CLIENT_ID" \
    --client-secret-file "$WORK/client-secret" --port-file "$WORK/far.port" --public-url https://fef.intune.invalid
wait_until 20 "the far mock's start" test -s "$WORK/far.port"
set_key authority "https://localhost:$(cat "$WORK/far.port")"
set_key graph "https://localhost:$(cat "$WORK/far.port")"
set_key ca_file "$WORK/far/ca.pem"
set_key allowed_hosts intune.invalid
finds "Intune's own host cannot be resolved" intune_reach failed dns fef.intune.invalid

# --- another kind of credential ---

with_certificate() { # DAYS
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/credential.key" -out "$WORK/credential.pem" -days "$1" \
        -subj /CN=connector 2>/dev/null
    chmod 0600 "$WORK/credential.key"
    drop_key client_secret_file
    set_key credentials cert
    printf '[credential/cert]\nkind = certificate\nkey = %s\ncertificate = %s\n' "$WORK/credential.key" \
        "$WORK/credential.pem" >>"$WORK/case.conf"
}
with_certificate 300
finds "a certificate that was never uploaded" graph_token failed AADSTS700027
with_certificate 300
rm "$WORK/credential.key"
finds "a certificate without its key" configuration failed keystore_unreadable credential.key
with_certificate 10
mock_admin POST /credentials "$(jq -n --rawfile pem "$WORK/credential.pem" '{kind:"certificate",certificate:$pem}')" >/dev/null
finds "a certificate that expires soon" credential warning credential_expiring

# --- nothing was given away ---

grep -qF "$SECRET" "$WORK/said" && fail "the client secret was printed"
grep -qE 'a-secret-of-last-year|3f2504e0' "$WORK/said" && fail "a wrong client secret was printed"
grep -qE 'eyJ[A-Za-z0-9_-]{10}' "$WORK/said" && fail "a token was printed"
[ "$(wc -c <"$WORK/said")" -gt 50000 ] || fail "too little was searched"
ok "no secret and no token in $(wc -l <"$WORK/said") lines"
