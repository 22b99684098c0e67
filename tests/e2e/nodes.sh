#!/usr/bin/env bash
# Two nodes on one database: what they and people see of each other, a clock that is wrong, and one that is killed: the other tells
# Intune what it owed, and asks for revocations, each within the time that the document promises.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/postgres.sh
. tests/support/postgres.sh
# shellcheck source=tests/support/nodes.sh
. tests/support/nodes.sh
LEASE_S=30 # of who leads
ATTEMPT_MS=2000
stack_new
trap 'postgres_stop immediate || true; stack_remove' EXIT
mock_start --revocation-quiet-s 0
nodes_prepare --fast

# shellcheck disable=SC2016 # expanded by the program
printf '#!/bin/sh\necho "$SCEP_SERIAL" >>"%s/revoked"\n' "$WORK" >"$WORK/revoke"
chmod +x "$WORK/revoke"
configure() { # NAME [LINE…]
    node_configure "$1" "report = deferred" "max_backoff_ms = 300" "attempt_timeout_ms = $ATTEMPT_MS" "${@:2}"
    cat >>"$WORK/$1.conf" <<TEXT
[revocation]
poll_interval_ms = 1000

[ca/nodes]
kind = command
command = $WORK/revoke
TEXT
}
nodes_say() { # NAME JQ-EXPRESSION EXPECTED
    [ "$(node_ctl "$1" nodes --json | jq -rc "$2")" = "$3" ]
}
gauges() { # NAME GAUGE…: their values
    local name=$1 gauge
    shift
    node_ask "$name" /metrics | grep -v "^#" >"$WORK/metrics"
    for gauge in "$@"; do grep -F "intune_scep_$gauge " "$WORK/metrics" | sed 's/.* //'; done | paste -sd' '
}
warnings='[.warnings[].code] | join(" ")'

configure a
configure b
node_start a
wait_until 20 "a leads" grep -q ' leading tenant=contoso leader=a' "$WORK/a.log"
node_start b
wait_until 20 "b follows" grep -q ' following tenant=contoso leader=a' "$WORK/b.log"

# --- what people see ---

wait_until 20 "both are seen" nodes_say a '[.nodes[] | "\(.name) \(.isSelf) \(.health) \(.leads | join(","))"] | join("; ")' \
    "a true working contoso; b false working "
same "" "$(node_ctl b nodes --json | jq -r "$warnings")" "the warnings of equal nodes"
node_ctl b nodes >"$WORK/out"
grep -Eq '^NODE +VERSION +CONFIGURATION +HEALTH +WRITES +SPOOLED +SEEN +CLOCK +LEADS' "$WORK/out" || fail "$(cat "$WORK/out")"
grep -Eq '^b \* .* working ' "$WORK/out" || fail "the node that was asked is not marked: $(cat "$WORK/out")"
node_ctl b status >"$WORK/out" || fail "two good nodes are a problem: $(cat "$WORK/out")"
same "1 2 0" "$(gauges b database_up nodes_seen 'leader{tenant="contoso"}')" "database_up, nodes_seen and leader of b"
same "1" "$(gauges a 'leader{tenant="contoso"}')" "leader of a"
status=0
node_ctl b revocations run >"$WORK/out" 2>&1 || status=$?
same 1 $status "revocations run at the node that does not lead"
grep -q 'a asks Intune' "$WORK/out" || fail "it does not say who does: $(cat "$WORK/out")"
node_ctl a revocations run >/dev/null || fail "revocations run at the leader"
ok "the nodes know each other, and people who leads"

status=0
node_ctl a doctor --json >"$WORK/out" || status=$?
same "ok" "$(jq -r '.[] | select(.step == "database") | .result' "$WORK/out")" "doctor's step at the database"
ok "doctor looks at the database"

# --- a third with a wrong clock and another configuration ---

configure c "retention_days = 30"
# Not by faketime(1), which stays between us and the daemon; its library is where it says.
library=$(faketime -f +2h printenv LD_PRELOAD)
node_start c env LD_PRELOAD="$library" FAKETIME=+2h DONT_FAKE_MONOTONIC=1
wait_until 20 "the warnings of c" nodes_say a "$warnings" "node_configurations node_clock"
node_ctl a nodes | grep -q '^WARNING *the clock of c is 7[12][0-9][0-9] s ahead of the database' || fail "nodes does not warn of c's clock"
same "contoso" "$(node_ctl c nodes --json | jq -r '.nodes[] | select(.name == "a") | .leads[]')" "who leads, by c"
device early
post c /v1/validate "$WORK/devices/early.der" tx-early
same "200 allow Success" "$ANSWER" "c validates"
post a /v1/issued "$WORK/devices/early.issued" tx-early
same "200 deliver report_queued" "$ANSWER" "a reports what c has validated"
status=0
node_ctl c status --json >"$WORK/out" || status=$?
same 1 $status "status of a node with a wrong clock"
jq -e '[.problems[].code] | index("node_clock") and index("node_configurations")' "$WORK/out" >/dev/null || fail "$(cat "$WORK/out")"
grep -q ' node_warning code=node_clock node=c ' "$WORK/c.log" || fail "c does not log that its clock is wrong"
node_stop c
wait_until 20 "c is stopped and nothing to warn of" nodes_say a "$warnings" ""
same "stopped" "$(node_ctl a nodes --json | jq -r '.nodes[] | select(.name == "c") | .state')" "the state of c"
grep -q ' leading ' "$WORK/c.log" && fail "the node with the wrong clock has led"
ok "a wrong clock is warned of, and harms nobody"

# --- a is killed in the middle of a report, and while it leads ---

reported() { mock_transactions | jq -e --arg id "$1" '.[] | select(.transactionId == $id) | .success'; }
wait_until 20 "what was reported so far" reported tx-early
device owed
post a /v1/validate "$WORK/devices/owed.der" tx-owed
mock_fault '{"kind":"hang","endpoint":"success"}'
POST_TIMEOUT_MS=$ATTEMPT_MS post a /v1/issued "$WORK/devices/owed.issued" tx-owed
same "200 deliver report_queued" "$ANSWER" "the report that a has under way"
is_hanging() { mock_admin GET /stats | jq -e '.success.faults > 0'; }
wait_until 20 "a's report at Intune" is_hanging
node_stop a KILL
killed_at=$SECONDS
mock_no_faults
serial=$(openssl x509 -inform DER -in "$WORK/devices/early.crt" -noout -serial | sed 's/.*=//')
mock_admin POST /revocations "{\"serialNumber\":\"$serial\",\"issuerName\":\"CN=Nodes CA\"}" >/dev/null
wait_until 20 "b tells Intune what a owed" reported tx-owed
took=$((SECONDS - killed_at))
[ $took -le $((2 * ATTEMPT_MS / 1000 + 10)) ] || fail "it took $took s"
same "1" "$(mock_transactions | jq '[.[] | select(.transactionId == "tx-owed") | .success.distinctContents // 1] | unique | length')" \
    "different reports of one transaction"
ok "what a dead node owed is told within twice attempt_timeout_ms ($took s)"

wait_until $((LEASE_S + 20)) "b leads" grep -q ' leading tenant=contoso leader=b' "$WORK/b.log"
took=$((SECONDS - killed_at))
[ $took -le $((LEASE_S + 5)) ] || fail "it took $took s"
wait_until 20 "the revocation that Intune asks for" grep -qi "$serial" "$WORK/revoked"
same "1" "$(wc -l <"$WORK/revoked")" "revocations carried out"
ok "b asks Intune for revocations within one lease ($took s)"

# --- a comes back, and follows ---

mv "$WORK/a.log" "$WORK/a-before.log"
node_start a
wait_until 20 "a follows" grep -q ' following tenant=contoso leader=b' "$WORK/a.log"
node_stop b
wait_until 20 "a leads again" grep -q ' leading tenant=contoso leader=a' "$WORK/a.log"
ok "who is stopped hands over without waiting for his term's end"

# --- tables that the database's administrator makes, for a role that may make none ---

for statement in "CREATE ROLE scep_owner NOLOGIN" "CREATE ROLE scep LOGIN" "CREATE DATABASE managed OWNER scep_owner"; do
    PG_DATABASE=postgres postgres_sql "$statement"
done
sed "s/^node = .*/node = m/; s/^database = .*/database = host=$(sed 's/[\/&]/\\&/g' <<<"$PG_DIR") port=$PG_PORT dbname=managed user=scep/; s|^path = .*|path = $WORK/m.spool|
    s|^listen = .*|listen = unix:$WORK/m.sock|" "$WORK/a.conf" >"$WORK/m.conf"
status=0
"$NODE_PROGRAM" -c "$WORK/m.conf" >"$WORK/out" 2>&1 || status=$?
same 1 $status "a node without tables, and without the right to make them"
grep -q 'start_failed .*intune-scepctl database schema' "$WORK/out" || fail "it does not say what to do: $(cat "$WORK/out")"
node_ctl m database schema >"$WORK/schema.sql"
PG_DATABASE=managed postgres_sql "$(cat "$WORK/schema.sql")" || fail "the SQL is not PostgreSQL's"
node_start m
device managed
post m /v1/validate "$WORK/devices/managed.der" tx-managed
same "200 allow Success" "$ANSWER" "a node on tables that it did not make"
node_ctl m doctor --json >"$WORK/out"
same "ok" "$(jq -r '.[] | select(.step == "database") | .result' "$WORK/out")" "doctor's step at that database"
for statement in "CREATE TABLE more (x INT)" "UPDATE iscep_schema SET version = 9"; do
    PG_DATABASE=managed postgres_sql "SET ROLE scep; $statement" 2>"$WORK/out" && fail "the role may: $statement"
    grep -q 'permission denied' "$WORK/out" || fail "not refused for the right that is missing: $(cat "$WORK/out")"
done
ok "the administrator's tables and roles suffice, and no more is needed"
