#!/usr/bin/env bash
# docs/OPERATIONS.md, "Backup", "Restore" and "The machine is gone": its commands, and what it says that an older journal means. One report each that Intune had
# taken note of before the backup, between backup and loss, and not yet: none is told with another content, and what is forgotten is what
# the page says.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/docs/page.sh
. tests/docs/page.sh
PAGE=docs/OPERATIONS.md

run() { page_run "$PAGE" "$1" 1 || fail "$1, as on the page: $(cat "$WORK/block" "$WORK/block.log" "$WORK/out")"; }
issued() { # NAME: validated, reported, and Intune has taken note
    device "$1"
    validate "$1"
    same "200 allow Success" "$ANSWER" "validation of $1"
    report "$1"
    same "200 allow Success" "$ANSWER" "the report of $1"
}
withheld() { # NAME: Intune cannot be told now
    device "$1"
    validate "$1"
    same "200 allow Success" "$ANSWER" "validation of $1"
    report "$1" 1500
    same "503 retry" "${ANSWER% *}" "the report of $1"
}
told() { mock_admin GET "/transactions/$1" | jq -r '"\(.success.count // 0) \(.success.distinctContents // 0)"'; } # "TIMES CONTENTS"
is_told() { [ "$(told "$1" | cut -d' ' -f1)" -gt "$2" ]; } # NAME TIMES: more often than that
stands() { intune-scepctl trace "$1" >"$WORK/out" 2>&1; } # NAME

machine_new
machine_start
issued early
mock_fault '{"endpoint":"success","kind":"status","status":503}'
withheld owed
run backup
same 600 "$(stat -c %a "$WORK/backups/intune-scep/journal.db")" "who may read the backup of the journal"
tar -tf "$WORK/backups/intune-scep/etc.tar" | grep -q connector.conf || fail "the backup has no configuration"
if grep -rqF "$(cat "$WORK/client-secret")" "$WORK/backups"; then fail "the backup holds the client secret"; fi
ok "a backup while it runs, without the secret"

mock_no_faults
intune-scepctl outbox retry --all >"$WORK/out" || true
report owed
wait_until 30 "Intune's knowledge of what was owed at the backup" is_told owed 0
before=$(told owed)
issued late
mock_fault '{"endpoint":"success","kind":"status","status":503}'
withheld lost
"$WORK/bin/systemctl" stop intune-scepd
printf 'no database' >"$WORK/lib/journal.db"
mock_no_faults
run restore
ok "the journal of before is in force"

stands early || fail "what was before the backup is gone: $(cat "$WORK/out")"
wait_until 30 "the second telling of what was owed at the backup" is_told owed "${before% *}"
again=$(told owed)
same 1 "${again#* }" "contents that Intune was told of it"
ok "what was owed at the backup is told again, the same"

for name in late lost; do
    if stands "$name"; then fail "$name is known, though it came after the backup"; fi
done
same "0 0" "$(told lost)" "what Intune was told of the report that only the lost journal held"
ok "what came after the backup is forgotten, and what of it was owed nobody tells"

validate late
same "200 allow Success" "$ANSWER" "late, asking again: Intune is asked, and its certificate is not delivered again"
report late
same "200 allow Success" "$ANSWER" "the report of late, repeated"
same 1 "$(told late | cut -d' ' -f2)" "contents that Intune was told of it"
report lost
same "200 allow Success" "$ANSWER" "the report of lost, repeated by a SCEP server that still has it"
same "1 1" "$(told lost)" "what Intune was told of it"
grep -q 'never_validated .*transaction_id=lost' "$WORK/connector.log" || fail "no never_validated for lost"
ok "a SCEP server that repeats its report mends it"

intune-scepctl audit verify "$WORK/lib/audit.log" >"$WORK/out" 2>&1 || fail "the audit trail: $(cat "$WORK/out")"
ok "the audit trail, which was not restored, is whole"

# --- another machine: the package, the backup and a new secret ---

"$WORK/bin/systemctl" stop intune-scepd
rm -r "${WORK:?}/etc" "${WORK:?}/lib"
mkdir -p "$WORK/etc/secrets" "$WORK/lib"
cp "$WORK/client-secret" "$WORK/home/new-secret"
run gone
[ ! -e "$WORK/home/new-secret" ] || fail "the new secret is left behind in clear text"
same 600 "$(stat -c %a "$WORK/etc/secrets/client-secret")" "who may read the new secret"
stands early || fail "what was before the backup is gone: $(cat "$WORK/out")"
ok "a machine that is gone comes back from the backup and a new secret"
