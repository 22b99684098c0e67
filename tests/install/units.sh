#!/usr/bin/env bash
# The systemd units: systemd understands every line, and what a service that is taken over could do is as little as promised.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Tenths of systemd-analyze's exposure level, of which the goal is 2.0.
MOST=15

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v systemd-analyze >/dev/null || { echo "systemd-analyze is missing"; exit 77; }

# verify wants the program, its man pages (another test's) and, of units that are not installed, their paths.
install -m 755 /bin/true "$work/intune-scepd"
sed -e "s|/usr/sbin/intune-scepd|$work/intune-scepd|" -e '/^Documentation=/d' packaging/systemd/intune-scepd.service >"$work/intune-scepd.service"
cp packaging/systemd/intune-scepd.socket "$work"

verify() { # what it says in found; nothing about what is right
    found=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$work/intune-scepd.service" "$work/intune-scepd.socket" 2>&1) && [ -z "$found" ]
}
verify || { echo "FAILED: systemd-analyze verify: $found"; exit 1; }
echo "ok  systemd understands the units"

exposure() { # UNIT: in tenths
    systemd-analyze security --offline=yes --no-pager "$1" | sed -n 's/.*Overall exposure level for [^:]*: \([0-9]*\)[.]\([0-9]\).*/\1\2/p' | sed 's/^0//'
}
level=$(exposure packaging/systemd/intune-scepd.service)
[ "${level:-999}" -le "$MOST" ] || { echo "FAILED: exposure $level tenths, more than $MOST"; exit 1; }
echo "ok  exposure $((level / 10)).$((level % 10)), at most $((MOST / 10)).$((MOST % 10))"

# Both would notice: a word that systemd does not know, and a protection that is gone.
sed -i 's/^ProtectSystem=.*/ProtectSystems=strict/' "$work/intune-scepd.service"
! verify || { echo "FAILED: a misspelt line goes unnoticed"; exit 1; }
[ "$(exposure "$work/intune-scepd.service" 2>/dev/null)" -gt "$level" ] || { echo "FAILED: a missing protection goes unnoticed"; exit 1; }
echo "ok  a misspelt line is noticed"

mkdir "$work/etc"
systemd-sysusers --root="$work" --replace=/usr/lib/sysusers.d/intune-scep.conf "$PWD/packaging/systemd/intune-scep.sysusers" >"$work/users" 2>&1 ||
    { echo "FAILED: systemd-sysusers: $(cat "$work/users")"; exit 1; }
grep -q '^intune-scep:.*:/var/lib/intune-scep:/usr/sbin/nologin$' "$work/etc/passwd" || { echo "FAILED: no user intune-scep"; exit 1; }
grep -q '^intune-scep:' "$work/etc/group" || { echo "FAILED: no group intune-scep"; exit 1; }
echo "ok  systemd-sysusers makes user and group"
