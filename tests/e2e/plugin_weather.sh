#!/usr/bin/env bash
# The thin plugin while its connector is restarted, hangs, or is not there: a host sees RETRY and nothing worse, every report
# arrives, and a call takes its deadline and no more.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
trap 'kill -CONT "$CONNECTOR_PID" 2>/dev/null; stack_remove' EXIT # who is stopped does not end
mock_start
connector_start

ROUNDS=10
REPORTS=16   # a round
DEADLINE=700 # ms, of calls that will not be answered; the plugin counts whole ones
SLACK=1000   # ms, that a busy machine may add

prepare() { # NAME CHALLENGE_OF: a request whose challenge is for that name
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$2\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$2.example\"}]}")
    make_csr "$WORK/$1" "CN=$1" "$1.example" "$challenge"
}
prepare allow allow
prepare deny another
HOST=("$BUILD/bin/weather-host" "$BUILD/lib/scep_intune.so" "$WORK/connector.sock" "$WORK/allow.der" "$WORK/deny.der")
host() { # ACTION…
    "${HOST[@]}" "$@"
}
field() { sed -n "s/.*\b$1 \([0-9]*\).*/\1/p"; }

# --- restarts under load ---

make_certificates() { # ROUND
    local i
    mkdir "$WORK/certs-$1"
    for ((i = 0; i < REPORTS; i++)); do
        openssl x509 -req -copy_extensions copy -inform DER -in "$WORK/allow.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
            -set_serial "0x$(printf '%04x%04x' "$1" "$i")" -outform DER -out "$WORK/certs-$1/$i.der" 2>/dev/null
    done
}
openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Weather CA" -keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>/dev/null

crowd_begin() { # TIMEOUT_MS
    : >"$WORK/crowd.log"
    start crowd "${HOST[@]}" crowd "$1"
    crowd=$STARTED
}
crowd_end() {
    kill -TERM "$crowd"
    wait "$crowd" || fail "the crowd: $(tail -n 3 "$WORK/crowd.log")"
}

success_calls() { mock_admin GET /stats | jq .success.requests; }
more_successes_than() { [ "$(success_calls)" -gt "$1" ]; }
crowd_begin 20000
mock_fault '{"endpoint":"success","kind":"latency","latencyMs":200}'
for ((round = 1; round <= ROUNDS; round++)); do
    make_certificates "$round"
    before=$(success_calls)
    host reports "$WORK/certs-$round" $REPORTS >"$WORK/reports-$round.log" 2>&1 &
    reporter=$!
    wait_until 20 "the first report of round $round" more_successes_than "$before"
    if ((round % 2)); then kill -TERM "$CONNECTOR_PID"; else kill -9 "$CONNECTOR_PID"; fi
    wait "$CONNECTOR_PID" 2>/dev/null || ((round % 2 == 0)) || fail "the connector did not end with 0"
    connector_start
    wait $reporter || fail "reports, round $round: $(cat "$WORK/reports-$round.log")"
    same $REPORTS "$(field allow <"$WORK/reports-$round.log")" "reports that were taken note of, round $round"
done
mock_no_faults
crowd_end
[ "$(field retry <"$WORK/crowd.log")" -gt 0 ] || fail "the restarts were not noticed: $(cat "$WORK/crowd.log")"
ok "$ROUNDS restarts under load: $(cat "$WORK/crowd.log")"

thumbprints() { # of all certificates that were reported
    local file
    for file in "$WORK"/certs-*/*.der; do openssl x509 -inform DER -in "$file" -noout -fingerprint -sha1; done |
        sed 's/.*=//; s/://g' | sort
}
thumbprints >"$WORK/thumbprints"
all_are_reported() { cmp -s "$WORK/thumbprints" <(reported_thumbprints); }
wait_until 20 "that Intune knows every certificate" all_are_reported
ok "$(wc -l <"$WORK/thumbprints") reports: none was lost, none came as another"

# --- deadlines ---

costs_its_deadline() { # WHAT
    local form said
    for form in blocking polling; do
        said=$(host calls 64 $DEADLINE $form) || fail "$1: $said"
        same 64 "$(field retry <<<"$said")" "$1, $form: calls that were answered with RETRY"
        same connector_timeout "${said##*codes }" "$1, $form: the code"
        [ "$(field min_ms <<<"$said")" -ge $((DEADLINE - 1)) ] || fail "$1, $form: sooner than its deadline: $said"
        [ "$(field max_ms <<<"$said")" -le $((DEADLINE + SLACK)) ] || fail "$1, $form: later than its deadline: $said"
        ok "$1, $form, $DEADLINE ms: min $(field min_ms <<<"$said"), p99 $(field p99_ms <<<"$said"), max $(field max_ms <<<"$said")"
    done
}
all_is_well() { # AFTER
    local said
    said=$(host calls 512 20000 polling) || fail "after $1: $said"
    same "allow 512 deny 0 retry 0 wrong 0 error 0" "${said%% min_ms*}" "after $1"
}

kill -STOP "$CONNECTOR_PID"
costs_its_deadline "a connector that is stopped"
kill -CONT "$CONNECTOR_PID"
all_is_well "a connector that was stopped"

# Askers with little time, on connections that they share: the answers of before the hang come when nobody waits for them.
crowd_begin 200
for ((round = 1; round <= 8; round++)); do
    kill -STOP "$CONNECTOR_PID"
    host calls 16 300 polling >/dev/null || fail "a connector that is stopped again"
    kill -CONT "$CONNECTOR_PID"
    all_is_well "hang $round"
done
crowd_end
for verdict in allow deny retry; do
    [ "$(field $verdict <"$WORK/crowd.log")" -gt 0 ] || fail "no $verdict: $(cat "$WORK/crowd.log")"
done
ok "8 hangs, and no reply went to the wrong question: $(cat "$WORK/crowd.log")"

# --- what else may be at the path ---

is_unreachable() { # WHAT
    local said
    said=$(host calls 16 $DEADLINE blocking) || fail "$1: $said"
    same "retry 16 connector_unreachable" "retry $(field retry <<<"$said") ${said##*codes }" "$1"
    ok "$1: retry, connector_unreachable"
}
mv "$WORK/connector.sock" "$WORK/elsewhere.sock"
is_unreachable "no socket"
: >"$WORK/connector.sock"
is_unreachable "a file that is no socket"
rm "$WORK/connector.sock"
start deaf python3 -c '
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
kept = []
while True:
    kept.append(listener.accept())' "$WORK/connector.sock"
deaf=$STARTED
wait_until 10 "the deaf connector" test -S "$WORK/connector.sock"
costs_its_deadline "a connector that accepts and never answers"
kill "$deaf"
mv "$WORK/elsewhere.sock" "$WORK/connector.sock"
all_is_well "another socket at the path"

# Root may open everything; so the host is somebody else, in a directory that he may read.
if [ "$(id -u)" = 0 ]; then
    cp "$BUILD/bin/weather-host" "$BUILD/lib/scep_intune.so" "$WORK"
    chmod 711 "$WORK"
    chmod 644 "$WORK"/{allow,deny}.der
    said=$(setpriv --reuid=65534 --regid=65534 --clear-groups "$WORK/weather-host" "$WORK/scep_intune.so" \
        "$WORK/connector.sock" "$WORK/allow.der" "$WORK/deny.der" calls 16 $DEADLINE blocking) || fail "a stranger: $said"
else
    chmod 000 "$WORK/connector.sock"
    said=$(host calls 16 $DEADLINE blocking) || fail "a socket without permissions: $said"
    chmod 660 "$WORK/connector.sock"
fi
same "retry 16 connector_unreachable" "retry $(field retry <<<"$said") ${said##*codes }" "a host that may not open the socket"
ok "a host that may not open the socket: retry, connector_unreachable"

# --- a child for each request ---

said=$(host forks 200) || fail "children: $said"
same 200 "$(field allow <<<"$said")" "children that were answered"
ok "a child for each of 200 requests"
