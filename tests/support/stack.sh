# shellcheck shell=bash disable=SC2034
# Sourced by the demo and the end-to-end tests: the whole path on free ports, in a directory of its own.
#
#   stack_new                a working directory, removed at exit with every process started in it
#   stack_start [OPTION...]  mock, connector and SCEP host; options go to scep-host
#   mock ACTION…             what to ask of the mock's admin API (mock_* below)
#
# It leaves MOCK_URL, SCEP_URL, CA_FILE, CONNECTOR_PID, CONNECTOR_LOG, HOST_COMMAND and WORK to whoever sources it.
# BUILD names the build directory, so that the same tests run on the sanitized builds. MODULE=direct: the connector is no process
# of its own, but inside the SCEP host (scep_intune_direct.so).

BUILD=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}
MODULE=${MODULE:-thin}
TENANT=11111111-2222-3333-4444-555555555555
CLIENT_ID=66666666-7777-8888-9999-000000000000

stack_new() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/iscep.XXXXXX")
    PIDS=()
    trap stack_remove EXIT
}

stack_remove() {
    local pid
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$WORK"
}

fail() {
    echo "FAILED: $*" >&2
    if [ -n "${WORK:-}" ]; then
        for log in "$WORK"/*.log; do
            [ -f "$log" ] && { echo "--- the end of $(basename "$log")"; tail -n 15 "$log"; } >&2
        done
    fi
    exit 1
}

# wait_until SECONDS WHAT COMMAND…: until the command succeeds, or it is a failure.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "$what did not happen in time"
        read -rt 0.05 <> <(:) || true # a pause that starts no process
    done
}

# start NAME COMMAND…: in the background, output to NAME.log; its process id in STARTED.
start() {
    local name=$1
    shift
    "$@" >>"$WORK/$name.log" 2>&1 &
    STARTED=$!
    PIDS+=("$STARTED")
}

mock_start() {
    echo "the-mock-client-secret" >"$WORK/client-secret"
    start mock "$BUILD/bin/intune-mock" --state "$WORK/mock" --tenant "$TENANT" --client-id "$CLIENT_ID" \
        --client-secret-file "$WORK/client-secret" --port-file "$WORK/mock.port" "$@"
    wait_until 20 "the mock's start" test -s "$WORK/mock.port"
    MOCK_URL=https://localhost:$(cat "$WORK/mock.port")
}

mock_tenant() { # the section of a configuration
    cat <<TEXT
[tenant/contoso]
tenant_id = $TENANT
client_id = $CLIENT_ID
client_secret_file = $WORK/client-secret
authority = $MOCK_URL
graph = $MOCK_URL
allowed_hosts = localhost
ca_file = $WORK/mock/ca.pem
TEXT
}

connector_configure() {
    cat >"$WORK/connector.conf" <<TEXT
[connector]
listen = unix:$WORK/connector.sock
request_timeout_ms = 10000

[journal]
path = $WORK/journal.db

$(mock_tenant)
TEXT
}

connector_ask() { # PATH [CURL OPTION…]
    local path=$1
    shift
    curl -sS --max-time 30 --unix-socket "$WORK/connector.sock" "$@" "http://connector$path"
}

connector_start() {
    [ -f "$WORK/connector.conf" ] || connector_configure
    CONNECTOR_LOG=$WORK/connector.log
    [ "$MODULE" = thin ] || return 0 # host_start begins it
    start connector "$BUILD/bin/intune-scepd" -c "$WORK/connector.conf"
    CONNECTOR_PID=$STARTED
    wait_until 20 "the connector's start" connector_ask /livez --fail
}

# The plugin is asked again about a pending request after half a second, so that nobody waits long.
host_start() {
    local plugin=(--plugin "$BUILD/lib/scep_intune.so")
    [ "$MODULE" = thin ] || plugin=(--plugin "$BUILD/lib/scep_intune_direct.so" --plugin-config "config=$WORK/connector.conf")
    HOST_COMMAND=("$BUILD/bin/scep-host" "${plugin[@]}"
        --plugin-config "socket=$WORK/connector.sock" --plugin-config timeout_ms=12000 --state "$WORK/host"
        --port-file "$WORK/host.port" --pending-retry-ms 500 --legacy-des "$@")
    rm -f "$WORK/host.port"
    start host "${HOST_COMMAND[@]}"
    [ "$MODULE" = thin ] || { CONNECTOR_PID=$STARTED && CONNECTOR_LOG=$WORK/host.log; }
    wait_until 20 "the SCEP host's start" test -s "$WORK/host.port"
    SCEP_URL=http://127.0.0.1:$(cat "$WORK/host.port")/scep
    CA_FILE=$WORK/host/ca.pem
}

stack_start() {
    mock_start
    connector_start
    host_start "$@"
}

# --- the mock's admin API (docs/MOCK.md) ---

mock_admin() { # METHOD PATH [JSON]
    curl -sS --fail-with-body --max-time 30 --cacert "$WORK/mock/ca.pem" -X "$1" \
        ${3+-H "Content-Type: application/json" -d "$3"} "$MOCK_URL/admin$2"
}

# What Intune would do when it sends a SCEP profile to a device: prints the challenge.
mock_challenge() { # JSON
    mock_admin POST /challenges "$1" | jq -er .challenge
}

mock_fault() { # JSON
    mock_admin POST /faults "$1" >/dev/null
}

mock_no_faults() {
    mock_admin DELETE /faults >/dev/null
}

mock_transactions() {
    mock_admin GET /transactions
}

# --- what tests say ---

ok() { printf 'ok  %s\n' "$1"; }

# same EXPECTED FOUND WHAT
same() { [ "$1" = "$2" ] || fail "$3: \"$2\", not \"$1\""; }

# A CSR as a device would make it, PREFIX.der, with a new key if there is none.
make_csr() { # PREFIX SUBJECT DNS_NAME CHALLENGE
    [ -f "$1.key" ] || openssl genrsa -out "$1.key" 2048 2>/dev/null
    cat >"$1.cnf" <<TEXT
[req]
prompt = no
distinguished_name = dn
attributes = attributes
req_extensions = extensions
string_mask = utf8only
[dn]
$(tr , '\n' <<<"$2")
[attributes]
challengePassword = $4
[extensions]
subjectAltName = DNS:$3
TEXT
    # openssl's own limit of 64 characters for a challenge is not the world's
    openssl req -new -key "$1.key" -config "$1.cnf" -outform DER -out "$1.der" 2>"$1.log" || fail "no CSR: $(cat "$1.log")"
}

# The certificates that the mock, playing Intune, was told of.
reported_thumbprints() {
    mock_transactions | jq -r '.[] | .success.fields.certificateThumbprint? // empty' | sort
}

# The certificates that the host has delivered.
delivered_thumbprints() {
    local file
    for file in "$WORK"/host/issued/*.pem; do
        [ ! -f "$file" ] || openssl x509 -in "$file" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'
    done | sort
}
