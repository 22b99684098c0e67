#!/usr/bin/env bash
# intune-scepctl setup: three values become a connector that runs, by options, on a terminal, and as root of a machine with and
# without systemd; whatever cannot be right, or goes wrong on the way, leaves nothing, or the old. The secret is shown nowhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start
SECRET=$(cat "$WORK/client-secret")
: >"$WORK/said"
IDS=(--tenant-id "{${TENANT^^}}" --client-id "$CLIENT_ID")
TO_MOCK=(--set "authority=$MOCK_URL" --set "graph=$MOCK_URL" --set allowed_hosts=localhost --set "ca_file=$WORK/mock/ca.pem")
HERE=(--user "$(id -un)" --set "connector:listen=unix:$WORK/run/c.sock" --set "connector:audit=$WORK/state/audit.log"
    --set "journal:path=$WORK/state/journal.db")
# As an editor on Windows leaves it.
printf '\xff\xfe' >"$WORK/typed"
printf ' %s \r\n' "$SECRET" | iconv -t UTF-16LE >>"$WORK/typed"

new_case() {
    rm -rf "${WORK:?}/conf" "${WORK:?}/state" "${WORK:?}/run"
    mkdir "$WORK/conf"
}

# exits CODE WHAT COMMAND…: what it says in $WORK/out and $WORK/err.
exits() {
    local code=$1 what=$2 status=0
    shift 2
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
    cat "$WORK/out" "$WORK/err" >>"$WORK/said"
    [ "$code" = "$status" ] || { cat "$WORK/out" "$WORK/err" >&2; fail "$what: exit $status, not $code"; }
    ok "$what: exit $code"
}
says() { grep -qF -- "$1" "$WORK/out" "$WORK/err" || { cat "$WORK/out" "$WORK/err" >&2; fail "it does not say: $1"; }; }
setup() { "$BUILD/bin/intune-scepctl" setup -c "$WORK/conf/connector.conf" "$@"; }
# What is there, with modes and contents: to compare.
picture() {
    find "$WORK/conf" "$WORK/state" "$WORK/run" -printf '%M %U:%G %P\n' 2>/dev/null | sort
    find "$WORK/conf" -type f -exec sha256sum {} + | sort
}

# refuses CODE TEXT ARGUMENTS…: and nothing is there that was not there before.
refuses() {
    local code=$1 text=$2 before
    shift 2
    before=$(picture)
    exits "$code" "refused: $text" setup "$@"
    says "$text"
    same "$before" "$(picture)" "what is there afterwards"
}

# --- by options ---
new_case
umask 0077
exits 0 "by options" setup "${IDS[@]}" --secret-file "$WORK/typed" "${TO_MOCK[@]}" "${HERE[@]}" --name hq
umask 0022
for part in "Microsoft Graph  Application.Read.All" "Intune           scep_challenge_provider" "Grant admin consent" \
    "intune-scepd -c $WORK/conf/connector.conf" "socket=$WORK/run/c.sock" "-csrverifierexec" "openxpki" "step-ca" \
    "--unix-socket $WORK/run/c.sock" "intune-scepctl exec" "$WORK/typed is not needed any more"; do
    says "$part"
done
same "-rw------- $WORK/conf/secrets/client-secret" "$(find "$WORK/conf/secrets" -type f -printf '%M %p')" "the secret's file"
same "-rw-r-----" "$(stat -c %A "$WORK/conf/connector.conf")" "the configuration's mode"
same "$SECRET" "$(cat "$WORK/conf/secrets/client-secret")" "the secret"
same "drwx--x--- drwx------ drwxr-x---" "$(stat -c %A "$WORK/conf/secrets" "$WORK/state" "$WORK/run" | xargs)" "directories"
grep -qx "tenant_id = $TENANT" "$WORK/conf/connector.conf" || fail "the tenant's id is not as Entra writes it"
grep -q '^# The audit trail' "$WORK/conf/connector.conf" || fail "the comments are gone"
exits 0 "what was written is right" "$BUILD/bin/intune-scepctl" config check "$WORK/conf/connector.conf"
same "$WORK/conf/connector.conf: ok" "$(cat "$WORK/out")" "and there is nothing to warn of"
start connector "$BUILD/bin/intune-scepd" -c "$WORK/conf/connector.conf"
wait_until 20 "the connector's start" curl -sS --fail --unix-socket "$WORK/run/c.sock" http://connector/readyz
ok "the connector runs with it"
kill "$STARTED"
wait "$STARTED" || true

# --- what is there stays ---
refuses 1 "$WORK/conf/connector.conf is there already" "${IDS[@]}" --secret-file "$WORK/typed" "${TO_MOCK[@]}" "${HERE[@]}"
old_config=$(cat "$WORK/conf/connector.conf")
echo another-secret >"$WORK/other"
exits 1 "--force, and Entra does not know the secret" setup --force --json "${IDS[@]}" --secret-file "$WORK/other" "${TO_MOCK[@]}" "${HERE[@]}"
same "doctor_failed graph_token" "$(jq -r '"\(.result) \(.doctor[] | select(.result == "failed").step)"' "$WORK/out")" "the result"
same "$WORK/conf/secrets/client-secret.bak $WORK/conf/connector.conf.bak" "$(jq -r '.backups | join(" ")' "$WORK/out")" "backups"
same "Microsoft Graph: Application.Read.All application, Intune: scep_challenge_provider application" \
    "$(jq -r '.permissions | map("\(.api): \(.permission) \(.kind)") | join(", ")' "$WORK/out")" "permissions"
same "another-secret $SECRET" "$(cat "$WORK/conf/secrets/client-secret" "$WORK/conf/secrets/client-secret.bak" | xargs)" "secrets"
same "$old_config" "$(cat "$WORK/conf/connector.conf.bak")" "the old configuration"
exits 1 "--force, and wrong again" setup --force --json "${IDS[@]}" --secret-file "$WORK/other" "${TO_MOCK[@]}" "${HERE[@]}"
same "$WORK/conf/secrets/client-secret.bak.1 $WORK/conf/connector.conf.bak.1" "$(jq -r '.backups | join(" ")' "$WORK/out")" "backups"
same "$SECRET another-secret" "$(cat "$WORK/conf/secrets/client-secret.bak" "$WORK/conf/secrets/client-secret.bak.1" | xargs)" "secrets"
new_case
mkdir "$WORK/conf/secrets"
echo "$SECRET" >"$WORK/conf/secrets/client-secret"
refuses 1 "$WORK/conf/secrets/client-secret is there already" "${IDS[@]}" --secret-file "$WORK/typed" "${TO_MOCK[@]}" "${HERE[@]}"
exits 0 "a secret that lies there already" setup --json "${IDS[@]}" --secret-file "$WORK/conf/secrets/client-secret" "${TO_MOCK[@]}" "${HERE[@]}"
same "ready 0600" "$(jq -r .result "$WORK/out") 0$(stat -c %a "$WORK/conf/secrets/client-secret")" "the result"

# --- what cannot be right ---
new_case
good=("${IDS[@]}" --secret-file "$WORK/typed" "${TO_MOCK[@]}" "${HERE[@]}")
echo "$CLIENT_ID" >"$WORK/id"
: >"$WORK/empty"
refuses 2 "--tenant-id must be a GUID" "${good[@]}" --tenant-id contoso.example
refuses 2 "--client-id is the tenant's" "${good[@]}" --client-id "$TENANT"
refuses 2 "is a secret's ID, not its Value" "${good[@]}" --secret-file "$WORK/id"
refuses 2 "$WORK/empty is empty" "${good[@]}" --secret-file "$WORK/empty"
refuses 2 "$WORK/none: No such file" "${good[@]}" --secret-file "$WORK/none"
refuses 2 "--client-id is missing, and there is no terminal to ask on" --tenant-id "$TENANT" --secret-file "$WORK/typed" "${HERE[@]}"
refuses 2 "--name must be" "${good[@]}" --name $'x]\n[connector'
refuses 2 "--cloud must be one of" "${good[@]}" --cloud mars
refuses 2 "unknown key \"clowd\"" "${good[@]}" --set clowd=china
refuses 2 "ca_file: names a file that cannot be read" "${good[@]}" --set "ca_file=$WORK/none"
refuses 2 "--set must be one line" "${good[@]}" --set $'cloud=dod\n[x]'
refuses 2 "--secrets-dir does" "${good[@]}" --set "client_secret_file=$WORK/typed"
refuses 2 "there is no user nobody-knows-him" "${good[@]}" --user nobody-knows-him
refuses 3 "cannot make the directory" "${good[@]}" --secrets-dir "$WORK/none/secrets"
refuses 3 "cannot make the directory" "${good[@]}" --set "journal:path=$WORK/typed/journal.db"
piped() { setup --secret-file - "$@" <"$WORK/typed"; }
exits 0 "a secret from standard input" piped "${IDS[@]}" "${TO_MOCK[@]}" "${HERE[@]}"

# --- on a terminal ---
typed() { # CODE WHAT [PROMPT KEYS]… -- OPTIONS…
    local code=$1 what=$2
    shift 2
    local script=()
    while [ "$1" != -- ]; do script+=("$1") && shift; done
    shift
    exits "$code" "$what" tests/support/on_terminal.py "${script[@]}" -- \
        "$BUILD/bin/intune-scepctl" setup -c "$WORK/conf/connector.conf" "${TO_MOCK[@]}" "${HERE[@]}" "$@"
}
ASKED=("tenant) ID: " "$TENANT\n" "client) ID: " "$CLIENT_ID\n")
new_case
typed 0 "typed" "tenant) ID: " "contoso\n" "This must be a GUID" "" "${ASKED[@]}" "is not shown): " "$CLIENT_ID\n" \
    "This is a secret's ID" "" "not shown): " "$SECRET\n" "client-secret? [Y/n]" "\n" --
says "All is well"
same "$SECRET" "$(cat "$WORK/conf/secrets/client-secret")" "the typed secret"
new_case
empty=$(picture)
typed 1 "Ctrl-C in the middle of the secret" "${ASKED[@]}" "is not shown): " "abc\x03" --
says "nothing was written"
same "$empty" "$(picture)" "what is there"
for signal in "129 SIGHUP" "130 SIGINT" "131 SIGQUIT" "138 SIGUSR1" "142 SIGALRM" "143 SIGTERM" "152 SIGXCPU" "192 SIGRTMAX"; do
    typed "${signal% *}" "${signal#* } in the middle of the secret" "${ASKED[@]}" "is not shown): " "abc<${signal#* }>" --
    same "$empty" "$(picture)" "what is there"
done
typed 130 "Ctrl-C at a question" "tenant) ID: " "111\x03" --
same "$empty" "$(picture)" "what is there"
typed 1 "the end of the input" "tenant) ID: " "\x04" --
same "$empty" "$(picture)" "what is there"
typed 1 "no" "${ASKED[@]}" "is not shown): " "$SECRET\n" "[Y/n]" "n\n" --
same "$empty" "$(picture)" "what is there"
typed 0 "--yes, and --secret-file - on a terminal" "${ASKED[@]}" "is not shown): " "$SECRET\n" -- --yes --secret-file - --json
same "ready" "$(sed -n '/^{/,$p' "$WORK/out" | jq -r .result)" "the result"
# Stopped, the shell has a terminal that shows what is typed, and finds nothing of the secret there; going on, it asks once more, but
# in front only.
for signal in SIGTSTP SIGTTIN SIGTTOU; do
    new_case
    # shellcheck disable=SC2016 # for the inner shell
    exits 0 "stopped by $signal in the middle of the secret" tests/support/on_terminal.py "${ASKED[@]}" "is not shown): " "abc<$signal>" \
        "stopped by TTOU in the background" "of the shell\n" "is not shown): " "$SECRET\n" -- \
        bash -mc '"$0" "$@" || stty -a; bg; wait %1 || echo "stopped by $(kill -l $?) in the background"
            stty -a; IFS= read -r line; echo "The shell reads: $line"; fg' \
        "$BUILD/bin/intune-scepctl" setup --yes -c "$WORK/conf/connector.conf" "${TO_MOCK[@]}" "${HERE[@]}"
    says "The shell reads: of the shell"
    same 2 "$(grep -c '[^-]\becho ' "$WORK/out")" "how often the terminal shows what is typed"
    says "All is well"
    same "$SECRET" "$(cat "$WORK/conf/secrets/client-secret")" "the typed secret"
done
# Blocked by who has started setup, it does not interrupt at all, and the question is there once.
new_case
exits 0 "SIGTERM, which is blocked" tests/support/on_terminal.py "${ASKED[@]}" "is not shown): " "abc<SIGTERM>" "" "\x15$SECRET\n" -- \
    env --block-signal=TERM "$BUILD/bin/intune-scepctl" setup --yes -c "$WORK/conf/connector.conf" "${TO_MOCK[@]}" "${HERE[@]}"
same 1 "$(grep -c "is not shown): " "$WORK/out")" "how often it asks"
same "$SECRET" "$(cat "$WORK/conf/secrets/client-secret")" "the typed secret"

# --- consent is missing: it stays, and says what to do ---
new_case
mock_admin PUT "/tenants/$TENANT" '{"intuneRole":false}' >/dev/null
exits 1 "without consent" setup "${good[@]}"
says "then Grant admin consent"
says "What was written stays. Mend what it names, then:"
says "intune-scepctl -c $WORK/conf/connector.conf doctor"
[ -f "$WORK/conf/connector.conf" ] || fail "the configuration is gone"
mock_admin PUT "/tenants/$TENANT" '{}' >/dev/null
exits 0 "with consent doctor finds nothing any more" "$BUILD/bin/intune-scepctl" -c "$WORK/conf/connector.conf" doctor
! grep -q "copy of its last start" "$WORK/out" || fail "a file that is named by its path is read anew, not copied"

# --- as root of a machine: /etc, /run and /var/lib are its own, systemctl is a stand-in that keeps a record ---
machine=$WORK/machine
mkdir -p "$machine/etc" "$machine/run" "$machine/lib" "$machine/bin"
cp -a /etc/. "$machine/etc" 2>/dev/null || true # not what only root may read
rm -rf "$machine/etc/intune-scep"
cp "$WORK/mock/ca.pem" "$machine/etc/mock-ca.pem"
chmod 0644 "$machine/etc/mock-ca.pem"
chmod 0711 "$WORK"
cp "$BUILD/bin/intune-scepd" "$machine/bin"
cat >"$machine/bin/systemctl" <<TEXT
#!/bin/sh
echo "\$*" >>"$WORK/systemctl.log"
exit \${SYSTEMCTL:-0}
TEXT
chmod +x "$machine/bin/systemctl"
namespace=(unshare -rm)
id=0
[ "$(id -u)" != 0 ] || { namespace=(unshare -m) && id=64990; }
for file in passwd group; do
    sed -i '/^intune-scep:/d' "$machine/etc/$file"
done
# shellcheck disable=SC2016 # for the inner shell
enter=("${namespace[@]}" bash -euc 'for at in etc run var/lib; do mount --bind "$0/${at##*/}" "/$at"; done
    PATH=$0/bin:$PATH exec "$@"' "$machine")
on_machine() { "${enter[@]}" "$@"; }
root_setup() { on_machine "$BUILD/bin/intune-scepctl" setup "${IDS[@]}" --secret-file "$WORK/typed" "${TO_MOCK[@]:0:6}" --set ca_file=/etc/mock-ca.pem "$@"; }
new_machine() {
    rm -rf "${machine:?}/etc/intune-scep" "${machine:?}/run/"* "${machine:?}/lib/"* "$WORK/systemctl.log"
    : >"$WORK/systemctl.log"
}

new_machine
exits 2 "root, and the package is not installed" root_setup
says "there is no user intune-scep"
[ ! -e "$machine/etc/intune-scep" ] || fail "something was written"
echo "intune-scep:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$machine/etc/passwd"
echo "intune-scep:x:$id:" >>"$machine/etc/group"

new_machine
mkdir -p "$machine/run/systemd/system"
exits 0 "under systemd" root_setup
same "enable intune-scepd restart intune-scepd" "$(xargs <"$WORK/systemctl.log")" "what systemd was told"
says "The connector runs"
same "0750 0:$id 0640 0:$id 0700 0:0 0600 0:0" "$(on_machine stat -c '0%a %u:%g' /etc/intune-scep /etc/intune-scep/connector.conf \
    /etc/intune-scep/secrets /etc/intune-scep/secrets/client-secret | xargs)" "rights"
grep -qx 'client_secret_file = credential:secrets_client-secret' "$machine/etc/intune-scep/connector.conf" ||
    fail "the unit's credential is not used"
same "" "$(ls "$machine/lib")" "what is systemd's to make"
exits 0 "root reads the unit's credential at its source" on_machine "$BUILD/bin/intune-scepctl" config check
exits 0 "and so does doctor" on_machine "$BUILD/bin/intune-scepctl" doctor
says "A running connector has the copy of its last start:"
exits 2 "the daemon does not" on_machine "$BUILD/bin/intune-scepd" -c /etc/intune-scep/connector.conf --check
says "systemd has given us none"
says "intune-scepctl config check looks at the file itself"
mkdir "$machine/run/credentials"
cp "$WORK/client-secret" "$machine/run/credentials/secrets_client-secret"
exits 0 "it reads what systemd hands over" on_machine env CREDENTIALS_DIRECTORY=/run/credentials \
    "$BUILD/bin/intune-scepd" -c /etc/intune-scep/connector.conf --check

new_machine
mkdir -p "$machine/run/systemd/system"
exits 0 "--no-start" root_setup --no-start
same "" "$(cat "$WORK/systemctl.log")" "what systemd was told"
says "systemctl enable --now intune-scepd"
SYSTEMCTL=1 exits 1 "systemd cannot start it" root_setup --force
says "journalctl -u intune-scepd says why"
new_machine
mkdir -p "$machine/run/systemd/system"
mock_admin PUT "/tenants/$TENANT" '{"graphRole":false}' >/dev/null
exits 1 "nothing is started that cannot work" root_setup
same "" "$(cat "$WORK/systemctl.log")" "what systemd was told"
mock_admin PUT "/tenants/$TENANT" '{}' >/dev/null

new_machine
exits 0 "without systemd" root_setup
same "0710 0:$id 0600 $id:$id 0700 $id:$id 0750 $id:$id" "$(on_machine stat -c '0%a %u:%g' /etc/intune-scep/secrets \
    /etc/intune-scep/secrets/client-secret /var/lib/intune-scep /run/intune-scep | xargs)" "rights"
if [ "$id" != 0 ]; then
    # The package's is there already, and root's alone: it is opened, but not for a configuration that is refused.
    new_machine
    rights() { on_machine stat -c '0%a %u:%g' "$1"; }
    install -d -m 0755 "$machine/etc/intune-scep"
    install -d -m 0700 "$machine/etc/intune-scep/secrets"
    exits 2 "the draft is refused" root_setup --set clowd=china
    same "0700 0:0" "$(rights /etc/intune-scep/secrets)" "the package's directory"
    exits 0 "the package's directory is there" root_setup
    same "0710 0:$id" "$(rights /etc/intune-scep/secrets)" "the package's directory"
    # Any other is not setup's to change.
    new_machine
    install -d -m 0700 "$machine/lib/mine"
    exits 3 "a directory that the user may not search" root_setup --secrets-dir /var/lib/mine
    says "the connector's user intune-scep may not search it"
    same "0700 0:0" "$(rights /var/lib/mine)" "somebody's directory"
    [ ! -e "$machine/etc/intune-scep" ] || fail "something was written"
    chmod 0755 "$machine/lib/mine"
    exits 0 "a directory that the user may search" root_setup --secrets-dir /var/lib/mine
    same "0755 0:0" "$(rights /var/lib/mine)" "somebody's directory"
    new_machine
    exits 0 "without systemd, again" root_setup
    read -ra command < <(grep -m1 'runuser -u intune-scep -- ' "$WORK/out" | sed "s|[^ ]*/intune-scepd|$machine/bin/intune-scepd|")
    start by_hand "${enter[@]}" "${command[@]}"
    wait_until 20 "the start by hand" on_machine curl -sS --fail --unix-socket /run/intune-scep/connector.sock http://connector/readyz
    ok "the command that it names starts the connector, as its own user"
fi

new_case
# shellcheck disable=SC2016 # for the inner shell
exits 3 "a full disk" "${namespace[@]}" bash -euc 'mount -t tmpfs -o size=4k tmpfs "$0"
    head -c 4096 /dev/zero >"$0/fills-it"
    status=0
    "$@" || status=$?
    find "$0" -mindepth 1 -printf "left: %P\n"
    exit $status' "$WORK/conf" "$BUILD/bin/intune-scepctl" setup -c "$WORK/conf/connector.conf" "${good[@]}"
says "No space left on device"
same "left: fills-it" "$(grep '^left' "$WORK/out")" "what is on the disk"

# --- and no secret was ever shown ---
! grep -qF -e "$SECRET" -e another-secret "$WORK/said" || fail "a secret was printed"
ok "no secret was printed"
