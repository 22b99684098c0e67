#!/usr/bin/env bash
# The container: what is in it, and that it works as docs/PACKAGES.md says it is run: as uid 65532, its root
# read-only, against the mock. Bubblewrap stands in for podman. Takes the programs of BUILD; packaging/container/build.sh takes its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
export SOURCE_DATE_EPOCH=1700000000
UID_IN_THERE=65532

install -D -s "$BUILD/bin/intune-scepd" "$WORK/installed/usr/sbin/intune-scepd"
install -D -s "$BUILD/bin/intune-scepctl" "$WORK/installed/usr/bin/intune-scepctl"
packaging/container/rootfs.sh "$WORK/installed" "$WORK/laid-out"
packaging/container/image.sh "$WORK/laid-out" 1.2.3 "$WORK"

# --- what is in it ---
ROOT=$WORK/root
mkdir "$ROOT"
tests/support/oci_unpack.py "$WORK/intune-scep-connector-1.2.3.oci.tar" "$ROOT" >"$WORK/image.json" || fail "no image layout"
same '["/usr/sbin/intune-scepd","-c","/etc/intune-scep/connector.conf"] 65532:65532 {"/run/intune-scep":{},"/var/lib/intune-scep":{}}' \
    "$(jq -cr '.config | "\(.Entrypoint) \(.User) \(.Volumes)"' "$WORK/image.json")" "what is run, as whom, and what is kept"
same "usr/bin/intune-scepctl usr/sbin/intune-scepd" \
    "$(cd "$ROOT" && find usr/bin usr/sbin -type f | sort | xargs)" "the programs"
same "" "$(cd "$ROOT" && find . -type f -perm /u+x ! -path './usr/*bin/*' ! -name '*.so*')" "what else can be executed"
same "" "$(cd "$ROOT" && find . -perm /6000)" "what is setuid"
same "" "$(cd "$ROOT" && find . ! -type l ! -path ./tmp -perm /022)" "what others may write"
if [ "$(id -u)" = 0 ]; then
    same "./run/intune-scep ./var/lib/intune-scep" "$(cd "$ROOT" && find . -uid $UID_IN_THERE | sort | xargs)" "what is the connector's own"
fi
while read -r package; do
    [ -s "$ROOT/usr/share/doc/$package/copyright" ] || fail "$package has no licence in the image"
done < <(sed -n 's/^Package: //p' "$ROOT"/var/lib/dpkg/status.d/*)
ok "$(du -sm "$ROOT" | cut -f1) MB: two programs, their libraries and licences; no shell, nothing setuid, nothing to write to"

# --- it runs ---
mock_start
mkdir -m 0755 "$WORK/etc" "$WORK/secrets"
mkdir -m 0750 "$WORK/run"
mkdir -m 0700 "$WORK/data"
cp "$WORK/mock/ca.pem" "$WORK/etc/ca.pem"
cp "$WORK/client-secret" "$WORK/secrets/secrets_client-secret"
configure() { # JOURNAL
    cat >"$WORK/etc/connector.conf" <<TEXT
[connector]
listen = unix:/run/intune-scep/connector.sock

[journal]
path = $1

$(mock_tenant | sed -e 's,= .*/client-secret$,= credential:secrets_client-secret,' -e 's,= .*/ca.pem$,= /etc/intune-scep/ca.pem,')
TEXT
}
# A process of uid 65532 outside, too, where that can be had.
as_user=()
if [ "$(id -u)" = 0 ]; then
    as_user=(setpriv "--reuid=$UID_IN_THERE" "--regid=$UID_IN_THERE" --clear-groups)
    chown $UID_IN_THERE:$UID_IN_THERE "$WORK/run" "$WORK/data" "$WORK/secrets"/*
    chmod 0711 "$WORK"
fi
chmod 0400 "$WORK/secrets"/*
contained() { # PROGRAM…
    exec "${as_user[@]}" bwrap --ro-bind "$ROOT" / --proc /proc --dev /dev --bind "$WORK/run" /run/intune-scep \
        --bind "$WORK/data" /var/lib/intune-scep --ro-bind "$WORK/etc" /etc/intune-scep --ro-bind "$WORK/secrets" /run/secrets \
        --unshare-user --unshare-pid --unshare-ipc --unshare-uts --uid $UID_IN_THERE --gid $UID_IN_THERE --cap-drop ALL --die-with-parent \
        --clearenv --setenv CREDENTIALS_DIRECTORY /run/secrets -- "$@"
}
for program in usr/sbin/intune-scepd usr/bin/intune-scepctl; do
    (contained "/$(readelf -l "$ROOT/$program" | sed -n 's,.*interpreter: /\(.*\)],\1,p')" --list "/$program") >"$WORK/list.log" 2>&1 ||
        fail "$program does not load"
    if grep "not found" "$WORK/list.log"; then fail "$program lacks libraries"; fi
done
configure /var/lib/intune-scep/journal.db
(contained /usr/bin/intune-scepctl doctor --json) >"$WORK/doctor.json" || fail "doctor: $(cat "$WORK/doctor.json")"
ok "doctor: all right, in there"

start connector contained /usr/sbin/intune-scepd -c /etc/intune-scep/connector.conf
ask() { curl -sS --max-time 30 --unix-socket "$WORK/run/connector.sock" "$@"; }
wait_until 20 "the connector's start" ask --fail http://connector/readyz
(contained /usr/bin/intune-scepctl nodes) >"$WORK/health.log" || fail "the health check"
[ "$(id -u)" != 0 ] || same "$UID_IN_THERE" "$(stat -c %u "$WORK/data/journal.db")" "who owns the journal"

challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
make_csr "$WORK/static" CN=dev dev.example a-static-password
validate() { # CSR
    ask -o "$WORK/verdict.json" -w '%{http_code}' -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: 1F2E3D' \
        --data-binary "@$1" http://connector/v1/validate
}
same 200 "$(validate "$WORK/good.der")" "an approved request: $(cat "$WORK/verdict.json")"
same 403 "$(validate "$WORK/static.der")" "another challenge: $(cat "$WORK/verdict.json")"
ok "one device allowed, one refused, through the socket"

# --- and only there ---
kill "$STARTED"
wait "$STARTED" || true
configure /usr/journal.db
status=0
(contained /usr/sbin/intune-scepd -c /etc/intune-scep/connector.conf) >"$WORK/outside.log" 2>&1 || status=$?
[ $status != 0 ] || fail "a journal in the image's root was opened"
grep -q "/usr/journal.db" "$WORK/outside.log" || fail "what is wrong with /usr/journal.db is not said"
ok "a journal outside of the volume is refused: the root is read-only"
