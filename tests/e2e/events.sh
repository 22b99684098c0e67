#!/usr/bin/env bash
# One enrolment followed by its transaction id: the SCEP host's log, the connector's, its journal, and what Intune was asked
# by client-request-id. Every line that the connector logs is one that docs/EVENTS.md lists. And the metrics count it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start --verbose
connector_configure
sed -i '/^\[connector\]/a log_format = json\nlog_level = debug' "$WORK/connector.conf"
connector_start
host_start

enrol() { # NAME [SUBJECT IN THE CHALLENGE]
    local challenge
    challenge=$(mock_challenge "{\"subject\": \"CN=${2:-$1}\", \"deviceId\": \"$1\"}")
    strongswan_enrol "$SCEP_URL" "$CA_FILE" "$WORK/$1" "CN=$1" "" "$challenge"
}

events() { # JQ FILTER: the connector's lines that fit, as one array
    jq -cs "[.[] | select($1)]" "$WORK/connector.log"
}

# --- one that is granted ---
enrol swan || fail "strongSwan got no certificate"
transaction=$(sed -n 's/.* certificate_delivered transaction_id=\([^ ]*\) .*/\1/p' "$WORK/host.log")
[ -n "$transaction" ] || fail "the host's log does not name the transaction"
mine=$(events ".transaction_id == \"$transaction\"")
same '["request_verified","issued_reported"]' "$(jq -c '[.[] | select(.level == "info") | .event]' <<<"$mine")" \
    "the connector's log of $transaction"
same '["allow","allow"]' "$(jq -c '[.[] | select(.verdict) | .verdict]' <<<"$mine")" "its verdicts"
same '["contoso"]' "$(jq -c '[.[].tenant] | unique' <<<"$mine")" "its tenant"
ok "host and connector name the same transaction"

asked_of_intune() { # ENDPOINT: the client-request-ids that came
    sed -n "s/.* request endpoint=$1 outcome=[^ ]* clientRequestId=//p" "$WORK/mock.log"
}
validation=$(jq -r '.[] | select(.event == "request_verified") | .client_request_id' <<<"$mine")
report=$(jq -r '.[] | select(.event == "issued_reported") | .client_request_id' <<<"$mine")
[ "$validation" != "$report" ] || fail "two questions have one client-request-id"
same "$validation" "$(asked_of_intune validate)" "what Intune was asked to validate by"
same "$report" "$(asked_of_intune success)" "what Intune was told of the certificate by"
same "[\"$transaction\"]" "$(mock_transactions | jq -c '[.[].transactionId]')" "the transactions that Intune knows"
ok "Intune was asked with the client-request-ids that the log names"

same "[\"$report\",\"$validation\"]" "$("$BUILD/bin/intune-scepctl" trace --socket "$WORK/connector.sock" --json \
    "$transaction" | jq -c '[.. | objects | .requestId? // empty | select(. != "")] | unique | sort_by(. != "'"$report"'")')" \
    "the journal's client-request-ids"
ok "the journal has both"

# --- one that is refused ---
enrol mallory someone-else && fail "mallory got a certificate"
refused=$(sed -n 's/.* enrolment_refused transaction_id=\([^ ]*\) code=SubjectNameMismatch .* client_request_id=\(.*\)/\1 \2/p' \
    "$WORK/host.log")
[ -n "$refused" ] || fail "the host's log does not say who was refused, and by which request"
same "$refused" "$(events ".transaction_id == \"${refused% *}\" and .verdict == \"deny\"" |
    jq -r '.[] | "\(.transaction_id) \(.client_request_id)"')" "the connector's log of the refusal"
ok "a refusal has the same ids in both logs"

# --- one that nobody could answer: every try names the request ---
mock_fault '{"endpoint":"validate","kind":"status","status":503,"times":2}'
enrol late || fail "late got no certificate after two failures"
tries=$(events '.event == "attempt_failed"')
same 2 "$(jq length <<<"$tries")" "the tries that failed"
same 1 "$(jq '[.[] | "\(.transaction_id) \(.client_request_id)"] | unique | length' <<<"$tries")" "who was tried for"
same "$(jq -c '.[0] | [.transaction_id, .client_request_id]' <<<"$tries")" "$(events \
    '.event == "request_verified"' | jq -c 'last | [.transaction_id, .client_request_id]')" "the request of the tries"
ok "each try names its request"

# --- the page knows them all, with their fields ---
python3 - "$WORK/connector.log" docs/EVENTS.md <<'PYTHON' || fail "docs/EVENTS.md is not what was logged"
import json, sys
sys.path.insert(0, "tests/docs")
from pathlib import Path
from check_events import listed_in
problems = []
listed = listed_in(Path(sys.argv[2]), "The connector", problems)
for line in open(sys.argv[1]):
    event = json.loads(line)
    levels, fields = listed[event["event"]]
    if event["level"] not in levels or not event.keys() - {"time", "level", "event"} <= fields:
        problems.append(line)
sys.stdout.writelines(problems)
sys.exit(1 if problems else 0)
PYTHON
ok "every line is one that docs/EVENTS.md lists"

# --- and the metrics have counted them ---
connector_ask /metrics --fail -D "$WORK/head" >"$WORK/metrics" || fail "there is no /metrics"
grep -qi '^content-type: text/plain; version=0.0.4; charset=utf-8' "$WORK/head" || fail "the page is of another kind"
tests/docs/check_metrics.py <"$WORK/metrics" || fail "the page is not Prometheus' format"
counted() { # SERIES VALUE
    grep -qxF "$1 $2" "$WORK/metrics" || fail "not $2: $(grep -F "${1%%\{*}" "$WORK/metrics")"
}
counted 'intune_scep_verdicts_total{tenant="contoso",operation="validate",verdict="allow",code="Success"}' 2
counted 'intune_scep_verdicts_total{tenant="contoso",operation="validate",verdict="deny",code="SubjectNameMismatch"}' 1
counted 'intune_scep_verdicts_total{tenant="contoso",operation="issued",verdict="allow",code="Success"}' 2
counted 'intune_scep_upstream_request_duration_seconds_count{tenant="contoso",endpoint="validate",outcome="ok"}' 3
counted 'intune_scep_upstream_request_duration_seconds_count{tenant="contoso",endpoint="validate",outcome="service"}' 2
counted 'intune_scep_upstream_request_duration_seconds_count{tenant="contoso",endpoint="notify",outcome="ok"}' 2
counted 'intune_scep_token_requests_total{tenant="contoso",scope="intune",outcome="fetched"}' 1
counted 'intune_scep_circuit_state{tenant="contoso",endpoint="validate"}' 0
counted 'intune_scep_outbox_owed{tenant="contoso"}' 0
counted intune_scep_journal_healthy 1
grep -q '^process_open_fds [1-9]' "$WORK/metrics" || fail "the process does not know its descriptors"
ok "/metrics has counted all of that"
