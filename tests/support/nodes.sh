# shellcheck shell=bash disable=SC2034
# Sourced beside stack.sh and postgres.sh: several connectors, the nodes, on one database.
#
#   nodes_prepare           the mock is there: a database, a CA of our own, a key for the devices
#   node_configure NAME [LINE…]  LINEs go to [journal]
#   node_start NAME [COMMAND…]   COMMAND before the daemon, such as faketime; NODE_PROGRAM is the daemon
#   node_ask NAME PATH [CURL OPTION…]
#   node_ctl NAME ARGUMENT…
#   device ID               a CSR with a challenge, and a certificate of our CA: devices/ID.der, .crt, .issued
#   post NAME PATH FILE ID  ANSWER becomes "STATUS VERDICT CODE"; "000" without an answer. POST_TIMEOUT_MS: how long it may take
#
# NODE_PID[NAME] is its process.

declare -A NODE_PID=()
POST_TIMEOUT_MS=8000
NODE_PROGRAM=$BUILD/bin/intune-scepd

nodes_prepare() {
    postgres_start "$WORK/postgres" "$@"
    openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Nodes CA" -out "$WORK/ca.pem" \
        2>"$WORK/ca.log"
    openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null
    mkdir "$WORK/devices"
}

node_configure() { # NAME [LINE…]
    local name=$1
    shift
    cat >"$WORK/$name.conf" <<TEXT
[connector]
listen = unix:$WORK/$name.sock
request_timeout_ms = 10000
drain_timeout_ms = 5000

[journal]
path = $WORK/$name.spool
database = $PG_CONNINFO
node = $name
$(printf '%s\n' "$@")

$(mock_tenant)
TEXT
}

node_ask() { # NAME PATH [CURL OPTION…]
    local name=$1 path=$2
    shift 2
    curl -sS --max-time 30 --unix-socket "$WORK/$name.sock" "$@" "http://connector$path"
}

node_start() { # NAME [COMMAND…]
    local name=$1
    shift
    start "$name" "$@" "$NODE_PROGRAM" -c "$WORK/$name.conf"
    NODE_PID[$name]=$STARTED
    wait_until 20 "the start of $name" node_ask "$name" /livez --fail
}

node_stop() { # NAME [SIGNAL]
    kill "-${2:-TERM}" "${NODE_PID[$1]}"
    wait "${NODE_PID[$1]}" 2>/dev/null || true
}

node_ctl() { # NAME ARGUMENT…
    local name=$1
    shift
    "$BUILD/bin/intune-scepctl" -c "$WORK/$name.conf" "$@"
}

device() { # ID
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    local at=$WORK/devices/$1
    cp "$WORK/device.key" "$at.key"
    make_csr "$at" "CN=$1" "$1.example" "$challenge"
    openssl x509 -req -inform DER -in "$at.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$at.crt" 2>>"$WORK/ca.log"
    cat "$at.der" "$at.crt" >"$at.issued"
}

post() { # NAME PATH FILE ID
    local reply
    reply=$(node_ask "$1" "$2" -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: $4" \
        -H "X-Scep-Timeout-Ms: $POST_TIMEOUT_MS" --data-binary "@$3" -w '\n%{http_code}' 2>/dev/null) || true
    ANSWER="$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"' 2>/dev/null || true)"
}
