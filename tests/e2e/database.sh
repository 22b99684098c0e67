#!/usr/bin/env bash
# A journal in PostgreSQL: a real client enrols while the database is there, while it is stopped, and while it hangs; strict and
# deferred. Afterwards everything is in the database, once, and Intune was told of every certificate that was delivered.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
# shellcheck source=tests/support/postgres.sh
. tests/support/postgres.sh
stack_new
trap 'postgres_resume 2>/dev/null || true; postgres_stop immediate || true; stack_remove' EXIT
postgres_start "$WORK/postgres"

configure() { # REPORT: strict or deferred
    connector_configure
    sed -i "/^path = /a database = $PG_CONNINFO\ndatabase_timeout_ms = 1000\nnode = alpha\nreport = $1" "$WORK/connector.conf"
}

enrol() { # NAME
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "$1.example" "$challenge" ||
        fail "$1 gets no certificate: $(cat "$WORK/$1.log")"
    ok "$1 has its certificate"
}

# The states of the reports of a device's certificates: 2 is told.
reports_of() { # NAME
    postgres_sql "SELECT string_agg(d.state::text, ',') FROM delivery d JOIN certificate c ON c.id = d.id
        WHERE c.subject LIKE '%CN=$1%'"
}
is_told() { [ "$(reports_of "$1")" = 2 ]; }
assert_told() {
    wait_until 30 "the report of $1 in the database" is_told "$1"
    ok "$1 is in the database once, and told"
}

says() { grep -q " $1 " "$CONNECTOR_LOG"; }
how_often() { grep -c " $1 " "$CONNECTOR_LOG"; }
is_drained() { [ "$(how_often spool_drained)" = "$1" ]; }
is_ready() { connector_ask /readyz --fail; }

restart_connector() {
    kill "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    connector_start
}

mock_start
configure strict
connector_start
host_start
enrol here
assert_told here
wait_until 20 "ready" is_ready

# --- stopped ---

postgres_stop immediate
enrol stopped
wait_until 20 "the log says that the database is away" says journal_away
is_ready >/dev/null || fail "a node that has its spool is not ready"
reported_thumbprints >"$WORK/told"
grep -q "$(openssl x509 -in "$WORK/stopped.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" "$WORK/told" ||
    fail "strict: a certificate was delivered that Intune knows nothing of"
ok "strict, without the database: Intune was told at once"
restart_connector # killed or not, what is on the spool stays there
enrol restarted
postgres_again
wait_until 30 "the spool is drained" says spool_drained
for name in here stopped restarted; do assert_told "$name"; done

# --- there, and without a right that is needed: what a probe may do says little ---

connector_tell() { "$BUILD/bin/intune-scepctl" -c "$WORK/connector.conf" "$@"; }
drained=$(how_often spool_drained)
away=$(how_often journal_away)
postgres_sql "ALTER TABLE enrolment OWNER TO postgres"
postgres_sql "GRANT SELECT, UPDATE, DELETE ON enrolment TO iscep"
began_ms=$(date +%s%3N)
enrol unwelcome
has_said_so() { [ $(($(how_often journal_away) - away)) -ge "$1" ]; }
wait_until 30 "it is found and lost again" has_said_so 3
[ $(($(date +%s%3N) - began_ms)) -ge 2000 ] || fail "the log is flooded: three outages in $(($(date +%s%3N) - began_ms)) ms"
connector_tell doctor >"$WORK/doctor" || true
grep -q 'INSERT on enrolment' <(tr -s ' \n' ' ' <"$WORK/doctor") || fail "doctor does not say which right is missing: $(cat "$WORK/doctor")"
grep -q '^ok *intune_token' "$WORK/doctor" || fail "doctor looks no further than the database"
connector_tell status >"$WORK/status" || true
grep -q '^database *lost ' "$WORK/status" || fail "status does not say that the database is lost: $(cat "$WORK/status")"
postgres_sql "ALTER TABLE enrolment OWNER TO iscep"
wait_until 30 "the spool is drained" is_drained $((drained + 1))
assert_told unwelcome
ok "a right that is missing fills no log, and doctor names it"

# --- hanging, deferred ---

configure deferred
restart_connector
drained=$(how_often spool_drained)
postgres_pause
enrol paused
wait_until 20 "the second outage in the log" says journal_away
postgres_resume
wait_until 30 "the spool is drained again" is_drained $((drained + 1))
enrol after
for name in here stopped restarted unwelcome paused after; do assert_told "$name"; done

same "$(delivered_thumbprints)" "$(reported_thumbprints)" "Intune was told of exactly what was delivered"
same 6 "$(postgres_sql 'SELECT COUNT(*) FROM certificate')" "certificates in the database"
ok "six certificates, each told, each in the database once"
if grep -q journal_failed "$CONNECTOR_LOG"; then fail "the journal was never without a place to write to"; fi
