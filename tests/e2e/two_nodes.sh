#!/usr/bin/env bash
# Two nodes, each a SCEP server with its own subordinate CA and a connector, on one PostgreSQL. Revocations find the CA that
# issued, whichever node leads, one of them dead or asleep; and a device that asks both nodes for the same at the same instant
# gets one certificate, which is the one that Intune knows. RACES: how many such devices (40).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
# shellcheck source=tests/support/postgres.sh
. tests/support/postgres.sh
RACES=${RACES:-40}
declare -A CONNECTOR HOST_URL SERVER

clean_up() {
    local pid
    touch "$WORK/go"
    for pid in "${PIDS[@]}"; do kill -CONT "$pid" 2>/dev/null || true; done
    [ -z "${PG_PID:-}" ] || postgres_stop immediate || true
    stack_remove
}

# --- the topology ---

# An issuing CA of the node's own, where its SCEP server expects it.
make_ca() { # NODE
    local dir=$WORK/$1-host
    mkdir -p "$dir"
    openssl req -x509 -newkey rsa:2048 -nodes -days 20 -subj "/CN=Issuing CA $1/O=Contoso" -keyout "$dir/ca.key" -out "$dir/ca.pem" \
        -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature,keyEncipherment -addext subjectKeyIdentifier=hash 2>/dev/null
    : >"$dir/index.txt"
    echo 01 >"$dir/crlnumber"
    chmod 600 "$dir/ca.key"
}

# A CA that both nodes reach, and that takes until the file "go" is there.
make_slow_ca() {
    cat >"$WORK/revoke" <<SH
#!/bin/sh
set -eu
echo "\$PPID \$1" >>"$WORK/slow.calls"
until [ -e "$WORK/go" ]; do sleep 0.05; done
mkdir "$WORK/slow.\$1" 2>/dev/null || exit 194
SH
    chmod +x "$WORK/revoke"
}

node_configure() { # NODE
    cat >"$WORK/$1.conf" <<TEXT
[connector]
listen = unix:$WORK/$1.sock
request_timeout_ms = 10000

[journal]
path = $WORK/$1.db
database = $PG_CONNINFO
node = $1
attempt_timeout_ms = 4000

$(mock_tenant)

[revocation]
poll_interval_ms = 3600000
max_backoff_ms = 500

[ca/east]
kind = plugin
issuer = O=Contoso,CN=Issuing CA east
timeout_ms = 3000

[ca/west]
kind = plugin
issuer = O=Contoso,CN=Issuing CA west
timeout_ms = 3000

[ca/slow]
kind = command
issuer = CN=Slow
command = $WORK/revoke {serial}
timeout_ms = 30000
TEXT
}

ask() { # NODE PATH [CURL OPTION…]
    local node=$1 path=$2
    shift 2
    curl -sS --max-time 30 --unix-socket "$WORK/$node.sock" "$@" "http://connector$path"
}

node_start() { # NODE
    start "$1" "$BUILD/bin/intune-scepd" -c "$WORK/$1.conf"
    CONNECTOR[$1]=$STARTED
    wait_until 30 "the start of $1" ask "$1" /readyz --fail
}

# With max-wait of its own: what the connector answers late is asked for again.
server_start() { # NODE
    rm -f "$WORK/$1-host.port"
    start "$1-host" "$BUILD/bin/scep-host" --plugin "$BUILD/lib/scep_intune.so" --plugin-config "socket=$WORK/$1.sock" \
        --plugin-config "ca=$1" --plugin-config timeout_ms=12000 --state "$WORK/$1-host" --port-file "$WORK/$1-host.port" \
        --pending-retry-ms 200
    SERVER[$1]=$STARTED
    wait_until 20 "the start of $1's SCEP server" test -s "$WORK/$1-host.port"
    HOST_URL[$1]=http://127.0.0.1:$(cat "$WORK/$1-host.port")/scep
}

end() { # SIGNAL PID
    kill "-$1" "$2"
    { wait "$2"; } 2>/dev/null || true
}

# --- what is asked of them ---

enrol() { # NODE NAME
    strongswan_enrol "${HOST_URL[$1]}" "$WORK/$1-host/ca.pem" "$WORK/$2" "CN=$2" "$2.example" "$(mock_challenge "{\"subject\":\"CN=$2\",
        \"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$2.example\"}],\"deviceId\":\"$2\"}")" ||
        fail "strongSwan got no certificate for $2 from $1: $(cat "$WORK/$2.log")"
}
serial_of() { openssl x509 -in "$WORK/$1.pem" -noout -serial | sed 's/.*=//'; }
ask_to_revoke() { # NAME…
    local name
    for name in "$@"; do
        same '{"queued":1}' "$(mock_admin POST /revocations "{\"deviceId\":\"$name\"}")" "the request to revoke $name"
    done
}
leader() { ask "${1:-east}" /v1/journal | jq -r '.revokers[0].leader'; } # [WHO IS ASKED]
other() { if [ "$1" = east ]; then echo west; else echo east; fi; }
run_now() { # by whoever leads, as NODE sees it
    ask "$(leader "${1:-east}")" /v1/revocations/run -X POST --fail >/dev/null
}
ask_slow() { # SERIAL
    rm -f "$WORK/go" "$WORK/slow.calls"
    mock_admin POST /revocations "{\"serialNumber\":\"$1\",\"issuerName\":\"CN=Slow\"}" >/dev/null
    run_now
    wait_until 30 "the execution of $1" test -s "$WORK/slow.calls"
}
# Who has it in hand.
executor() {
    local node pid
    read -r pid _ <"$WORK/slow.calls"
    for node in east west; do
        if [ "${CONNECTOR[$node]}" = "$pid" ]; then echo $node; fi
    done
}
state_of() { mock_admin GET /revocations | jq -r --arg s "$1" '[.[] | select(.serialNumber == $s)] | last | "\(.state) \(.errorCode)"'; } # SERIAL
has_state() { [ "$(state_of "$1")" = "$2" ]; }
# How many results both nodes have given Intune.
answers() { cat "$WORK"/{east,west}.log | sed -n 's/.* results_uploaded .*count=\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'; }
# The time of claims, and of the term of a leader that is gone, is up.
let_time_pass() { # [NODE]
    postgres_sql "UPDATE revocation SET leased_until_ms = 1 WHERE leased_until_ms > 0"
    postgres_sql "UPDATE delivery SET leased_until_ms = 1 WHERE leased_until_ms > 0"
    postgres_sql "UPDATE leader SET until_ms = 1 WHERE node LIKE '${1:-nobody} %'"
}
is_answered() { has_state "$(serial_of "$1")" "succeeded None"; } # NAME
await_answer() { wait_until 30 "Intune's answer about $1" is_answered "$1"; }
# At its own CA, once, and at the other not at all.
assert_revoked_at() { # NODE NAME
    local serial
    serial=$(serial_of "$2")
    same 1 "$(grep -c "^R.*	$serial	" "$WORK/$1-host/index.txt")" "$2 revoked at $1's CA"
    same 0 "$(grep -c "	$serial	" "$WORK/$(other "$1")-host/index.txt")" "$2 at $(other "$1")'s CA"
}
said() { grep -c "$2.*$3" "$WORK/$1.log" || true; } # NODE EVENT TEXT

stack_new
trap clean_up EXIT
mock_start --revocation-quiet-s 0
postgres_start "$WORK/postgres" --fast
for node in east west; do
    make_ca $node
    node_configure $node
done
make_slow_ca
for node in east west; do node_start $node; done
for node in east west; do server_start $node; done
same "east" "$(leader east)" "who came first leads, as east sees it"
same "east" "$(leader west)" "and as west does"

for name in 1 2; do
    enrol east "e$name"
    enrol west "w$name"
done
ask_to_revoke e1 w1
run_now west
await_answer e1
await_answer w1
assert_revoked_at east e1
assert_revoked_at west w1
[ "$(said east revocation_postponed "$(serial_of w1)")" -le 1 ] || fail "east had $(serial_of w1) more than once"
[ "$(said west revocation_postponed "$(serial_of e1)")" -le 1 ] || fail "west had $(serial_of e1) more than once"
same 2 "$(answers)" "results that Intune was given"
ok "each at the CA that issued: the leader's own, and the other node's"

# --- no SCEP server of the CA is connected, anywhere ---
end TERM "${SERVER[west]}"
ask_to_revoke w2
run_now
why() { ask "$1" /v1/revocations | jq -r --arg s "$(serial_of w2)" '.revocations[] | select(.serialNumber == $s)
    | "\(.state) \(.ca) \(.message)"'; }
waits() { [[ "$(why east)" = "waiting west it waits for a SCEP server of [ca/west]"* ]]; }
wait_until 30 "that the list says why it waits" waits
server_start west
await_answer w2
assert_revoked_at west w2
ok "a CA whose server is away is waited for, the list says so, and then it is done"

# --- a node dies with a revocation in hand ---
before=$(answers)
ask_slow 0C01
dead=$(executor)
end KILL "${CONNECTOR[$dead]}"
let_time_pass "$dead"
touch "$WORK/go"
wait_until 40 "the other node's result" has_state 0C01 "succeeded None"
same 2 "$(wc -l <"$WORK/slow.calls")" "attempts at 0C01"
same "$((before + 1))" "$(answers)" "answers about 0C01"
node_start "$dead"
ok "killed in the middle of it: the other node does it again, and Intune is told once"

# --- a node sleeps with a revocation in hand, and wakes when it is over ---
before=$(answers)
ask_slow 0D01
asleep=$(executor)
kill -STOP "${CONNECTOR[$asleep]}"
let_time_pass "$asleep"
touch "$WORK/go"
wait_until 40 "the other node's result" has_state 0D01 "succeeded None"
kill -CONT "${CONNECTOR[$asleep]}"
wait_until 30 "the sleeper's late word" grep -q "revocation_settled_late.*0D01" "$WORK/$asleep.log"
same "4" "$(postgres_sql "SELECT state FROM revocation WHERE serial_text = '0D01'")" "its state"
same "$((before + 1))" "$(answers)" "answers about 0D01"
ok "asleep in the middle of it: what it says when it wakes changes nothing"

# --- a node sleeps with a report in hand ---
notified() { mock_admin GET /stats | jq .success.requests; }
before=$(notified)
was_notified() { [ "$(notified)" -gt "$before" ]; }
of_late() { mock_transactions | jq -r --arg t "$(openssl x509 -in "$WORK/late.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" \
    '.[] | select(.success.fields.certificateThumbprint? == $t).success | "\(.count) \(.distinctContents)"'; }
mock_fault '{"endpoint":"success","kind":"latency","latencyMs":2000,"times":1}'
enrol west late &
enrolling=$!
wait_until 30 "the report under way" was_notified
kill -STOP "${CONNECTOR[west]}"
let_time_pass west
delivered() { [ "$(postgres_sql "SELECT count(*) FROM delivery WHERE state = 1")" = 0 ]; }
wait_until 30 "the other node's delivery" delivered
kill -CONT "${CONNECTOR[west]}"
wait $enrolling || fail "the device got no certificate"
same "2 1" "$(of_late)" "how often Intune heard of it, and in how many words"
same "0" "$(postgres_sql "SELECT count(*) FROM delivery WHERE state <> 2")" "reports that are not done"
ok "asleep with a report: the other node delivers it, the same is said twice, and the device gets its certificate"

# --- one device at both nodes at the same instant ---
"$BUILD/bin/scep-race" "$MOCK_URL" "$WORK/mock/ca.pem" "${HOST_URL[east]}" "$WORK/east-host/ca.pem" \
    "${HOST_URL[west]}" "$WORK/west-host/ca.pem" race "$RACES" >"$WORK/races" || fail "the races"
mock_transactions | jq -r '.[] | select(.transactionId | startswith("race-")) | "\(.transactionId) \(.success.distinctContents)
    \(.success.fields.certificateThumbprint) \(.success.fields.certificateSerialNumber)" | gsub("\\s+"; " ")' >"$WORK/reported"
same "$RACES" "$(wc -l <"$WORK/reported")" "transactions that Intune was told of"
same "" "$(awk '$2 != 1' "$WORK/reported")" "transactions with two certificates"
# Each device has the one that Intune knows, from one node or both, and none has another. Who asks again where he was refused
# is told of the right one by the connector; the SCEP server delivers only what its own CA has issued.
judge() {
    awk 'NR == FNR { told[$1] = $3; next }
        function is_well(word) { return word == "-" || word == told[$1] || word ~ /^refused:(already_issued_other|.*_cannot_be_delivered$)/ }
        ($2 != told[$1] && $3 != told[$1]) || !is_well($2) || !is_well($3) || !is_well($4) || !is_well($5) { print }
        ' "$WORK/reported" "$WORK/races"
}
same "" "$(judge)" "devices that got another certificate than Intune knows, or none"
lost=$(grep -c already_issued_other "$WORK/races" || true)
same "$(grep -o _cannot_be_delivered "$WORK/races" | wc -l)" \
    "$(cat "$WORK"/{east,west}.log | grep -c 'request_verified transaction_id=race-.*verdict=deliver code=already_issued ')" \
    "questions that the other node's certificate answers"
valid() { cat "$WORK"/{east,west}-host/index.txt | awk -F '\t' '$1 == "V"' | wc -l; }
known() { mock_transactions | jq '[.[] | select(.success != null)] | length'; }
all_others_are_revoked() { [ "$(valid)" = "$(($(known) - 3))" ]; } # e1, w1 and w2
wait_until 60 "the revocation of what nobody got" all_others_are_revoked
own_are_done() { [ "$(postgres_sql "SELECT count(*) FROM revocation WHERE context IS NULL AND state = 4")" = "$lost" ]; }
wait_until 60 "our own revocation of each" own_are_done
ok "$RACES devices at both nodes at once: each has the one certificate that Intune knows; $lost times both CAs issued, and one revoked"
