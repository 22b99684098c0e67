#!/usr/bin/env bash
# What the Debian packages are made of, without building them: components that are complete and do not overlap, scripts that do what they
# say, and a quick start whose transcript is of its commands. The packages themselves are tried by ./dev package --try.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/package/quickstart.sh
. tests/package/quickstart.sh
stack_new
DEBIAN=packaging/debian

# --- one component a package, and nothing besides ---
component_of() { sed -n "s/^package_$1 = //p" "$DEBIAN/rules"; }
DESTDIR=$WORK/all cmake --install "$BUILD" --prefix /usr >"$WORK/install.log" 2>&1 || fail "cmake --install"
mapfile -t packages < <(sed -n 's/^Package: //p' "$DEBIAN/control")
same "intune-scep-connector libscep-intune-plugin libiscep1 libiscep-dev intune-scep-mock" "${packages[*]}" "the packages"
for package in "${packages[@]}"; do
    DESTDIR=$WORK/$package cmake --install "$BUILD" --prefix /usr --component "$(component_of "$package")" >>"$WORK/install.log" 2>&1 ||
        fail "no component for $package"
    (cd "$WORK/$package" && find . ! -type d) | LC_ALL=C sort >"$WORK/$package.files"
    [ -s "$WORK/$package.files" ] || fail "$package is empty"
done
same "" "$(cat "$WORK"/*.files | LC_ALL=C sort | uniq -d)" "what two packages have"
same "$(cd "$WORK/all" && find . ! -type d | LC_ALL=C sort)" "$(cat "$WORK"/*.files | LC_ALL=C sort)" "what all packages have"
has() { grep -qxE "./usr/$2" "$WORK/$1.files" || fail "$1 does not have $2"; }
has intune-scep-connector sbin/intune-scepd
has intune-scep-connector bin/intune-scepctl
has intune-scep-connector 'lib/systemd/system/intune-scepd\.service'
has intune-scep-connector 'share/doc/intune-scep-connector/OPERATIONS\.md'
has libscep-intune-plugin 'lib.*/scep-plugins/scep_intune\.so'
has libscep-intune-plugin bin/scep-plugin-check
has libiscep1 'lib.*/libiscep\.so\.1'
has libiscep-dev include/scep_plugin.h
has intune-scep-mock bin/intune-mock
has intune-scep-mock bin/scep-host
ok "${#packages[@]} packages have each file of an installation once"

# --- what is needed to build them ---
mapfile -t modules < <(sed -n 's/^pkg_check_modules([A-Z]* REQUIRED IMPORTED_TARGET \(.*\))/\1/p' CMakeLists.txt | tr ' ' '\n' | sed 's/[<>=].*//')
[ ${#modules[@]} -ge 10 ] || fail "CMakeLists.txt asks for ${#modules[@]} libraries"
needed=$(for module in "${modules[@]}"; do echo "$(pkg-config --variable=pcfiledir "$module")/$module.pc"; done | xargs dpkg -S | cut -d: -f1 | sort -u)
build_depends=$(sed -n '/^Build-Depends:/,/^[A-Z].*:/p' $DEBIAN/control | tr -s ', ' '\n' | sort -u)
same "" "$(comm -23 <(echo "$needed") <(echo "$build_depends") | xargs)" "libraries that Build-Depends does not name"

# --- what packages say of a library ---
node=$(sed -n 's/^\([A-Z]*_[0-9.]*\) {$/\1/p' connector/intune/libiscep.map)
same "(symver)$node" "$(sed -n 's/^ \((symver)[^ ]*\) .*/\1/p' $DEBIAN/libiscep1.symbols)" "the version of libiscep's symbols"

# --- the user, in two places ---
postinst=$DEBIAN/intune-scep-connector.postinst
read -r home shell gecos < <(sed -n 's/^u intune-scep - "\(.*\)" \([^ ]*\) *\([^ ]*\)$/\2 \3 \1/p' packaging/systemd/intune-scep.sysusers)
for word in "--home $home" "--shell ${shell:-/usr/sbin/nologin}" "--gecos \"$gecos\""; do
    grep -qF -- "$word" $postinst || fail "postinst makes another user than sysusers: not $word"
done

# --- preinst: no downgrade below the journal's tables ---
known=$(sed -n 's/^ *{.version = \([0-9]*\),.*/\1/p' connector/journal/schema_list.c | tail -n 1)
preinst_that_knows() { # VERSION
    sed -e "s/#SCHEMA#/$1/; s/#DEBHELPER#//" -e "s|/etc/intune-scep|$WORK/etc|; s|/var/lib/intune-scep|$WORK/lib|" \
        $DEBIAN/intune-scep-connector.preinst >"$WORK/preinst"
}
preinst_that_knows "$known"
mkdir "$WORK/etc" "$WORK/lib"
journal() { # FILE VERSION OLDEST
    rm -f "$1"
    sqlite3 "$1" "PRAGMA user_version = $2; PRAGMA application_id = $3; CREATE TABLE enrolment (id)"
}
comes() { # ARGUMENTS OF THE SCRIPT…: yes or no
    if sh "$WORK/preinst" "$@" >"$WORK/said" 2>&1; then echo yes; else echo no; fi
}
same yes "$(comes install)" "a first installation"
journal "$WORK/lib/journal.db" "$known" "$known"
same yes "$(comes upgrade 0.0.9-1)" "with a journal of this version"
journal "$WORK/lib/journal.db" 1 0
same yes "$(comes upgrade 0.0.1-1)" "with a journal of the first version"
journal "$WORK/lib/journal.db" $((known + 1)) "$known"
same yes "$(comes upgrade 9.9.9-1)" "with a newer journal that allows this version"
journal "$WORK/lib/journal.db" $((known + 300)) $((known + 300))
same no "$(comes upgrade 9.9.9-1)" "with a newer journal"
grep -q "they have version $((known + 300)), and this version of the connector knows them up to $known\. Install the version that wrote it" "$WORK/said" ||
    fail "the refusal does not say why: $(cat "$WORK/said")"
same no "$(comes install 9.9.9-1)" "after a removal that has left a newer journal"
same yes "$(comes abort-upgrade 9.9.9-1)" "when an upgrade to a newer version is undone"
journal "$WORK/lib/journal.db" $((known + 1)) 0
same no "$(comes upgrade 9.9.9-1)" "with a newer journal that names no oldest version"
echo "not a database" >"$WORK/lib/journal.db"
same yes "$(comes upgrade 0.0.9-1)" "with something that is no journal: that is for the daemon to say"
journal "$WORK/elsewhere.db" $((known + 1)) $((known + 1))
printf '[connector]\npath = /nowhere\n\n\t[journal]\nreport = strict\n\tpath\t=\t%s \t\r\n[tenant/contoso]\npath = /nowhere\n' "$WORK/elsewhere.db" \
    >"$WORK/etc/connector.conf"
same no "$(comes upgrade 9.9.9-1)" "with a newer journal where the configuration has it"

# The same of a journal that the daemon has made, and the daemon.
starts() { "$BUILD/bin/intune-scepd" -c "$WORK/connector.conf" >"$WORK/refused.log" 2>&1; }
MOCK_URL=https://localhost:1 # nobody is asked
mock_ca=$WORK/mock/ca.pem
mkdir "$WORK/mock" && openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/mock/ca.key" -subj /CN=nobody -out "$mock_ca" 2>"$WORK/openssl.log"
echo secret >"$WORK/client-secret"
connector_start
printf '[journal]\npath = %s\n' "$WORK/journal.db" >"$WORK/etc/connector.conf"
same yes "$(comes upgrade 0.0.9-1)" "with the daemon's own journal"
preinst_that_knows $((known - 1))
same no "$(comes upgrade 9.9.9-1)" "with the daemon's own journal while it runs, for a version before this"
preinst_that_knows "$known"
kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || fail "the daemon's end"
same "$known" "$(sqlite3 "$WORK/journal.db" 'PRAGMA user_version')" "the version of the daemon's journal"
sqlite3 "$WORK/journal.db" "PRAGMA user_version = $((known + 1)); PRAGMA application_id = $((known + 1))"
same no "$(comes upgrade 9.9.9-1)" "with the daemon's own journal, when a newer version has had it"
if starts; then fail "the daemon starts with a journal that it does not know"; fi
grep -q "the journal has schema version $((known + 1)), which needs a program of version $((known + 1)); this one knows up to $known: install" \
    "$WORK/refused.log" || fail "the daemon does not say why it does not start"
ok "a downgrade is refused exactly where the older version could not use the journal"

# --- the quick start ---
mapfile -t commands < <(quickstart_commands)
same 6 "${#commands[@]}" "the quick start's commands"
same "$(printf '# %s\n' "${commands[@]}")" "$(quickstart_transcript | grep '^# ')" "the commands of its transcript (./dev package --try --record)"
ok "the quick start has ${#commands[@]} commands, and a transcript of just these"
