#!/usr/bin/env bash
# scep-plugin-check says of each plugin in tests/abi/plugins what is wrong with it, why, and nothing else.
# Usage: plugins.sh KIT DIRECTORY_OF_PLUGINS
set -euo pipefail
kit=$1
plugins=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    echo "FAILED: $*" >&2
    failed=1
}

# What is expected: the plugin, and the FAIL lines as glob patterns, in order; none for a good one.
declare -A expected=(
    [well_behaved]=''
    [well_behaved_blocking]=''
    [aborts]='answers: verify_request: crashed with SIGABRT'
    [accepts_any_major]='majors: entry of a host with major 0 returned 0, not SCEP_ERR_VERSION'
    [allows_garbage]='transaction_ids: verify_request, no transaction id: the verdict is ALLOW (0x414C4C4F)
message_types: verify_request, message_type 0: the verdict is ALLOW (0x414C4C4F)
garbage_requests: verify_request, no request: the verdict is ALLOW (0x414C4C4F)
huge_fields: verify_request, a request of 16 MiB: the verdict is ALLOW (0x414C4C4F)
threads: verify_request from a thread, without a transaction id, said ALLOW*
two_instances: verify_request from a thread, without a transaction id, said ALLOW*'
    [begin_blocks]='calls: begin_verify_request took 4??? ms; it had 0 ms, and 2000 ms are tolerated on top'
    [begin_keeps_input]='begin_copies: begin_verify_request, whose inputs are out of reach afterwards: crashed with SIGSEGV'
    [changes_process]='surroundings: it changed: environment locale directory umask'
    [changes_signals]='signals: it changed what the process does on SIGPIPE'
    [changes_size]="answer_bounds: verify_request made the answer's size 688: it is the host's"
    [crashes]='answers: verify_request: crashed with SIGSEGV'
    [deaf_descriptor]='call_descriptor: begin_verify_request: its descriptor is not readable 2000 ms after its 200 ms were over'
    [delivers_without_room]='room: verify_request said DELIVER to a host that has no room for a certificate'
    [dies_in_child]='fork_child: verify_request: did not return
fork_close: verify_request: did not return
fork_under_load: verify_request: did not return'
    [exits]='answers: verify_request: ended the process with exit status 3'
    [garbage_text]='texts: verify_request: answer.code has no NUL'
    [garbage_verdict]='calls: begin_notify_issued of a proper question ended with 77, not SCEP_OK
verdicts: verify_request answered 0x414C4C4E, which is no verdict
later_structs: notify_issued, a question of a later minor: returned 77, not SCEP_OK
transaction_ids: verify_request, no transaction id: the verdict is not DENY (0x414C4C4E)
threads: notify_issued from a thread returned 77, not SCEP_OK
two_instances: notify_issued from a thread returned 77, not SCEP_OK
fork_child: notify_issued in a forked child returned 77, not SCEP_OK'
    [half_nonblocking]='calls_whole: of the six functions of that form it has 5'
    [ignores_sizes]='small_structs: verify_request, too small a question: returned 0, not SCEP_ERR_USAGE'
    [ignores_unknown_key]='unknown_key: open with the key scep-plugin-check-no-such-key returned 0, not SCEP_ERR_CONFIG'
    [keeps_input]='inputs_returned: verify_request, after the inputs of the call before are out of reach: crashed with SIGSEGV'
    [late]='answers: verify_request took 3??? ms; it had 200 ms, and 2000 ms are tolerated on top'
    [leaks_descriptors]='descriptor_leak: 50 instances, opened and closed, have left 50 descriptors open'
    [leaks_threads]='thread_leak: 50 instances, opened and closed, have left 50 threads running
unload: *'
    [leaves_verdict]='begins_as_deny: verify_request, no transaction id: the verdict is what the host had there before'
    [missing_function]="table: the table's verify_request is NULL"
    [more_symbols]='symbols: it also exports log_line'
    [never_returns]='answers: verify_request: did not return'
    [no_entry]='load: it has no symbol scep_plugin_entry'
    [open_leaves_instance]='open_instance: open returned 3 with the instance set'
    [other_major]='table: entry accepted a host of major 1, and the table is of major 2
majors: entry refused a host of major 2, with a table of * bytes that says major 2'
    [pending_forever]='calls: finish of begin_verify_request is still SCEP_PENDING 2000 ms after its 200 ms were over'
    [prints]='quiet: it wrote * bytes to stdout or stderr'
    [spins]='call_idle: begin_verify_request: its descriptor is readable all the time, and finish is SCEP_PENDING'
    [takes_stdout]='standard_descriptors: after open it has descriptor 0, which the host had closed*'
    [unblocks_signals]="thread_signals: a thread of the plugin's has signals unblocked (SigBlk 0000000000000000)*"
    [unready_health]='health_state: health: DOWN without a code or without a message'
    [writes_beyond]='answer_bounds: verify_request wrote behind scep_answer, at byte 680'
)

check_one() { # NAME
    local status=0 lines patterns i
    "$kit" --config note=x --timeout-ms 200 "$plugins/$1.so" >"$work/$1.out" 2>&1 || status=$?
    mapfile -t lines < <(sed -n 's/^FAIL //p' "$work/$1.out")
    mapfile -t patterns < <([ -z "${expected[$1]}" ] || printf '%s\n' "${expected[$1]}")
    [ "$status" = $((${#patterns[@]} > 0)) ] || complain "$1: exit status $status"
    [ "${#lines[@]}" = "${#patterns[@]}" ] || complain "$1: ${#lines[@]} red, not ${#patterns[@]}"
    for i in "${!patterns[@]}"; do
        # shellcheck disable=SC2053 # a pattern on purpose
        [[ "${lines[i]:-}" == ${patterns[i]} ]] || complain "$1: \"${lines[i]:-}\", not \"${patterns[i]}\""
    done
    [ $failed = 0 ] || { cat "$work/$1.out" >&2; touch "$work/failed"; }
}

# Each plugin that is built is expected to do something. Most of the time is spent waiting: side by side.
for module in "$plugins"/*.so; do
    name=$(basename "$module" .so)
    [ -n "${expected[$name]+known}" ] || { complain "$name: nothing is expected of it here"; continue; }
    while [ "$(jobs -rp | wc -l)" -ge 6 ]; do wait -n; done
    check_one "$name" &
done
wait
for name in "${!expected[@]}"; do
    [ -f "$work/$name.out" ] || complain "$name: there is no such plugin"
done
[ $failed = 0 ] && [ ! -e "$work/failed" ]
echo "ok  ${#expected[@]} plugins"
