#!/usr/bin/env bash
# rootfs.sh INSTALLED ROOT: lays out in the new directory ROOT what a container of the connector has, and nothing else: the two
# programs of INSTALLED (what cmake --install made, with usr/ in it), the libraries that they load with their loader, the CAs of
# the public web, and a few lines in /etc. No shell, no package manager. For a Debian whose libraries the programs were built with.
# Who brought a file is written beside it as distroless images do (/var/lib/dpkg/status.d), so that scanners find what is in there.
set -euo pipefail
[ $# = 2 ] || { echo "usage: rootfs.sh INSTALLED ROOT" >&2; exit 2; }
INSTALLED=$1 ROOT=$2
HERE=$(dirname "$(realpath "$0")")
export LC_ALL=C
programs=(usr/sbin/intune-scepd usr/bin/intune-scepctl)

umask 022
mkdir -p "$ROOT"/{dev,proc,sys,tmp,run/intune-scep,run/secrets,var/lib/intune-scep,var/lib/dpkg/status.d,etc/intune-scep,etc/ssl/certs,usr/bin,usr/sbin,usr/lib,usr/lib64}
chmod 1777 "$ROOT/tmp"
chmod 0750 "$ROOT/run/intune-scep"
chmod 0700 "$ROOT/var/lib/intune-scep"
for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$ROOT/$directory"; done

# --- the programs, and what they load ---
for program in "${programs[@]}"; do
    install -m 0755 "$INSTALLED/$program" "$ROOT/$program"
done
# "libfoo.so.1 => /lib/…/libfoo.so.1 (0x…)", and the loader alone: "/lib64/ld-linux-x86-64.so.2 (0x…)"
needed=$(cd "$INSTALLED" && ldd "${programs[@]}")
if grep 'not found' <<<"$needed"; then exit 1; fi
mapfile -t libraries < <(sed -nE 's,^\s*(.* => )?(/[^ ]+) \(0x.*,\2,p' <<<"$needed" | sed 's,^/usr/,/,' | sort -u)

# Debian knows a file of /usr/lib by that name or by its old one, without /usr. "libc6:amd64: /lib/…/libc.so.6"
declare -A owner_of=()
while IFS= read -r line; do
    path=/${line#*: /}
    owner_of[/usr${path#/usr}]=${line%%: /*}
done < <(realpath "${libraries[@]}" | sed 'p; s,^/usr,,' | xargs dpkg-query -S 2>/dev/null || true)

declare -A md5sums=([ca-certificates]='')
for library in "${libraries[@]}"; do
    file=$(realpath "$library")
    owner=${owner_of[/usr${file#/usr}]:-}
    [ -n "$owner" ] || { echo "rootfs.sh: $library is no Debian package's file" >&2; exit 1; }
    install -D -m "$(stat -c %a "$file")" "$file" "$ROOT/usr$library"
    md5sums[$owner]+="$(md5sum <"$file" | cut -d' ' -f1)  usr$library"$'\n'
done

# --- /etc ---
# The CAs as Debian has them, not as this machine's administrator does.
find /usr/share/ca-certificates/mozilla -name '*.crt' | sort | xargs cat >"$ROOT/etc/ssl/certs/ca-certificates.crt"
mkdir "$ROOT/usr/lib/ssl"
ln -s /etc/ssl/certs "$ROOT/usr/lib/ssl/certs"
ln -s /etc/ssl/certs/ca-certificates.crt "$ROOT/usr/lib/ssl/cert.pem"
ln -s /etc/ssl/openssl.cnf "$ROOT/usr/lib/ssl/openssl.cnf"
cp -r "$HERE/etc/." "$ROOT/etc"
sed -n '/^ID=/p; /^NAME=/p; /^PRETTY_NAME=/p; /^VERSION_ID=/p; /^VERSION_CODENAME=/p' /etc/os-release >"$ROOT/etc/os-release"
find "$ROOT/etc" -type f -exec chmod 0644 {} +

# --- who brought it ---
for owner in "${!md5sums[@]}"; do
    name=${owner%%:*}
    printf %s "${md5sums[$owner]}" >"$ROOT/var/lib/dpkg/status.d/$name.md5sums"
    install -D -m 0644 "/usr/share/doc/$name/copyright" "$ROOT/usr/share/doc/$name/copyright"
done
# A paragraph for each package, without what dpkg itself keeps in it.
dpkg-query -s "${!md5sums[@]}" | awk -v directory="$ROOT/var/lib/dpkg/status.d" '
    /^Package: / { file = directory "/" $2 }
    /^[^ ]/ { is_kept = !/^(Status|Conffiles):/ }
    is_kept && NF { print >file }'
install -D -m 0644 "$HERE/../../LICENSE" "$ROOT/usr/share/doc/intune-scep-connector/copyright"
