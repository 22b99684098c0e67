#!/usr/bin/env bash
# No secret, token, challenge or CSR in any log at any level, in any answer, or in a core file: after requests of every
# kind, each of them is searched for in everything that was written.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start
connector_configure
sed -i 's/^\[connector\]/&\nlog_level = debug\nlog_format = json/' "$WORK/connector.conf"
cd "$WORK"
ulimit -c unlimited
connector_start
host_start

canaries=("$(cat "$WORK/client-secret")" eyJ) # a JWT, and so every token, begins with eyJ
answers=$WORK/answers.log

# ask_all PREFIX: every kind of request about PREFIX.der, raw and as JSON.
ask_all() {
    local body
    body=$(jq -n --arg c "$(base64 -w0 "$1.der")" '{transactionId: "canary", csr: $c}')
    connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: canary' \
        --data-binary "@$1.der"
    connector_ask /v1/validate -H 'Content-Type: application/json' -d "$body"
    connector_ask /v1/issued -H 'Content-Type: application/json' \
        -d "$(jq --arg c "$(base64 -w0 "$1.der")" '.certificate = $c' <<<"$body")"
    connector_ask /v1/failed -H 'Content-Type: application/json' \
        -d "$(jq '.errorCode = 1 | .description = "no"' <<<"$body")"
    "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" inspect "$1.der" || true
    "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" validate "$1.der" || true
}

# A request that is allowed, one that Intune refuses, one that the rules refuse, one that cannot be read.
plant() { # PREFIX SUBJECT CHALLENGE
    make_csr "$1" "$2" "${1##*/}.example" "$3"
    canaries+=("${3:40:60}" "$(base64 -w0 "$1.der" | cut -c1-60)" "$(tail -c 60 "$1.der" | base64 -w0 | cut -c1-60)")
}
profile='{"subject":"CN=good","subjectAltNames":[{"type":"dns","value":"good.example"}]}'
plant "$WORK/good" CN=good "$(mock_challenge "$profile")"
plant "$WORK/bad" CN=bad "$(mock_challenge "$profile")"
plant "$WORK/static" CN=static "a-static-password-that-is-nobody's-business-$(openssl rand -hex 40)"
for name in good bad static; do ask_all "$WORK/$name" >>"$answers" 2>&1; done
head -c 900 "$WORK/good.der" >"$WORK/cut.der"
ask_all "$WORK/cut" >>"$answers" 2>&1

# Failures have the longest messages.
for fault in '{"kind":"status","status":500}' '{"kind":"garbage"}' '{"kind":"cut"}' '{"kind":"status","status":401}'; do
    for endpoint in validate token discovery; do
        mock_fault "$(jq -n --arg e $endpoint "{endpoint: \$e} + $fault")"
    done
    connector_ask /v1/validate -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: canary' \
        -H 'X-Scep-Timeout-Ms: 1000' --data-binary "@$WORK/good.der" >>"$answers"
    connector_ask /readyz >>"$answers"
    mock_no_faults
done
"$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" doctor >>"$answers" 2>&1 || true
"$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" doctor --json >>"$answers" 2>&1 || true

# A crash. The same signal makes a core file of a process that does not forbid it, or this proves nothing.
mkdir "$WORK/control"
(cd "$WORK/control" && exec sleep 100) &
control=$!
PIDS+=("$control")
wait_until 5 "the control's start" grep -qx sleep "/proc/$control/comm"
kill -SEGV $control "$CONNECTOR_PID"
wait $control "$CONNECTOR_PID" 2>/dev/null || true
same "" "$(find "$WORK" -maxdepth 1 -name 'core*')" "core files of the connector"
if compgen -G "$WORK/control/core*" >/dev/null; then
    ok "no core file of the connector, but of another process"
else
    echo "--  this system puts core files elsewhere: $(cat /proc/sys/kernel/core_pattern)"
fi

[ "$(wc -c <"$WORK/connector.log")" -gt 5000 ] || fail "the log is too short to prove anything"
grep -q '"verdict":"allow"' "$answers" || fail "nothing was allowed"
for canary in "${canaries[@]}"; do
    [ ${#canary} -ge 3 ] || fail "an empty canary proves nothing"
    ! grep -rlF -- "$canary" "$WORK/connector.log" "$WORK/host.log" "$answers" || fail "found what nobody should see: ${canary:0:6}…"
done
ok "${#canaries[@]} canaries: none in logs, answers or tools' output"
