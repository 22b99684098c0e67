#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own, whose conninfo is in ISCEP_TEST_POSTGRES (by Unix socket), in
# ISCEP_TEST_POSTGRES_TCP (by TCP, with TLS and a password), and whose directory is in ISCEP_TEST_POSTGRES_DIR (postgres.sh says what is
# there). Several commands may share one:
#
#   with_postgres.sh COMMAND…
#   with_postgres.sh --start FILE     starts one, and writes into FILE where it is
#   with_postgres.sh --in FILE COMMAND…
#   with_postgres.sh --stop FILE
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/postgres.sh

start() {
    local dir
    dir=$(mktemp -d "${TMPDIR:-/tmp}/iscep-pg.XXXXXX")
    postgres_start "$dir/postgres" --fast --tls
}

stop() {
    postgres_stop immediate || true
    rm -rf "$(dirname "$PG_DIR")"
}

run() {
    export ISCEP_TEST_POSTGRES=$PG_CONNINFO ISCEP_TEST_POSTGRES_TCP=$PG_TCP ISCEP_TEST_POSTGRES_DIR=$PG_DIR
    "$@"
}

case ${1:-} in
--start)
    if [ -f "$2" ]; then "$0" --stop "$2"; fi # somebody broke off
    start
    declare -p PG_DIR PG_PORT PG_CONNINFO PG_TCP >"$2"
    ;;
--in)
    # shellcheck source=/dev/null
    . "$2"
    shift 2
    run "$@"
    ;;
--stop)
    # shellcheck source=/dev/null
    . "$2"
    stop
    rm -f "$2"
    ;;
*)
    start
    trap stop EXIT
    run "$@"
    ;;
esac
