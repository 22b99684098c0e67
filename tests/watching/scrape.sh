#!/usr/bin/env bash
# A real Prometheus scrapes a real connector, once a second, with the rules as they are installed but for the times that they
# wait. All is well: nothing fires. A reload is refused: one alert fires, its text is whole, and it ends when that is mended. The
# connector dies: another one fires. And what the connector shows is what docs/METRICS.md lists, with the same labels.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start

configure() { # [LINE]: one more in [connector]
    cat >"$WORK/connector.conf" <<TEXT
[connector]
$*

[listener/local]
address = unix:$WORK/connector.sock
serves = api admin

[listener/watch]
address = tcp:127.0.0.1:0
serves = metrics
allow_anonymous = yes

[journal]
path = $WORK/journal.db

$(mock_tenant)
TEXT
}
configure
connector_start
wait_until 20 "the connector's port" grep -q 'listening listener=watch port=[1-9]' "$CONNECTOR_LOG"
WATCH=$(sed -n 's/.*listening listener=watch port=\([0-9]*\).*/\1/p' "$CONNECTOR_LOG")

# The same rules, impatient.
sed -E 's/^( +for:) .*/\1 1s/' packaging/prometheus/intune-scep.rules.yml >"$WORK/rules.yml"
cat >"$WORK/prometheus.yml" <<TEXT
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$WORK/rules.yml]
scrape_configs:
  - job_name: intune-scep
    static_configs: [{targets: ['127.0.0.1:$WATCH']}]
TEXT

# Prometheus says on which port it listens only when it is told one.
prometheus_answers() { curl -sf "$PROMETHEUS/-/ready"; }
prometheus_is_settled() { prometheus_answers || ! kill -0 "$STARTED" 2>/dev/null; }
for try in 1 2 3 4 5; do
    PROMETHEUS=http://127.0.0.1:$((10000 + RANDOM % 20000))
    start prometheus prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb$try" \
        --web.listen-address="${PROMETHEUS#http://}" --log.level=warn
    wait_until 20 "Prometheus' start" prometheus_is_settled
    if prometheus_answers >/dev/null; then break; fi
done

query() { # EXPRESSION: the result, JSON
    curl -sS --fail-with-body "$PROMETHEUS/api/v1/query" --data-urlencode "query=$1" | jq -c .data.result
}
gives() { [ "$(query "$1" | jq "$2")" = "$3" ]; }
firing() { query 'ALERTS{alertstate="firing"}' | jq -r '[.[].metric.alertname] | sort | join(" ")'; }
fires() { [ "$(firing)" = "$1" ]; }

# --- all is well ---
connector_ask /v1/validate -o /dev/null -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: watched' --data-binary x
wait_until 20 "the first scrapes" gives 'count_over_time(intune_scep_build_info[1m]) >= 3' length 1
same "" "$(firing)" "what fires while all is well"
same 0 "$(curl -sS "$PROMETHEUS/api/v1/rules" | jq '[.data.groups[].rules[] | select(.health == "err")] | length')" "rules with an error"
ok "Prometheus takes what it scrapes, and nothing fires while all is well"

# --- what there is, and what is documented ---
curl -sS "http://127.0.0.1:$WATCH/metrics" >"$WORK/metrics"
python3 - docs/METRICS.md "$WORK/metrics" <<'PYTHON' || fail "what is scraped is not what docs/METRICS.md says"
import re, sys
table = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in
         re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", open(sys.argv[1]).read(), re.M)}
page = open(sys.argv[2]).read()
shown = set()
for name, labels in re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$", page, re.M):
    shown.add(name)
    found = set(re.findall(r'(\w+)="', labels)) - {"le"}
    if found != table.get(name):
        sys.exit(f"{name}: labels {found}, not {table.get(name)}")
# What needs a database, revocations, TLS, a certificate for Entra ID, a limit or a reload has nothing to say here.
silent = set(table) - shown
expected = {"credential_expiry_timestamp_seconds", "database_up", "spooled", "nodes_seen", "leader",
            "revocation_last_poll_timestamp_seconds", "http_turned_away_total",
            "listener_certificate_expiry_timestamp_seconds", "reloads_total"}
if silent != {"intune_scep_" + name for name in expected}:
    sys.exit(f"silent: {sorted(silent)}")
PYTHON
ok "each series that is scraped stands in docs/METRICS.md, with its labels"

# --- a reload that is refused ---
configure "workers = many"
kill -HUP "$CONNECTOR_PID"
wait_until 20 "IntuneScepReloadRefused" fires IntuneScepReloadRefused
same "127.0.0.1:$WATCH goes on with its old configuration" \
    "$(curl -sS "$PROMETHEUS/api/v1/alerts" | jq -r '.data.alerts[0].annotations.summary')" "what a person is told"
configure
kill -HUP "$CONNECTOR_PID"
wait_until 20 "its end" fires ""
ok "a refused reload makes one alert fire, and a good one ends it"

# --- the connector dies ---
kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || true
wait_until 20 "IntuneScepAllDown" fires IntuneScepAllDown
ok "a dead connector makes one alert fire"
