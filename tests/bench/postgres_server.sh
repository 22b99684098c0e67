#!/usr/bin/env bash
# A PostgreSQL server for iscep-bench, with fsync, in DIR. Its process id and its conninfo are written into the file DIR/ready; it ends
# with its standard input, so that it cannot outlive whoever holds the other end.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/postgres.sh

stop() {
    if [ -n "${PG_PID:-}" ]; then postgres_stop immediate || true; fi
}
trap stop EXIT

postgres_start "$1"
printf '%s\n%s\n' "$PG_PID" "$PG_CONNINFO" >"$1/ready.new"
mv "$1/ready.new" "$1/ready"
cat >/dev/null
