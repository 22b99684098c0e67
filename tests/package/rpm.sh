#!/usr/bin/env bash
# The RPMs. Without an argument: what can be said of the spec alone. rpm.sh DIRECTORY: what ./dev package rpm has made there, too.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
SPEC=packaging/rpm/intune-scep-connector.spec
PACKAGES="intune-scep-connector intune-scep-mock libiscep libiscep-devel scep-intune-plugin"

rpmspec -P "$SPEC" >"$WORK/spec" 2>"$WORK/spec.log" || fail "the spec cannot be parsed"
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
same "$version" "$(sed -n 's/^Version: *//p' "$SPEC")" "the spec's version and CMake's"
grep -q "^\* .* - $version-1\$" "$SPEC" || fail "the changelog has nothing of $version"
same "$PACKAGES" "$(rpmspec -q --qf '%{name}\n' "$SPEC" | sort | xargs)" "the packages"
same "$(sed -n 's/^pkg_check_modules(\([A-Z]*\) .*/\1/p' CMakeLists.txt | wc -l)" \
    "$(grep -cE '^BuildRequires: *(cjson|libcurl|libevent|libini_config|libpq|libseccomp|libxml2|sqlite|systemd)-devel' "$SPEC")" \
    "libraries that CMakeLists.txt looks for, and those that the spec requires"
lint() {
    rpmlint -c packaging/rpm/rpmlint.toml "$@" >"$WORK/rpmlint.log" 2>&1 || fail "rpmlint: $(cat "$WORK/rpmlint.log")"
    grep -q " 0 errors, 0 warnings" "$WORK/rpmlint.log" || fail "rpmlint: $(cat "$WORK/rpmlint.log")"
}
lint "$SPEC"
# Scriptlets are run as root, by any sh.
for section in pre post preun postun; do
    awk -v "section=%$section" '$0 == section { is_in = 1; next } /^(%|#)/ { is_in = 0 } is_in' "$WORK/spec" >"$WORK/$section.sh"
    [ -s "$WORK/$section.sh" ] || fail "there is no %$section"
    shellcheck -s sh -e SC2086 "$WORK/$section.sh" || fail "%$section"
done
ok "the spec: version $version, its packages and libraries; rpmlint finds nothing"

[ $# = 1 ] || exit 0
rpms=("$1"/*."$(uname -m)".rpm)
same "$PACKAGES" "$(rpm -qp --qf '%{name}\n' "${rpms[@]}" | sort | xargs)" "the packages that were built"
lint "$SPEC" "${rpms[@]}"
# A directory of ours that no package has stays when all are removed.
rpm -qp --qf '[%{filenames}\n]' "${rpms[@]}" | sort -u >"$WORK/owned"
same "" "$(sed 's,/[^/]*$,,' "$WORK/owned" | grep -E '/(intune-scep|intune-scep-connector|scep-plugins|iscep)(/|$)' | sort -u | comm -13 "$WORK/owned" -)" \
    "directories that are nobody's"
mkdir "$WORK/root"
same "" "$(rpm -qp --qf '[%{filenames}\n]' "${rpms[@]}" | grep -E '^/(etc/intune-scep|var/lib/intune-scep)/' | grep -v '/secrets$')" \
    "configuration or data that an upgrade would overwrite"
for rpm in "${rpms[@]}"; do
    rpm2archive - <"$rpm" | tar -xz --no-same-owner -C "$WORK/root"
done
if grep -rlE '/tmp/tmp\.|/rpm/BUILD' "$WORK/root"; then fail "these know where they were built"; fi
same "$version" "$(rpm -qp --qf '%{version}' "$1"/libiscep-"$version"-*.rpm)" "the library's version"
same "$(printf '%s\n' "drwx------ intune-scep intune-scep /var/lib/intune-scep" "drwx------ root root /etc/intune-scep/secrets" \
    "drwxr-x--- root intune-scep /etc/intune-scep")" \
    "$(rpm -qp --qf '[%{filemodes:perms} %{fileusername} %{filegroupname} %{filenames}\n]' "${rpms[@]}" |
        grep -E ' /(etc/intune-scep|var/lib)' | sort)" "the directories of the connector"
for program in "$WORK"/root/usr/{bin,sbin}/*; do
    "$program" --help >"$WORK/help" 2>&1 || fail "$program does not start"
    compgen -G "$WORK/root/usr/share/man/man[18]/${program##*/}.[18].gz" >/dev/null || fail "${program##*/} has no manual page"
done
"$WORK/root/usr/bin/scep-plugin-check" "$WORK"/root/usr/lib*/scep-plugins/scep_intune.so --list >/dev/null ||
    fail "the plugin's checks"
ok "${#rpms[@]} packages: rpmlint finds nothing, the programs start, nothing knows where it was built"
