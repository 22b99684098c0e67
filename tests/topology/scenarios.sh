#!/usr/bin/env bash
# ./dev topology [--quick] [--keep] [SCENARIO…]: real hosts made with network namespaces, a wave of devices, and something that goes
# wrong in the middle of it; then the judge (judge.py) compares what devices have, what Intune knows and what the CAs have revoked.
# Prints the figures of docs/HIGH-AVAILABILITY.md. Exit code 1: a promise was not kept; 77: no namespaces can be made here.
#
#   BUILD=DIR DEVICES=N tests/topology/scenarios.sh [--quick] [--keep] [SCENARIO…]
#
# --quick: 150 devices, the database stopped and a node killed in one wave. --keep: logs and databases stay.
# shellcheck disable=SC2034 # what is said to topology.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
for part in tests/support/stack.sh tests/support/remote_ca.sh tests/support/postgres.sh tests/topology/network.sh \
    tests/topology/topology.sh; do
    # shellcheck source=/dev/null
    . "$part"
done

# --- what scenarios are made of ---

now_ms() { date +%s%3N; }

# Intune wants the newest N certificates revoked, those that devices have. One process asks for all.
revoke_newest() {
    local serial asked=()
    for serial in $(tail -n "$1" "$WORK/certificates.jsonl" | jq -r .serialNumber); do
        asked+=(--next -sS --fail-with-body --max-time 60 --cacert "$WORK/tls/tls-ca.pem" -o /dev/null
            --json "{\"serialNumber\":\"$serial\"}" "$MOCK_URL/admin/revocations")
    done
    network_in devices curl "${asked[@]:1}" || fail "Intune cannot be asked to revoke"
}

# What is owed at this moment, as the database knows it; and is any of it still?
owed_now() { postgres_sql "SELECT string_agg(id::text, ',') FROM delivery WHERE state = 1"; }
is_owed() { [ "$(postgres_sql "SELECT count(*) FROM delivery WHERE state = 1")" -ge "$1" ]; }
is_delivered() { [ "$(postgres_sql "SELECT count(*) FROM delivery WHERE state = 1 AND id IN ($1)")" = 0 ]; }

# What a machine may be late that has other things to do.
LATE_MS=5000

# took NAME MS PROMISED_MS: printed, and wrong if it took longer
took() {
    if [ "$2" -le $(($3 + LATE_MS)) ]; then
        printf '  %-58s %8s  ok (ms; a lease is %s)\n' "$1" "$2" "$3"
    else
        printf '  %-58s %8s  WRONG (ms; a lease is %s)\n' "$1" "$2" "$3"
        fail "$SCENARIO: $1: $2 ms, and it is promised within a lease, $3 ms"
    fi
}

# It dies while Intune is slow, so that it owes something; when its leases end the survivor delivers that.
kill_while_it_owes() { # NODE
    local owed
    mock_fault '{"endpoint":"success","kind":"latency","latencyMs":2000}'
    wait_until 60 "reports that are owed" is_owed 6
    owed=$(owed_now)
    KILLED_AT=$(now_ms)
    mark "node $1 dies"
    node_kill "$1"
    mock_no_faults
    printf '  %-58s %8s\n' "reports owed when the node died" "$(tr ',' '\n' <<<"$owed" | wc -l)"
    wait_until 60 "the delivery of what the dead node owed" is_delivered "$owed"
    took "until the other had delivered them" "$(($(now_ms) - KILLED_AT))" "$LEASE_MS"
}

judge() { # [OPTION…]
    local node
    mock_admin GET /transactions >"$WORK/transactions.json"
    mock_admin GET /revocations >"$WORK/revocations.json"
    for node in "${NODES[@]}"; do
        ask_node "$node" "/v1/revocations?state=all&limit=1000" >"$WORK/$node.revocations.json" 2>/dev/null || rm -f "$WORK/$node.revocations.json"
    done
    tests/topology/judge.py "$WORK" --scenario "$SCENARIO" --nodes "$(IFS=, && echo "${NODES[*]}")" \
        --cas "$(IFS=, && echo "${CAS[*]}")" "$@" || fail "$SCENARIO: a promise was not kept; see above"
}

# The clock of the devices: a policy cycle is some seconds instead of eight hours, and a RetryDelay, too.
wave() { # DEVICES [OPTION…]
    wave_start "$1" --mix android=40,windows=40,ios=20 --concurrency 32 --policy-cycle-ms 6000 --policy-cycles 30 --speed 6 \
        --timeout-ms 15000 --connect-timeout-ms 5000 "${@:2}"
}

# --- the scenarios ---

# One of two nodes dies in the middle of the wave, and comes back when the other has taken over.
scenario_node_killed() {
    local devices=${DEVICES:-2000}
    topology_up 1
    wave "$devices"
    wave_await $((devices / 5))
    revoke_newest 20
    wave_await $((devices * 2 / 5))
    revoke_newest 20
    kill_while_it_owes one
    wait_until 60 "the takeover of the revocations" grep -q ' leading ' "$WORK/connector-two.log"
    took "until the other asked Intune for revocations" "$(($(now_ms) - KILLED_AT))" 30000
    revoke_newest 20
    mark "node one is back"
    node_return one
    wave_end 240
    topology_rest one two
    judge --dead "$(scep_url one)"
}

# How often a line of that event is in a log.
count_events() { grep -c " $2 " "$WORK/$1.log" || true; }
has_events() { [ "$(count_events "$1" "$2")" -ge "$3" ]; } # LOG EVENT COUNT

# Option 1: nobody gets a certificate without the CA, nobody fails either, and all have one when it is back.
scenario_ca_down() {
    topology_up 1
    wave "${DEVICES:-300}"
    wave_await 60
    revoke_newest 10
    mark "the CA is down"
    ca_stop ca
    wait_until 60 "devices that wait at node one" has_events scep-one ca_away 20
    wait_until 60 "devices that wait at node two" has_events scep-two ca_away 20
    mark "the CA is back"
    ca_start ca
    wave_end 120
    topology_rest one two
    judge --may-lose-patience
}

# Option 2: who was sent to the node whose CA is down is refused when that node's patience ends, and goes to the other.
scenario_one_ca_down() {
    CA_PATIENCE_MS=2000
    topology_up 2
    wave "${DEVICES:-300}"
    wave_await 60
    revoke_newest 10
    mark "the CA of node two is down"
    ca_stop ca2
    wait_until 60 "devices that are refused at node two" has_events scep-two ca_failed 10
    mark "the CA of node two is back"
    ca_start ca2
    wave_end 120
    topology_rest one two
    judge --dead "$(scep_url two)"
}

# Both nodes lose the database: they go on with what they have on their own disks, and bring it back.
stop_database_for_a_while() {
    mark "the database is stopped"
    database_stop
    wait_until 60 "node one being without database" grep -q ' journal_away ' "$WORK/connector-one.log"
    wait_until 60 "node two being without database" grep -q ' journal_away ' "$WORK/connector-two.log"
    wave_await $(($(certificates_had) + $1))
    mark "the database is back"
    database_again
    wait_until 60 "node one being back" grep -q ' journal_back ' "$WORK/connector-one.log"
    wait_until 60 "node two being back" grep -q ' journal_back ' "$WORK/connector-two.log"
}

database_stopped() { # strict|deferred
    topology_up 1 "report = $1"
    wave "${DEVICES:-300}"
    wave_await 60
    revoke_newest 10
    stop_database_for_a_while 60
    revoke_newest 10
    wave_end 120
    topology_rest one two
    judge --may-lose-patience
}
scenario_database_stopped_strict() { database_stopped strict; }
scenario_database_stopped_deferred() { database_stopped deferred; }

# The wire from node one to the database is slow, then cut, then as it was.
scenario_database_link() {
    SLOW_LINKS=yes
    topology_up 1
    wave "${DEVICES:-300}"
    wave_await 40
    mark "node one reaches the database in 25 ms"
    link_slow one 25
    wave_await 100
    revoke_newest 10
    mark "node one does not reach the database"
    link_cut one database
    wait_until 60 "node one being without database" grep -q ' journal_away ' "$WORK/connector-one.log"
    wave_await $(($(certificates_had) + 40))
    ! grep -q ' journal_away ' "$WORK/connector-two.log" || fail "node two lost the database, too"
    mark "node one reaches the database"
    link_slow one 0
    link_mend one database
    wait_until 60 "node one being back" grep -q ' journal_back ' "$WORK/connector-one.log"
    revoke_newest 10
    wave_end 120
    topology_rest one two
    judge --may-lose-patience
}

# The proxy is killed, then a connector alone: its SCEP server tells devices to come again.
scenario_proxy_and_connector() {
    topology_up 1
    wave "${DEVICES:-300}"
    wave_await 60
    revoke_newest 10
    mark "the proxy dies"
    proxy_kill
    wait_until 60 "devices that notice" is_noticed
    mark "the proxy is back"
    proxy_start
    wave_await 120
    mark "the connector of node one dies"
    connector_kill one
    wait_until 60 "devices that wait at node one" has_events scep-one enrolment_pending 5
    mark "the connector of node one is back"
    connector_start_on one
    wave_end 120
    topology_rest one two
    judge --dead "$(scep_url one)" --dead "$(scep_url two)"
}
is_noticed() { network_in devices curl -sk --max-time 2 "$(scep_url one)?operation=GetCACaps"; [ $? = 7 ]; }

# What every ./dev check runs: the database is stopped in the wave, then a node dies, and stays dead.
scenario_quick() {
    topology_up 1
    wave "${DEVICES:-150}" --rate 10 --policy-cycle-ms 3000
    wave_await 20
    revoke_newest 5
    stop_database_for_a_while 10
    kill_while_it_owes two
    revoke_newest 5
    wave_end 120
    topology_rest one
    judge --dead "$(scep_url two)" --may-lose-patience
}

# --- which, and how ---

ALL=(node_killed ca_down one_ca_down database_stopped_strict database_stopped_deferred database_link proxy_and_connector)

run() { # SCENARIO: in a process of its own, which leaves nothing but what it prints
    echo "$1"
    (SCENARIO=$1 && "scenario_$1")
}

names=()
for argument in "$@"; do
    case $argument in
    --quick) names+=(quick) ;;
    --keep) KEEP=yes ;;
    *)
        declare -F "scenario_$argument" >/dev/null || { echo "topology: no such scenario: $argument (${ALL[*]})" >&2 && exit 2; }
        names+=("$argument")
        ;;
    esac
done
[ ${#names[@]} -gt 0 ] || names=("${ALL[@]}")
network_is_possible || { echo "topology: skipped, for it takes root and network namespaces" && exit 77; }
[ -x "$PG_BIN/postgres" ] || { echo "topology: PostgreSQL is missing (postgresql)" && exit 77; }
command -v nginx >/dev/null || { echo "topology: nginx is missing (nginx-light)" && exit 77; }

failed=()
for name in "${names[@]}"; do
    run "$name" || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "topology: not as promised: ${failed[*]}" && exit 1; }
echo "topology: all as promised (${names[*]})"
