# shellcheck shell=bash disable=SC2034
# Sourced by tests: a PostgreSQL server to throw away, on a Unix socket and on a free TCP port of the loopback.
#
#   postgres_start DIR [--fast] [--tls]  makes a cluster in DIR, with the database "journal", whose owner "iscep" is no superuser;
#                       --fast: without fsync; --tls: TCP only with TLS, the certificate (for "localhost") from CA DIR/ca.pem
#   postgres_stop [MODE]  MODE: fast (default), or immediate, as a crash
#   postgres_again        starts what was stopped
#   postgres_pause, postgres_resume  SIGSTOP, SIGCONT, all its processes
#   postgres_sql SQL      as the superuser, in the database "journal"
#
# It leaves PG_DIR, PG_PORT, PG_CONNINFO (Unix socket, no password), PG_TCP (loopback; the password is in PG_PASSWORD_FILE) and
# PG_PID to whoever sources it. The server runs as the user postgres if we are root.

PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

postgres_as() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

postgres_make() {
    mkdir -p "$PG_DIR"
    chmod a+x "$(dirname "$PG_DIR")" # the way there, for the user postgres
    (umask 077 && openssl rand -hex 16 >"$PG_DIR/password")
    if [ "$(id -u)" = 0 ]; then chown postgres: "$PG_DIR"; fi
    postgres_as "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$PG_DIR/initdb.log"
}

postgres_configure() { # FSYNC SSL
    local host=host
    [ "$2" = off ] || host=hostssl
    cat >>"$PG_DIR/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$PG_DIR'
max_connections = 200
shared_buffers = 64MB
fsync = $1
full_page_writes = $1
jit = off
log_min_duration_statement = 1000
ssl = $2
ssl_cert_file = '$PG_DIR/server.pem'
ssl_key_file = '$PG_DIR/server.key'
CONF
    cat >"$PG_DIR/data/pg_hba.conf" <<CONF
local all all trust
$host all all 127.0.0.1/32 scram-sha-256
CONF
}

postgres_make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Test database CA" \
        -keyout "$PG_DIR/ca.key" -out "$PG_DIR/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$PG_DIR/server.key" -out "$PG_DIR/server.csr" 2>/dev/null
    openssl x509 -req -in "$PG_DIR/server.csr" -CA "$PG_DIR/ca.pem" -CAkey "$PG_DIR/ca.key" -days 2 \
        -extfile <(printf 'subjectAltName=DNS:localhost') -out "$PG_DIR/server.pem" 2>/dev/null
    chmod 600 "$PG_DIR/server.key"
    if [ "$(id -u)" = 0 ]; then chown postgres: "$PG_DIR/server.key"; fi
}

postgres_sql() {
    "$PG_BIN/psql" -X -h "$PG_DIR" -p "$PG_PORT" -U postgres -d "${PG_DATABASE:-journal}" -v ON_ERROR_STOP=1 -qAtc "$1"
}

# On the port PG_PORT; if somebody has that, it is a failure, and pg_ctl says so.
postgres_again() {
    postgres_as "$PG_BIN/pg_ctl" start -w -t 60 -D "$PG_DIR/data" -l "$PG_DIR/data/log" -o "-p $PG_PORT" >/dev/null || return 1
    PG_PID=$(head -n 1 "$PG_DIR/data/postmaster.pid")
}

postgres_start() {
    local fsync=on ssl=off tries
    PG_DIR=$1
    shift
    [[ " $* " != *" --fast "* ]] || fsync=off
    [[ " $* " != *" --tls "* ]] || ssl=on
    postgres_make
    [ $ssl = off ] || postgres_make_certificate
    postgres_configure $fsync $ssl
    for tries in 1 2 3 4 5; do # it cannot be told to choose
        PG_PORT=$(shuf -i 20000-32000 -n 1)
        if postgres_again; then break; fi
        [ "$tries" != 5 ] || { cat "$PG_DIR/data/log" >&2; return 1; }
    done
    PG_PASSWORD_FILE=$PG_DIR/password
    PG_DATABASE=postgres postgres_sql "CREATE ROLE iscep LOGIN PASSWORD '$(cat "$PG_PASSWORD_FILE")'"
    PG_DATABASE=postgres postgres_sql "CREATE DATABASE journal OWNER iscep"
    PG_CONNINFO="host=$PG_DIR port=$PG_PORT dbname=journal user=iscep"
    PG_TCP="host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=journal user=iscep"
}

postgres_stop() {
    postgres_as "$PG_BIN/pg_ctl" stop -w -t 60 -D "$PG_DIR/data" -m "${1:-fast}" >/dev/null
}

# The one that makes new ones first.
postgres_processes() {
    echo "$PG_PID"
    pgrep -P "$PG_PID"
}

postgres_pause() {
    kill -STOP "$PG_PID"
    postgres_processes | xargs kill -STOP
}

postgres_resume() {
    postgres_processes | xargs kill -CONT
}
