#!/usr/bin/env bash
# The man pages: two formatters find nothing to complain of; every function that libiscep exports has one, as its header says; and
# programs and configuration have theirs, which say what the programs say.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
PAGES=$BUILD/packaging/man/man3
failed=0
complain() {
    echo "man: $1"
    failed=1
}

for page in "$BUILD"/packaging/man/man[1-8]/*.[1-8]; do
    mandoc -T lint -W warning "$page" || complain "mandoc: $page"
    warnings=$(groff -mandoc -Tutf8 -ww -z "$page" 2>&1) || true
    [ -z "$warnings" ] || complain "groff: $page: $warnings"
done
functions=0
while read -r function; do
    functions=$((functions + 1))
    [ -e "$PAGES/$function.3" ] || { complain "$function has no page"; continue; }
    mandoc -T ascii "$PAGES/$function.3" | col -b | grep "^     $function(" >/dev/null || complain "$function.3 does not show how to call it"
done < <(nm -D --defined-only "$BUILD/lib/libiscep.so" | sed -n 's/.* T \([a-z_]*\)@@.*/\1/p')
[ "$functions" = 10 ] || complain "$functions exported functions were looked at, not 10"
# What a page must not lose, of each kind: a value, a member with its comment, a callback's member, a section.
has() { # PAGE TEXT
    mandoc -T utf8 -O width=200 "$PAGES/$1.3" | col -b | tr -s ' \t' ' ' | grep -F -- "$2" >/dev/null || complain "$1.3 does not say: $2"
}
has iscep_decision "ISCEP_ALLOW = 0x414C4C4F"
has iscep_verdict "int64_t retry_after_ms"
has iscep_credential_options "required: a file (PEM, PKCS#12, TSS2), or a URI that provider understands"
has libiscep "FORK"
has scep_plugin "int32_t (*revoke)(void *user, const scep_revocation *revocation, scep_text *text)"
has scep_plugin "SCEP_VERDICT_ALLOW 0x414C4C4F"
tests/install/man_pages.py "$BUILD" || complain "man_pages.py"
# Facts of the build.
says() { # PAGE TEXT
    mandoc -T utf8 -O width=200 "$BUILD/packaging/man/man${1##*.}/$1" | col -b | grep -F -- "$2" >/dev/null || complain "$1 does not say: $2"
}
says scep_plugin.7 "version $(sed -n 's/^#define SCEP_PLUGIN_ABI_M[A-Z]*OR \([0-9]*\)u/\1/p' include/scep_plugin.h | paste -sd.)"
says intune-scepd.8 /share/doc/intune-scep-connector/CONNECTING.md
same_page=$(readlink "$BUILD/packaging/man/man1/intune-scep-csrverifier.1")
[ "$same_page" = intune-scepctl.1 ] || complain "intune-scep-csrverifier.1 leads to $same_page"
# The day of a page is that of what is built, and never today.
dated=$(SOURCE_DATE_EPOCH=86400 python3 -B packaging/man/page_parts.py packaging/man/intune-scep.7.in DOCDIR=/d | sed -n 's/^\.Dd //p')
[ "$dated" = "January 2, 1970" ] || complain "a page of the second day of 1970 is of $dated"
dated=$(env -u SOURCE_DATE_EPOCH python3 -B packaging/man/page_parts.py packaging/man/intune-scep.7.in DOCDIR=/d | sed -n 's/^\.Dd //p')
[ "$dated" = "November 22, 2026" ] || complain "a page of no day is of $dated"
exit $failed
