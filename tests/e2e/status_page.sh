#!/usr/bin/env bash
# How the connector is: GET /v1/status, intune-scepctl status, and the status page in a real browser (tests/browser/).
# Pictures of the page go to PICTURES, for a person to look at.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
PICTURES=${PICTURES:-$BUILD/pictures/status_page}

cat >"$WORK/connector.conf" <<TEXT
[connector]
request_timeout_ms = 3000

[listener/local]
address = unix:$WORK/connector.sock
serves = api admin status

[listener/page]
address = tcp:127.0.0.1:0
serves = status
allow_anonymous = yes

[journal]
path = $WORK/journal.db

$(mock_tenant)
TEXT
connector_start
wait_until 20 "the connector's readiness" connector_ask /readyz --fail

# status EXIT-CODE WHAT ARGUMENTS…: output in $WORK/out.
status() {
    local code=$1 what=$2 found=0
    shift 2
    "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" status "$@" >"$WORK/out" 2>"$WORK/err" || found=$?
    same "$code" "$found" "$what: exit code ($(cat "$WORK/out" "$WORK/err"))"
}
says() { # JQ-EXPRESSION EXPECTED, of the last --json
    same "$2" "$(jq -r "$1" "$WORK/out")" "$1"
}
validate() { # TRANSACTION FILE
    connector_ask /v1/validate -o "$WORK/verdict" -w '%{http_code}' -H 'Content-Type: application/pkcs10' \
        -H "X-Scep-Transaction-Id: $1" --data-binary "@$2"
}

# --- nobody has asked yet ---
status 0 "fresh" --json
says '"\(.state) \(.ready) \(.problems | length) \(.tenants[0].intune.reachable)"' "working true 0 true"
says '.tenants[0].verdicts.totals.validate | add' 0
says '[.listeners[] | "\(.name) \(.tls)"] | join(",")' "local false,page false"
status 0 "fresh, for people"
same Working "$(head -1 "$WORK/out")" "the first line"
ok "a connector that nobody has asked is well"

# --- a yes, and a no to a device that chose its subject with care ---
challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
same 200 "$(validate T-good "$WORK/good.der")" "a yes"
make_csr "$WORK/evil" 'CN=<img src=x onerror=window.isPwned\=1>' dev.example "$challenge"
same 403 "$(validate '<script>window.isPwned=1</script>' "$WORK/evil.der")" "a no"
status 0 "after two requests" --json
says '.tenants[0].verdicts.totals.validate | "\(.allow) \(.deny)"' "1 1"
says '.tenants[0].refusals[0].transactionId' '<script>window.isPwned=1</script>'
says '.tenants[0].refusals[0].subject' 'CN=\<img src=x onerror=window.isPwned=1\>' # RFC 2253
[ "$(jq -r '.tenants[0].refusals[0].advice | length' "$WORK/out")" -gt 10 ] || fail "a refusal without advice"
[ "$(jq '.tenants[0].intune.p50Ms' "$WORK/out")" -ge 0 ] || fail "no time that Intune took"
grep -qF "$challenge" "$WORK/out" && fail "the status shows a challenge"
ok "what was answered is counted, and a refusal comes with its advice; no challenge is shown"

# --- in a browser, by the listener that serves nothing else ---
page=http://$(jq -r '.listeners[] | select(.name == "page").address | ltrimstr("tcp:")' "$WORK/out")
same 200 "$(curl -s -o /dev/null -w '%{http_code}' "$page/")" "the page"
same 404 "$(curl -s -o /dev/null -w '%{http_code}' "$page/v1/outbox")" "what this listener does not serve"
same 405 "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$page/v1/status")" "a write"
curl -s -D - -o /dev/null "$page/" | grep -qi "^content-security-policy: default-src 'none'; " || fail "no policy"
python3 tests/browser/status_page.py "$page/" "$PICTURES"

# --- Intune fails, and recovers ---
mock_fault '{"endpoint":"validate","kind":"status","status":503}'
same 503 "$(validate T-again "$WORK/good.der")" "nobody can say"
status 1 "Intune fails" --json
says '"\(.state) \(.problems[0].severity) \(.problems[0].code) \(.problems[0].tenant)"' "failing error intune_unreachable contoso"
status 1 "Intune fails, for people"
same "Not working" "$(head -1 "$WORK/out")" "the first line"
grep -q "^ERROR *contoso: Intune did not answer" "$WORK/out" || fail "no reason: $(cat "$WORK/out")"
mock_no_faults
is_well() { status 0 "Intune has recovered"; }
asks_again() { [ "$(validate T-good "$WORK/good.der")" = 200 ]; }
wait_until 60 "the circuit's end" asks_again
is_well
ok "Intune's failure is said in the first line, with what to do, and so is its recovery"

# --- no connector ---
kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || true
status 3 "no connector" --json
says .error.code connector_unreachable
ok "without a connector nobody knows: exit 3"
