#!/usr/bin/env bash
# scep-plugin-check as a program: its exit statuses, and what it prints for people and for machines.
# Usage: kit.sh KIT DIRECTORY_OF_PLUGINS
set -euo pipefail
kit=$1
plugins=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# run STATUS ARGUMENT…: output to $work/out and $work/err.
run() {
    local want=$1 status=0
    shift
    "$kit" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = "$want" ] || fail "$*: exit status $status, not $want: $(cat "$work/out" "$work/err")"
}

run 0 --help
grep -q '^Usage: scep-plugin-check' "$work/out" || fail "--help"
run 0 --version
grep -qE '^scep-plugin-check [0-9.]+, ABI 1\.[0-9]+$' "$work/out" || fail "--version"

for wrong in "" "a.so b.so" "--no-such-option a.so" "--config novalue a.so" "--config =value a.so" "--timeout-ms 0 a.so" \
    "--timeout-ms 5s a.so" "--timeout-ms -1 a.so" "--only nothing $plugins/well_behaved.so" \
    "--request /nonexistent $plugins/well_behaved.so" "$work/no_such_file.so"; do
    # shellcheck disable=SC2086 # several words on purpose
    run 2 $wrong
    [ "$(wc -l <"$work/out") $(wc -l <"$work/err")" = "0 1" ] || fail "$wrong: not one line of complaint"
done
# What is wrong is named: "MESSAGE|ARGUMENTS".
for named in "--colour: no such option|--colour a.so" "-x: no such option|-xyz a.so" "--json: takes no value|--json=yes a.so" \
    "--config: its value is missing|--config" "--only nothing: |--only nothing $plugins/well_behaved.so" \
    "--request /nonexistent: No such file or directory|--request /nonexistent $plugins/well_behaved.so" \
    "$work/none.so: No such file or directory|$work/none.so" "--timeout-ms 5s: |--timeout-ms 5s a.so"; do
    # shellcheck disable=SC2086 # several words on purpose
    run 2 ${named#*|}
    grep -qF "scep-plugin-check: ${named%%|*}" "$work/err" || fail "not \"${named%%|*}\" but $(cat "$work/err")"
done

# Settings that the plugin refuses: nothing is wrong with it, and most is not known.
run 3 --config wrong=1 "$plugins/well_behaved.so"
grep -qx 'skip open: open says (3): unknown key: wrong' "$work/out" || fail "unopened"
grep -q 'behaved 1.0, ABI 1.0: unopened: ' "$work/out" || fail "unopened"

# A fault that is there all the same is said.
run 1 --config wrong=1 "$plugins/more_symbols.so"
run 1 "$work/../$(basename "$work")/err" # no ELF file
grep -q '^FAIL load: it cannot be loaded: ' "$work/out" || fail "no ELF file"

run 1 --only quiet "$plugins/prints.so"
[ "$(wc -l <"$work/out")" = 3 ] || fail "--only shows more than the one"
grep -q 'scep_plugin.h: "A plugin does not exit or abort, does not write to stdout' "$work/out" || fail "no promise"
run 0 --only table "$plugins/prints.so"
run 0 --json --only quiet "$plugins/well_behaved.so"

# Whoever starts it may have closed what is standard, or ignore that children end.
run 1 --only quiet "$plugins/prints.so" <&-
grep -q '^FAIL quiet: it wrote ' "$work/out" || fail "without stdin it does not see what is printed"
timeout 60 env --ignore-signal=CHLD "$kit" --only table "$plugins/well_behaved.so" >"$work/out" ||
    fail "with SIGCHLD ignored: $(cat "$work/out")"
run 1 --only threads "$plugins/crashes.so"
grep -q '^FAIL answers: ' "$work/out" || fail "what --only needs is red, and not shown"

run 1 --json "$plugins/never_returns.so"
jq -e '.name == "behaved" and .version == "1.0" and .abi == [1, 0] and .result == "failed" and .failed == 1
       and (.checks | length) == .ok + .failed + .skipped
       and (.checks[] | select(.outcome == "FAIL")
            | .check == "answers" and .reason == "verify_request: did not return"
              and .promise == "whoever waits for a plugin waits no longer than that")' "$work/out" >/dev/null ||
    fail "--json: $(cat "$work/out")"
run 0 --json --list
jq -e 'length > 50 and all(.check and .promise)' "$work/out" >/dev/null || fail "--json --list"

# A request of one's own: what is no request is allowed by no good plugin, and that is no fault of it.
printf 'no request' >"$work/request.der"
run 0 --request "$work/request.der" "$plugins/well_behaved.so"
echo "ok  scep-plugin-check as a program"
