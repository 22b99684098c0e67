#!/usr/bin/env bash
# Two nodes on one database are upgraded one after the other, to a version that changes the tables, while devices enrol: each device
# gets its certificate, from whichever node, and Intune knows of each. The way back is open as long as the tables allow it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/postgres.sh
. tests/support/postgres.sh
# shellcheck source=tests/support/nodes.sh
. tests/support/nodes.sh
TODAY=$NODE_PROGRAM
TOMORROW=$BUILD/bin/intune-scepd-tomorrow
stack_new
trap 'postgres_stop immediate || true; stack_remove' EXIT
mock_start
nodes_prepare --fast
node_configure a
node_configure b
node_start a
node_start b

# --- devices that enrol all the time, at one node or the other; who finds one gone asks the other ---

ask_either() { # FIRST OTHER PATH FILE ID
    local node
    for node in "$1" "$2"; do
        post "$node" "$3" "$4" "$5"
        [[ $ANSWER == 000* || $ANSWER == 503* ]] || return 0
    done
}

enrol_all_the_time() {
    local count=0 first=a other=b
    until [ -f "$WORK/enough" ]; do
        count=$((count + 1))
        device "d$count"
        ask_either $first $other /v1/validate "$WORK/devices/d$count.der" "tx-$count"
        echo "validate $ANSWER" >>"$WORK/answers"
        ask_either $first $other /v1/issued "$WORK/devices/d$count.issued" "tx-$count"
        echo "issued $ANSWER" >>"$WORK/answers"
        openssl x509 -inform DER -in "$WORK/devices/d$count.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g' >>"$WORK/issued"
        if [ $first = a ]; then first=b other=a; else first=a other=b; fi
    done
}
has_answers() { [ "$(wc -l <"$WORK/answers")" -ge "$1" ]; }
# So many more have enrolled since it was called.
await_enrolments() {
    wait_until 60 "$1 more enrolments" has_answers $(($(wc -l <"$WORK/answers") + 2 * $1))
}

nodes_say() { # NAME JQ-EXPRESSION EXPECTED
    [ "$(node_ctl "$1" nodes --json | jq -rc "$2")" = "$3" ]
}
has_problem() { # NAME CODE
    { node_ctl "$1" status --json || true; } | jq -e --arg code "$2" '.problems[] | select(.code == $code)'
}
schema() { postgres_sql "SELECT version || ' ' || oldest FROM iscep_schema"; }

touch "$WORK/answers"
start load enrol_all_the_time
LOAD_PID=$STARTED
await_enrolments 2
same "2 2" "$(schema)" "the schema of today"
wait_until 20 "both nodes seen" nodes_say a '[.nodes[].version] | unique | length' 1
same "[]" "$(node_ctl a nodes --json | jq -c .warnings)" "warnings of equal nodes"
ok "two nodes of one version serve"

# --- a becomes tomorrow's, while b goes on ---

node_stop a
await_enrolments 2
NODE_PROGRAM=$TOMORROW node_start a
await_enrolments 2
same "3 2" "$(schema)" "the schema of tomorrow"
wait_until 20 "the warning of two versions" nodes_say b '[.warnings[].code] | tostring' '["node_versions","node_schema_older"]'
node_ctl b nodes | grep -Eq '^WARNING +versions differ: a has 99\.0\.0, b has ' || fail "nodes does not say which versions differ"
wait_until 20 "the problem in a's status" has_problem a node_versions
ok "the tables are tomorrow's, today's node goes on beside it, and both warn"

# --- the way back is open: what was added does not disturb ---

node_stop a
node_start a
await_enrolments 2
same "3 2" "$(schema)" "the schema after the way back"
ok "the node of tomorrow can be today's again"
node_stop a
NODE_PROGRAM=$TOMORROW node_start a
await_enrolments 2

# --- and b ---

node_stop b
NODE_PROGRAM=$TOMORROW node_start b
await_enrolments 2
wait_until 20 "one version" nodes_say a '.warnings | tostring' '[]'
same '["99.0.0"]' "$(node_ctl a nodes --json | jq -c '[.nodes[].version] | unique')" "the versions at the end"
touch "$WORK/enough"
wait "$LOAD_PID"
ok "both are tomorrow's"

# --- nobody noticed ---

same "issued 200 allow Success,validate 200 allow Success" "$(sort -u "$WORK/answers" | paste -sd,)" "what devices were told"
same "$(sort "$WORK/issued")" "$(reported_thumbprints)" "what Intune knows of"
same "1" "$(mock_transactions | jq '[.[].success.distinctContents // 1] | unique | length')" "different reports of one transaction"
ok "$(wc -l <"$WORK/issued") devices enrolled meanwhile, and none noticed"

# --- the way back is closed when the tables forbid it ---

node_stop b
postgres_sql "UPDATE iscep_schema SET oldest = 3"
status=0
"$TODAY" -c "$WORK/b.conf" >"$WORK/refused" 2>&1 || status=$?
[ $status != 0 ] || fail "today's node has started on tables that forbid it"
grep -q 'start_failed .*schema version 3, which needs a program of version 3; this one knows up to 2' "$WORK/refused" ||
    fail "the refusal does not say why: $(cat "$WORK/refused")"
device late
post a /v1/validate "$WORK/devices/late.der" tx-late
same "200 allow Success" "$ANSWER" "the node that goes on"
ok "a downgrade that the tables forbid is refused, with the reason"
