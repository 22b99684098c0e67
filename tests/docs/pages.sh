#!/usr/bin/env bash
# check_pages.py on all pages; and that it finds what is planted.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ctest --test-dir "$BUILD" -N | sed -n 's/^ *Test *#[0-9]*: //p' >"$work/tests"
check() { tests/docs/check_pages.py "$1" "$BUILD/bin/intune-scepctl" "$work/tests"; }

mkdir -p "$work/planted/docs"
cp dev "$work/planted/"
cat >"$work/planted/docs/PAGE.md" <<'TEXT'
# A "page" of `faults`, and more
[none](NONE.md) [itself](#a-page-of-faults-and-more) [nowhere](#nowhere) `[no link](NO.md)`
`intune-scepctl trance 8F2A61`, `intune-scepctl status`, `./dev build`, `./dev bild`
```sh
journalctl | intune-scepctl audit verify - | grep --frobnicate sound   # intune-scepctl frobnicate
intune-scepctl outbox list --dead; intune-scepctl outbox burn; \
    intune-scepctl outbox list --undead
intune-scepctl trace --limit
```
| what | shown by |
| --- | --- |
| one | `docs_pages`, `docs_phages` |
TEXT
cat >"$work/expected" <<'TEXT'
docs/PAGE.md:2: there is no #nowhere in PAGE.md
docs/PAGE.md:2: there is no NONE.md
docs/PAGE.md:3: ./dev has no verb bild
docs/PAGE.md:3: intune-scepctl has no command trance
docs/PAGE.md:5: intune-scepctl has no command frobnicate
docs/PAGE.md:7: intune-scepctl outbox has no burn
docs/PAGE.md:7: intune-scepctl outbox has no option --undead
docs/PAGE.md:8: intune-scepctl: --limit wants a value
docs/PAGE.md:12: there is no test docs_phages
TEXT
if check "$work/planted" >"$work/found"; then
    echo "check_pages.py finds nothing in a page of faults" >&2
    exit 1
fi
diff -u "$work/expected" "$work/found"
check .
