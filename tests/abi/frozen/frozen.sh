#!/usr/bin/env bash
# The interfaces that strangers are compiled for are what they were when they were committed: frozen.sh libiscep | plugin.
# abidiff sees functions, structs and enums in today's build; the preprocessor sees the values of macros.
# frozen.sh --update writes today's as the baseline: for an addition, after its minor version and its "Since" were written.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/../../.."
BUILD=${BUILD:-build}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/iscep.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
failed=0
complain() {
    echo "abi: $1"
    failed=1
}

[ "$(uname -m)" = x86_64 ] || { echo "abi: the baselines are x86-64's"; exit 77; }
[ -e "$BUILD/lib/libiscep.so" ] || { echo "abi: $BUILD has no libiscep"; exit 1; }
readelf -S "$BUILD/lib/libiscep.so" | grep '\.debug_info' >/dev/null || { echo "abi: a build without debug information"; exit 77; }

# --- one interface: NAME of its baseline, its header (and what else is in its macros), the modules that have it ---
choose() { # libiscep | plugin
    case $1 in
    libiscep) NAME=libiscep-1 HEADER=iscep/client.h PREFIX=ISCEP_ MODULES=(libiscep.so) ;;
    plugin) NAME=scep_plugin-1 HEADER=scep_plugin.h PREFIX=SCEP_ MODULES=(scep_intune.so scep_intune_direct.so) ;;
    *) exit 2 ;;
    esac
}

# What a module offers: whatever its exported functions lead to, but for types that INCLUDE_DIRECTORY only names.
describe() { # MODULE INCLUDE_DIRECTORY
    abidw --exported-interfaces-only --headers-dir "$2" --drop-private-types --no-comp-dir-path --no-corpus-path --no-show-locs \
        --no-elf-needed --no-parameter-names --type-id-style hash "$1" | sed "s|path='$PWD/|path='|"
}

macros() { # INCLUDE_DIRECTORY
    echo "#include \"$HEADER\"" | cc -E -dM -I"$1" - | grep "^#define $PREFIX" | grep -v '_H $' | LC_ALL=C sort
}

# differs OLD NEW: descriptions; what abidiff says is in $WORK/said.
differs() {
    local status=0
    abidiff --harmless --redundant "$1" "$2" >"$WORK/said" 2>&1 || status=$?
    # bits: 1 and 2 a mistake of its own or ours, 4 a change, 8 an incompatible one
    if [ $status -ge 16 ] || [ $((status & 3)) != 0 ]; then
        complain "abidiff itself failed ($status): $(cat "$WORK/said")"
    fi
    [ $status != 0 ]
}

update() {
    describe "$BUILD/lib/${MODULES[0]}" include >"$HERE/$NAME.abi"
    macros include >"$HERE/$NAME.macros"
    echo "abi: $NAME is what $BUILD has"
}

check() {
    local module
    for module in "${MODULES[@]}"; do
        [ -e "$BUILD/lib/$module" ] || continue
        describe "$BUILD/lib/$module" include >"$WORK/today.abi"
        if differs "$HERE/$NAME.abi" "$WORK/today.abi"; then
            cat "$WORK/said"
            complain "$module is not what $NAME.abi says. What strangers were compiled for may not change. If this only adds to it:
     raise the minor version, write \"Since\" in the header, then ./dev abi-baseline"
        fi
    done
    if ! diff -u "$HERE/$NAME.macros" <(macros include); then
        complain "a macro of $HEADER is not what $NAME.macros says (./dev abi-baseline, if it was added)"
    fi
}

# --- and it would be noticed ---

# What a module is that has nothing but its header, which may be a planted one.
describe_header() { # INCLUDE_DIRECTORY
    cc -g -fPIC -shared -I"$1" -o "$WORK/interface.so" "$HERE/interface.c" || complain "the plant does not compile"
    describe "$WORK/interface.so" "$1" >"$WORK/interface.abi"
}

plant() { # WHAT SED_EXPRESSION
    rm -rf "$WORK/include"
    cp -r include "$WORK/include"
    sed -i "$2" "$WORK/include/scep_plugin.h"
    ! cmp -s include/scep_plugin.h "$WORK/include/scep_plugin.h" || complain "nothing was planted: $1"
    describe_header "$WORK/include"
}

notices_planted_structs() {
    local what expression
    describe_header include
    ! differs "$HERE/$NAME.abi" "$WORK/interface.abi" || complain "interface.c alone differs: $(cat "$WORK/said")"
    while IFS='|' read -r what expression; do
        plant "$what" "$expression"
        differs "$HERE/$NAME.abi" "$WORK/interface.abi" || complain "not noticed: $what"
    done <<'PLANTS'
a member in the middle of scep_answer|s/^    uint32_t retry_after_ms;/    uint32_t planted;\n&/
a member at the end of scep_answer|s/^} scep_answer;/    size_t planted;\n&/
a function in the middle of the table|s/^    void (\*close)(/    void (*planted)(void);\n&/
a wider member of scep_request|s/^    uint32_t message_type;/    uint64_t message_type;/
another argument of a host's callback|s/^    int32_t (\*revoke)(void \*user, /&int32_t planted, /
PLANTS
    plant "another value of a verdict" 's/0x414C4C4F/1/'
    ! diff <(macros include) <(macros "$WORK/include") >/dev/null || complain "not noticed: another value of a verdict"
}

# Seen from the other side: a baseline that was otherwise, and today's library.
notices_planted_history() {
    local what expression
    while IFS='|' read -r what expression; do
        sed "$expression" "$HERE/$NAME.abi" >"$WORK/planted.abi"
        ! cmp -s "$HERE/$NAME.abi" "$WORK/planted.abi" || complain "nothing was planted: $what"
        differs "$WORK/planted.abi" "$WORK/today.abi" || complain "not noticed: $what"
    done <<'PLANTS'
a function that is gone|s/iscep_client_failed_begin/iscep_client_gone/
another value in an enum|s/name='ISCEP_RETRY' value='1'/name='ISCEP_RETRY' value='3'/
a value that was added to an enum|/name='ISCEP_NOMEM'/d
another symbol version|s/ISCEP_1.0/ISCEP_0.9/
a narrower text of a verdict|s,size-in-bits='4096' id=,size-in-bits='2048' id=,; s,length='512',length='256',
PLANTS
}

if [ "${1:-}" = --update ]; then
    for interface in libiscep plugin; do
        choose $interface
        update
    done
    exit 0
fi
choose "${1:-}"
check
if [ $NAME = libiscep-1 ]; then notices_planted_history; else notices_planted_structs; fi
exit $failed
