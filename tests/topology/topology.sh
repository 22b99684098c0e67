# shellcheck shell=bash disable=SC2034,SC2317
# Sourced, behind tests/support/{stack,remote_ca,postgres}.sh and network.sh: the hosts of docs/HIGH-AVAILABILITY.md and what may
# happen to them.
#
#   topology_up OPTION [LINE…]   1: one CA; 2: a CA for each node. Lines go into [journal] of both nodes
#   topology_down                removes it, or keeps its directory (KEEP=yes, or it has failed)
#   node_start, node_off, node_kill, connector_kill, connector_start_on NODE
#   ca_start, ca_stop CA         database_stop, database_again        proxy_start, proxy_kill
#   link_cut, link_mend          network.sh; the wire of a node to the database is NODE database
#   link_slow NODE MS            that wire, if SLOW_LINKS=yes when the topology was made
#   wave_start DEVICES [OPTION…] devices enrol in the background; wave_await N certificates; wave_end
#   topology_rest                until nobody owes anybody anything
#
#     devices --- proxy --- one --- ca (or ca and ca2)
#                   |         \________ database (a wire for each node)
#                   `------ two ______/
#     and cloud, which is Intune

NODES=(one two)
declare -A NODE_ADDRESS=([one]=10.77.0.1 [two]=10.77.0.2) DOOR=([one]=10.77.0.21 [two]=10.77.0.22)
declare -A WIRE=([one]=10.77.1 [two]=10.77.2) NODE_PIDS=() CONNECTOR_PIDS=() CA_ADDRESS=([ca]=10.77.0.31 [ca2]=10.77.0.32) CA_PIDS=()
declare -A CA_OF=([one]=ca [two]=ca)
CLOUD=10.77.0.11
CA_PORT=8443
RELAY_PORT=6432

start_on() { # HOST NAME COMMAND…: STARTED is the command itself
    local host=$1 name=$2
    shift 2
    start "$name" ip netns exec "$NET-$host" "$@"
}

end_by() { # SIGNAL PID…
    local signal=$1
    shift
    kill -"$signal" "$@" 2>/dev/null || true
    wait "$@" 2>/dev/null || true
}

mark() { # for the chart
    printf '%s %s\n' "$(date +%s%3N)" "$*" >>"$WORK/marks"
    echo "  $(date +%T) $*"
}

# --- the hosts ---

cloud_start() {
    mkdir -p "$WORK/mock"
    cp "$WORK/tls/cloud.pem" "$WORK/mock/server.pem"
    cp "$WORK/tls/cloud.key" "$WORK/mock/server.key"
    MOCK_URL=https://$CLOUD:8443
    echo "the-mock-client-secret" >"$WORK/client-secret"
    start_on cloud mock "$BUILD/bin/intune-mock" --state "$WORK/mock" --tenant "$TENANT" --client-id "$CLIENT_ID" \
        --client-secret-file "$WORK/client-secret" --listen "$CLOUD:8443" --admin-anywhere --public-url "$MOCK_URL" \
        --port-file "$WORK/mock.port" --revocation-quiet-s 0
    wait_until 20 "the mock's start" test -s "$WORK/mock.port"
}

# Hides that of stack.sh, which asks a mock on this machine.
mock_admin() { # METHOD PATH [JSON]
    network_in devices curl -sS --fail-with-body --max-time 60 --cacert "$WORK/tls/tls-ca.pem" -X "$1" \
        ${3+-H "Content-Type: application/json" -d "$3"} "$MOCK_URL/admin$2"
}

ca_start() { # ca|ca2
    rm -f "$WORK/$1.port"
    start_on "$1" "$1" "$BUILD/bin/scep-ca" --state "$WORK/$1" --subject "Contoso $1" --tls-cert "$WORK/tls/$1.pem" \
        --tls-key "$WORK/tls/$1.key" --client-ca "$WORK/tls/tls-ca.pem" --listen "${CA_ADDRESS[$1]}" --port $CA_PORT \
        --port-file "$WORK/$1.port"
    CA_PIDS[$1]=$STARTED
    wait_until 20 "the start of $1" test -s "$WORK/$1.port"
}
ca_stop() { end_by TERM "${CA_PIDS[$1]}"; }

database_make() {
    local node
    postgres_start "$WORK/database" --tls
    postgres_stop
    install -m 600 -o postgres "$WORK/tls/database.key" "$PG_DIR/server.key"
    install -m 644 "$WORK/tls/database.pem" "$PG_DIR/server.pem"
    echo "listen_addresses = '*'" >>"$PG_DIR/data/postgresql.conf"
    echo "hostssl all all 10.77.0.0/16 scram-sha-256" >>"$PG_DIR/data/pg_hba.conf"
    install -m 600 "$PG_PASSWORD_FILE" "$WORK/database-password"
    # From here on it is on its own host.
    postgres_as() { network_in database runuser -u postgres -- "$@"; }
    database_again
    [ "${SLOW_LINKS:-}" = yes ] || return 0
    for node in "${NODES[@]}"; do
        echo 0 >"$WORK/delay-$node"
        start_on database "link-$node" "$BUILD/bin/iscep-slow-link" "${WIRE[$node]}.1" $RELAY_PORT 127.0.0.1 "$PG_PORT" "$WORK/delay-$node"
        wait_until 20 "the slow link of $node" grep -q ready "$WORK/link-$node.log"
    done
}
database_again() { postgres_again || fail "the database does not start"; }
database_stop() { postgres_stop fast; }
link_slow() { echo "$2" >"$WORK/delay-$1"; }

# As an application proxy publishes a SCEP server: TLS towards devices, a name for each, and nothing of its own.
proxy_configure() {
    local node
    mkdir -p "$WORK/proxy"
    {
        printf 'daemon off;\nuser root;\nworker_processes 1;\nerror_log stderr warn;\npid %s;\n' "$WORK/proxy/pid"
        printf 'events { worker_connections 4096; }\nhttp {\naccess_log off;\nclient_max_body_size 1m;\nproxy_connect_timeout 1s;\nproxy_read_timeout 12s;\n'
        printf '%s_temp_path %s;\n' client_body "$WORK/proxy" proxy "$WORK/proxy" fastcgi "$WORK/proxy" uwsgi "$WORK/proxy" scgi "$WORK/proxy"
        printf 'proxy_http_version 1.1;\nproxy_set_header Connection "";\nproxy_next_upstream off;\n'
        for node in "${NODES[@]}"; do
            printf 'upstream %s { server %s:8080 max_fails=0; keepalive 64; }\n' "$node" "${NODE_ADDRESS[$node]}"
            printf 'server { listen %s:443 ssl; ssl_certificate %s; ssl_certificate_key %s; location /scep { proxy_pass http://%s; } }\n' \
                "${DOOR[$node]}" "$WORK/tls/proxy.pem" "$WORK/tls/proxy.key" "$node"
        done
        echo '}'
    } >"$WORK/proxy/nginx.conf"
}
proxy_start() {
    start_on proxy proxy nginx -p "$WORK/proxy" -c "$WORK/proxy/nginx.conf"
    PROXY_PID=$STARTED
    wait_until 20 "the proxy's start" network_in devices bash -c "exec 3<>/dev/tcp/${DOOR[one]}/443"
}
proxy_kill() {
    pkill -KILL -P "$PROXY_PID" || true # its workers, which would live on
    end_by KILL "$PROXY_PID"
}

# --- a node: a SCEP server, its plugin, its connector ---

scep_url() { echo "https://${DOOR[$1]}/scep"; }

revoking_section() { # CA
    printf '[ca/%s]\nkind = command\ncommand = %s https://%s:%s %s {serial} {reason_code}\nissuer = CN=Contoso %s\ntimeout_ms = 6000\n\n' "$1" \
        "$PWD/tests/support/revoke_at_ca.sh" "${CA_ADDRESS[$1]}" $CA_PORT "$WORK/tls" "$1"
}

connector_conf() { # NODE
    local port=$PG_PORT ca
    [ "${SLOW_LINKS:-}" != yes ] || port=$RELAY_PORT
    cat <<TEXT
[connector]
listen = unix:$WORK/$1.sock
request_timeout_ms = $ASKING_MS

[journal]
path = $WORK/$1.journal/journal.db
node = $1
database = host=${WIRE[$1]}.1 port=$port dbname=journal user=iscep sslmode=verify-full sslrootcert=$WORK/tls/tls-ca.pem
database_password_file = $WORK/database-password
attempt_timeout_ms = $ATTEMPT_MS
max_backoff_ms = 1500
$JOURNAL_LINES

[tenant/contoso]
tenant_id = $TENANT
client_id = $CLIENT_ID
client_secret_file = $WORK/client-secret
authority = $MOCK_URL
graph = $MOCK_URL
allowed_hosts = $CLOUD
ca_file = $WORK/tls/tls-ca.pem
breaker_open_ms = 500

[revocation]
poll_interval_ms = 1000
max_backoff_ms = 1000
storm_limit = 0
storm_percent = 0

TEXT
    for ca in "${CAS[@]}"; do revoking_section "$ca"; done
}

ask_node() { # NODE PATH [CURL OPTION…]
    local node=$1 path=$2
    shift 2
    curl -sS --fail --max-time 10 --unix-socket "$WORK/$node.sock" "$@" "http://connector$path"
}

connector_start_on() {
    mkdir -p "$WORK/$1.journal"
    connector_conf "$1" >"$WORK/$1.conf"
    start_on "$1" "connector-$1" "$BUILD/bin/intune-scepd" -c "$WORK/$1.conf"
    CONNECTOR_PIDS[$1]=$STARTED
    NODE_PIDS[$1]+=" $STARTED"
    wait_until 30 "the start of the connector on $1" ask_node "$1" /livez
}
connector_kill() { end_by KILL "${CONNECTOR_PIDS[$1]}"; }

node_start() {
    NODE_PIDS[$1]=
    connector_start_on "$1"
    rm -f "$WORK/$1.port"
    start_on "$1" "scep-$1" "$BUILD/bin/scep-host" --plugin "$BUILD/lib/scep_intune.so" --plugin-timeout-ms $((ASKING_MS + 1000)) \
        --plugin-config "socket=$WORK/$1.sock" --plugin-config timeout_ms="$ASKING_MS" --state "$WORK/$1.host" \
        --listen "${NODE_ADDRESS[$1]}:8080" --port-file "$WORK/$1.port" --pending-retry-ms 500 \
        --issuer-url "https://${CA_ADDRESS[${CA_OF[$1]}]}:$CA_PORT" --issuer-ca-file "$WORK/tls/tls-ca.pem" \
        --issuer-cert "$WORK/tls/$1.pem" --issuer-key "$WORK/tls/$1.key" --issuer-timeout-ms 4000 --issuer-patience-ms "$CA_PATIENCE_MS"
    NODE_PIDS[$1]+=" $STARTED"
    wait_until 30 "the start of the SCEP server on $1" test -s "$WORK/$1.port"
}

# The plug is pulled: it says nothing to anybody any more, not even that its connections have ended.
node_kill() {
    link_cut "$1"
    link_cut "$1" database
    # shellcheck disable=SC2086 # they are several
    end_by KILL ${NODE_PIDS[$1]}
}
node_return() {
    link_mend "$1"
    link_mend "$1" database
    node_start "$1"
}

# --- the whole ---

topology_up() {
    local option=$1 node ca
    shift
    JOURNAL_LINES=$(printf '%s\n' "$@")
    ATTEMPT_MS=4000
    ASKING_MS=6000
    LEASE_MS=$((ASKING_MS + ATTEMPT_MS)) # of a report that a device waits for, and the next look at what has run out
    CA_PATIENCE_MS=${CA_PATIENCE_MS:-60000}
    CAS=(ca)
    CA_OF=([one]=ca [two]=ca)
    [ "$option" = 1 ] || { CAS=(ca ca2) && CA_OF[two]=ca2; }
    stack_new
    trap topology_down EXIT
    stand_ins_in_memory
    network_new
    network_host cloud $CLOUD
    network_host devices 10.77.0.100
    network_host proxy "${DOOR[@]}"
    network_host database 10.77.0.41
    for ca in "${CAS[@]}"; do network_host "$ca" "${CA_ADDRESS[$ca]}"; done
    for node in "${NODES[@]}"; do
        network_host "$node" "${NODE_ADDRESS[$node]}"
        network_wire "$node" "${WIRE[$node]}.2" database "${WIRE[$node]}.1"
    done
    topology_certificates
    cloud_start
    for ca in "${CAS[@]}"; do ca_start "$ca"; done
    database_make
    proxy_configure
    for node in "${NODES[@]}"; do node_start "$node"; done
    proxy_start
}

# What others would bring along must not be what the figures are about: it waits for no disk. Connectors and database do.
stand_ins_in_memory() {
    local name
    IN_MEMORY=$(mktemp -d /dev/shm/iscep.XXXXXX) || fail "/dev/shm cannot be written to"
    for name in mock "${CAS[@]}" "${NODES[@]/%/.host}"; do
        mkdir "$IN_MEMORY/$name"
        ln -s "$IN_MEMORY/$name" "$WORK/$name"
    done
}

topology_certificates() {
    local name tls=$WORK/tls
    chmod a+x "$WORK"
    tls_authority "$tls"
    tls_certificate "$tls" cloud "IP:$CLOUD"
    tls_certificate "$tls" proxy "IP:${DOOR[one]},IP:${DOOR[two]}"
    tls_certificate "$tls" database "IP:${WIRE[one]}.1,IP:${WIRE[two]}.1"
    tls_certificate "$tls" client DNS:client
    for name in "${NODES[@]}"; do tls_certificate "$tls" "$name" "DNS:$name"; done
    for name in "${CAS[@]}"; do tls_certificate "$tls" "$name" "IP:${CA_ADDRESS[$name]}"; done
}

# Who waits for whom in the database, for whoever has to find out why.
database_activity() {
    postgres_sql "SELECT client_addr, pid, pg_blocking_pids(pid), state, wait_event, now() - state_change, left(query, 150)
        FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY 1, 2"
}

topology_down() {
    local status=$?
    [ $status = 0 ] || timeout 5 bash -c "$(declare -f postgres_sql database_activity); PG_BIN=$PG_BIN PG_DIR=$PG_DIR PG_PORT=$PG_PORT database_activity" >"$WORK/activity.log" 2>&1 || true
    [ -z "${PG_DIR:-}" ] || postgres_stop immediate 2>/dev/null || true
    [ -z "${PROXY_PID:-}" ] || proxy_kill
    network_remove
    if [ $status != 0 ] || [ "${KEEP:-}" = yes ]; then
        cp -aL "$WORK" "$WORK.kept" 2>/dev/null || true # but for sockets
        echo "logs, configurations and databases: $WORK.kept"
    fi
    rm -rf "${IN_MEMORY:-}"
    stack_remove
    return $status
}

# --- the devices ---

wave_start() { # DEVICES [OPTION…]
    local devices=$1
    shift
    : >"$WORK/certificates.jsonl"
    : >>"$WORK/marks"
    start_on devices fleet "$BUILD/bin/iscep-bench" fleet --devices "$devices" --url "$(scep_url one)" --url "$(scep_url two)" \
        --mock-admin "$MOCK_URL" --ca "$WORK/tls/tls-ca.pem" --certificates "$WORK/certificates.jsonl" --json "$WORK/fleet.json" \
        --svg "$WORK/fleet.svg" --mark-file "$WORK/marks" "$@"
    WAVE_PID=$STARTED
}
certificates_had() { wc -l <"$WORK/certificates.jsonl"; }
has_wave_ended() { ! kill -0 "$WAVE_PID" 2>/dev/null; }
has_certificates() { has_wave_ended || [ "$(certificates_had)" -ge "$1" ]; }
wave_await() {
    wait_until 120 "certificate $1 of the wave" has_certificates "$1"
    [ "$(certificates_had)" -ge "$1" ] || fail "the wave has ended with $(certificates_had) certificates, before number $1"
}
wave_end() { # SECONDS; what came of it is in fleet.json, for the judge
    wait_until "$1" "the end of the wave" has_wave_ended
    wait "$WAVE_PID" || [ $? = 1 ] || fail "the fleet ended with status $?"
}

# --- rest ---

is_node_at_rest() { ask_node "$1" /v1/journal | jq -e '.journal.owed == 0 and .journal.revocationsOpen == 0'; }
are_revocations_answered() { mock_admin GET /revocations | jq -e 'all(.[]; .state == "succeeded" or .state == "failed")'; }
topology_rest() { # NODE…: those that are there
    local node
    wait_until 60 "an answer to every revocation" are_revocations_answered
    for node in "$@"; do wait_until 60 "the end of what $node owes" is_node_at_rest "$node"; done
}
