#!/usr/bin/env bash
# What `cmake --install` makes, in a directory that nobody was told of before: nothing in it knows where it was built, and a
# stranger's program finds libiscep by pkg-config and by CMake, as C and as C++, and asks the mock.
set -euo pipefail
cd "$(dirname "$0")/../.."
SOURCE=$PWD
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new

DESTDIR=$WORK/root cmake --install "$BUILD" --prefix /opt/iscep --strip >"$WORK/install.log" 2>&1 || fail "cmake --install"
ROOT=$WORK/root/opt/iscep
[ "$(ls "$WORK/root")" = opt ] || fail "installed outside its prefix: $(ls "$WORK/root")"
cached() { sed -n "s/^$1:[A-Z]*=//p" "$BUILD/CMakeCache.txt"; }
LIB=$ROOT/$(cached CMAKE_INSTALL_LIBDIR)
DOC=$ROOT/share/doc/intune-scep-connector

# --- what is there ---
for file in sbin/intune-scepd bin/intune-scepctl bin/intune-mock bin/scep-host include/scep_plugin.h include/iscep/{api,error,client}.h \
    lib/systemd/system/intune-scepd.{service,socket} lib/sysusers.d/intune-scep.conf share/man/man3/{libiscep,iscep_client_validate_begin,scep_plugin}.3 \
    bin/scep-plugin-check share/man/man1/{intune-scepctl,intune-scep-csrverifier,scep-plugin-check,intune-mock,scep-host}.1 \
    share/man/man5/connector.conf.5 share/man/man7/{intune-scep,scep_plugin}.7 share/man/man8/intune-scepd.8 \
    share/bash-completion/completions/intune-scepctl share/zsh/vendor-completions/_intune-scepctl \
    share/fish/vendor_completions.d/intune-scepctl.fish; do
    [ -s "$ROOT/$file" ] || fail "$file is not installed"
done
for plugin in scep_intune scep_intune_direct; do
    [ -s "$LIB/scep-plugins/$plugin.so" ] || fail "$plugin.so is not installed"
done
same intune-scepctl "$(readlink "$ROOT/bin/intune-scep-csrverifier")" "where intune-scep-csrverifier leads"
same libiscep.so.1 "$(readlink "$LIB/libiscep.so")" "where libiscep.so leads"
if find "$ROOT" -name 'test_*' -o -name 'iscep-bench' -o -name '*.a' | grep .; then
    fail "this is not for users"
fi
grep -qx "ExecStart=$(cached CMAKE_INSTALL_PREFIX)/sbin/intune-scepd -c .*" "$ROOT/lib/systemd/system/intune-scepd.service" ||
    fail "the unit starts another daemon: $(grep Exec "$ROOT/lib/systemd/system/intune-scepd.service")"
ok "everything for users is installed, and nothing else"

# --- what is in it ---
if grep -rlaF -e "$BUILD" -e "$SOURCE/" "$ROOT"; then fail "these know where they were built"; fi
while read -r elf; do
    if readelf -d "$elf" | grep -E '\((RPATH|RUNPATH)\)'; then fail "$elf looks for libraries where it was built"; fi
done < <(find "$ROOT/bin" "$ROOT/sbin" "$LIB" -type f \( -perm -u+x -o -name '*.so' -o -name '*.so.*' \))
same libiscep.so.1 "$(readelf -d "$LIB/libiscep.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" "libiscep's SONAME"
ok "no trace of the build directory, no RPATH; libiscep.so.1"

# --- its pages ---
tests/docs/check_pages.py "$ROOT" >"$WORK/links" || { cat "$WORK/links"; fail "links of installed pages lead nowhere"; }
if grep -rlaE '(^|[^/a-zA-Z])docs/[A-Za-z-]+\.md' "$ROOT"; then fail "these name a page as only the source has it"; fi
# What they name is there, though this prefix is not Debian's.
PREFIX=$(cached CMAKE_INSTALL_PREFIX)
grep -hoE "$PREFIX/[-A-Za-z0-9_./]*[A-Za-z0-9]" "$DOC"/{ALERTS,CONNECTING}.md "$DOC/examples/connector.conf" \
    "$ROOT"/share/intune-scep/*/* "$ROOT/lib/systemd/system/intune-scepd.service" | sort -u >"$WORK/named"
while read -r path; do
    [ -e "$ROOT${path#"$PREFIX"}" ] || fail "$path is named, and is not installed"
done <"$WORK/named"
for path in bin/intune-scepctl bin/intune-scep-csrverifier sbin/intune-scepd share/intune-scep share/intune-scep/grafana/intune-scep.json \
    share/doc/intune-scep-connector/ALERTS.md "$(cached CMAKE_INSTALL_LIBDIR)/scep-plugins/scep_intune.so"; do
    grep -qxF "$PREFIX/$path" "$WORK/named" || fail "nothing names $PREFIX/$path"
done
# The page's way to another place for the runbooks, with the rules that are installed.
rules=$ROOT/share/intune-scep/prometheus/intune-scep.rules.yml
command=$(sed -n "s|^ *\(sed -i '.*'\) /etc/prometheus/intune-scep.rules.yml\$|\1|p" "$DOC/ALERTS.md")
urls=$(grep -c 'runbook_url: ' "$rules")
sh -c "$command \"\$0\"" "$rules"
same "$urls" "$(grep -c 'runbook_url: https://wiki.example/scep/alerts#' "$rules")" "runbooks in another place"
rm "$DOC/OPERATIONS.md"
tests/docs/check_pages.py "$ROOT" >"$WORK/links" && fail "a page is missing, and check_pages.py finds nothing"
grep -q 'README.md:.*there is no OPERATIONS.md' "$WORK/links" || fail "not found: $(cat "$WORK/links")"
ok "links of installed pages lead to what is installed; programs and files name pages where they are"

# --- strangers' programs ---
export PKG_CONFIG_PATH=$LIB/pkgconfig
same 1.0 "$(pkg-config --modversion libiscep)" "libiscep's version for pkg-config"
same 1.0 "$(pkg-config --modversion scep-plugin)" "the plugin ABI's version for pkg-config"
same "$(realpath "$LIB/scep-plugins")" "$(realpath "$(pkg-config --variable=plugindir scep-plugin)")" "plugindir"
STRICT="-Wall -Wextra -Wpedantic -Werror"
# shellcheck disable=SC2046,SC2086 # several words each
{
    cc -std=c99 $STRICT "$DOC/examples/iscep_validate.c" $(pkg-config --cflags --libs libiscep) -o "$WORK/validate_pkgconfig"
    for standard in c++11 c++20; do
        c++ -x c++ -std=$standard $STRICT "$DOC/examples/iscep_validate.c" $(pkg-config --cflags --libs libiscep) -fsyntax-only
    done
    # the plugin's header stands alone
    cc -std=c11 -Wall -Wextra -Werror -c "$DOC/examples/plugin/may_issue.c" $(pkg-config --cflags scep-plugin) -o "$WORK/may_issue.o"
    for header in scep_plugin.h iscep/api.h iscep/error.h iscep/client.h; do
        echo "#include <$header>" | cc -std=c99 $STRICT -x c $(pkg-config --cflags libiscep) -fsyntax-only -
        echo "#include <$header>" | c++ -std=c++11 $STRICT -x c++ $(pkg-config --cflags libiscep) -fsyntax-only -
    done
}
ok "pkg-config: C99, C++11 and C++20, without a warning"

consumer() { # VERSION
    cmake -G Ninja -S tests/install/consumer -B "$WORK/consumer-$1" -DCMAKE_PREFIX_PATH="$ROOT" -DWANTED_VERSION="$1" \
        -DEXAMPLE="$DOC/examples/iscep_validate.c" >>"$WORK/consumer.log" 2>&1
}
consumer 1.0 || fail "find_package(iscep 1.0)"
cmake --build "$WORK/consumer-1.0" >>"$WORK/consumer.log" 2>&1 || fail "the consumer does not build"
if consumer 2.0 || consumer 1.1; then fail "a version that this is not was found"; fi
ok "CMake: find_package(iscep), C and C++; versions 1.1 and 2.0 are not found"

# --- that ask the mock ---
mock_start
challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
make_csr "$WORK/static" CN=dev dev.example a-static-password
# asks PROGRAM STATUS OUTPUT CSR [OPTION…]
asks() {
    local program=$1 want_status=$2 want=$3 csr=$4 status=0
    shift 4
    LD_LIBRARY_PATH=$LIB "$program" "$@" -u "$MOCK_URL" -c "$WORK/mock/ca.pem" "$TENANT" "$CLIENT_ID" "$WORK/client-secret" \
        4F2A "$csr" >"$WORK/out" 2>"$WORK/err" || status=$?
    same "$want_status" "$status" "$(basename "$program") $*: exit status ($(cat "$WORK/out" "$WORK/err"))"
    same "$want" "$(cut -d: -f1 "$WORK/out")" "$(basename "$program") $*"
    [ ! -s "$WORK/err" ] || fail "$(basename "$program") $*: on standard error: $(cat "$WORK/err")"
}
for program in "$WORK/validate_pkgconfig" "$WORK/consumer-1.0/validate_c" "$WORK/consumer-1.0/validate_cpp"; do
    asks "$program" 0 allow "$WORK/good.der"
    asks "$program" 0 allow "$WORK/good.der" -b
done
asks "$WORK/validate_pkgconfig" 1 "deny ChallengeDecodingError" "$WORK/static.der"
asks "$WORK/validate_pkgconfig" 1 "deny ChallengeDecodingError" "$WORK/static.der" -b
mock_fault '{"endpoint":"validate","kind":"status","status":403}'
asks "$WORK/validate_pkgconfig" 3 "retry intune_refused_us" "$WORK/good.der"
asks "$WORK/validate_pkgconfig" 3 "retry intune_refused_us" "$WORK/good.der" -b
mock_no_faults
asks "$WORK/validate_pkgconfig" 0 allow "$WORK/good.der"
ok "allow, deny and retry, waiting and by callback"

# --- and one that leaves in the middle ---
# shellcheck disable=SC2046
cc $(pkg-config --cflags libiscep) -o "$WORK/exits_at_work" tests/install/exits_at_work.c $(pkg-config --libs libiscep)
for ((i = 0; i < 40; i++)); do
    LD_LIBRARY_PATH=$LIB "$WORK/exits_at_work" "$MOCK_URL" "$WORK/mock/ca.pem" "$TENANT" "$CLIENT_ID" "$WORK/client-secret" \
        "$WORK/good.der" $((i * 2000)) || fail "a program that exits with a client at work: status $? (time $i)"
done
ok "40 programs exit with a client at work"
