#!/usr/bin/env bash
# scep-host with every misbehaving plugin of tests/abi/plugins that a host can survive: those that are no plugin for it are
# refused in words that say why; the others, one an endpoint and all in one host, cost their own endpoint and nothing else. No
# certificate comes of them, every device has an answer in time, and the host ends cleanly.
#
# What crashes, exits or aborts the process, or changes it (signals, stdout, descriptors), no host in the same process is safe
# from: that is what scep-plugin-check is for.
#
#   BUILD=DIR tests/abi/host_survives.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/stack.sh
. "$here/../support/stack.sh"
# shellcheck source=tests/support/clients.sh
. "$here/../support/clients.sh"

PLUGINS=$BUILD/lib/abi
TIMEOUT_MS=500
IN_TIME_S=20 # the plugin's time, the host's patience, and a machine that is busy

is_no_plugin() { # NAME WORDS
    ! "$BUILD/bin/scep-host" --plugin "$PLUGINS/$1.so" --state "$WORK/none" >"$WORK/refused.log" 2>&1 ||
        fail "$1 was taken for a plugin"
    grep -qF "$2" "$WORK/refused.log" || fail "$1: not in these words: $2"
    ok "$1 is refused: $2"
}

# --- each at an endpoint of its own ---

# With a form that does not block, and with the one that does. What each says of itself in the log, as an extended regular
# expression; no certificate may come of it.
declare -A words=(
    [event/never_returns]='answer_overdue endpoint=/event/never_returns'
    [event/late]='answer_overdue endpoint=/event/late|plugin_misbehaved .*endpoint=/event/late .*too late'
    [event/begin_blocks]='answer_overdue endpoint=/event/begin_blocks|plugin_misbehaved .*endpoint=/event/begin_blocks .*in its time'
    [event/deaf_descriptor]='plugin_misbehaved .*endpoint=/event/deaf_descriptor .*not answered in its time'
    [event/pending_forever]='plugin_misbehaved .*endpoint=/event/pending_forever .*has nothing to say'
    [event/garbage_verdict]='plugin_misbehaved .*endpoint=/event/garbage_verdict .*unknown verdict'
    [event/writes_beyond]='plugin_misbehaved .*endpoint=/event/writes_beyond .*wrote beyond the end'
    [event/delivers_without_room]='message_refused .*cannot be delivered'
    [blocking/never_returns]='answer_overdue endpoint=/blocking/never_returns'
    [blocking/late]='answer_overdue endpoint=/blocking/late|plugin_misbehaved .*endpoint=/blocking/late .*too late'
    [blocking/garbage_verdict]='plugin_misbehaved .*endpoint=/blocking/garbage_verdict .*unknown verdict'
    [blocking/writes_beyond]='plugin_misbehaved .*endpoint=/blocking/writes_beyond .*wrote beyond the end'
)
# These misbehave in ways that do not touch this host: they are asked, and what they allow is issued.
harmless=(event/garbage_text event/leaves_verdict event/accepts_any_major)

start_host() {
    local at options=()
    for at in "${!words[@]}" "${harmless[@]}"; do
        options+=(--endpoint "/$at" --plugin "$PLUGINS/${at#*/}.so" --plugin-timeout-ms "$TIMEOUT_MS"
            --plugin-form "${at%/*}")
    done
    start host "$BUILD/bin/scep-host" "${options[@]}" --endpoint /good --plugin "$PLUGINS/well_behaved.so" \
        --state "$WORK/host" --port-file "$WORK/host.port" --pending-retry-ms 100
    HOST_PID=$STARTED
    wait_until 60 "the host's start" test -s "$WORK/host.port"
    CA_FILE=$WORK/host/ca.pem
}

# asks AT OPTION…: a device at that endpoint, which does not wait for what is pending; its files are WORK/AT.*, its outcome
# WORK/AT.said.
asks() {
    local prefix=$WORK/$1 status=0
    timeout "$IN_TIME_S" pki --scep --url "http://127.0.0.1:$(cat "$WORK/host.port")/$1" --in "$WORK/device.key" \
        --dn "CN=$(basename "$1")" --password x --cacert-enc "$CA_FILE" --cacert-sig "$CA_FILE" --interval 1 \
        --maxpolltime 1 --outform pem >"$prefix.pem" 2>"$prefix.log" || status=$?
    echo "$status" >"$prefix.said"
}
has_certificate() { openssl verify -CAfile "$CA_FILE" "$WORK/$1.pem" >/dev/null 2>&1; }

good_goes_on() { # WHEN
    asks good
    has_certificate good || fail "the good endpoint has no certificate $1"
    ok "the other endpoint issues $1"
}

ask_all_at_once() {
    local at devices=()
    mkdir "$WORK/event" "$WORK/blocking"
    for at in "${!words[@]}" "${harmless[@]}"; do
        asks "$at" &
        devices+=($!)
    done
    good_goes_on "while all are asked"
    wait "${devices[@]}"
}

check_all() {
    local at
    for at in "${!words[@]}"; do
        [ "$(cat "$WORK/$at.said")" != 124 ] || fail "$at: no answer in time"
        ! has_certificate "$at" || fail "$at: a certificate"
        wait_until "$IN_TIME_S" "in the log, of $at: ${words[$at]}" grep -qE "${words[$at]}" "$WORK/host.log"
        ok "$at: no certificate, an answer in time, and said in the log"
    done
    for at in "${harmless[@]}"; do
        has_certificate "$at" || fail "$at: no certificate, though it was allowed"
    done
    LC_ALL=C
    ! grep -q '[^[:print:]]' "$WORK/host.log" || fail "control characters or worse are in the log"
    ok "what a plugin says is made safe to print"
    same 503 "$(curl -sS -o /dev/null -w '%{http_code}' -X POST --data-binary x \
        "http://127.0.0.1:$(cat "$WORK/host.port")/event/writes_beyond?operation=PKIOperation")" "after writes_beyond"
    ok "event/writes_beyond is out of service"
}

ends_cleanly() {
    kill -TERM "$HOST_PID"
    wait "$HOST_PID" || fail "the host ended with status $?"
    grep -q 'threads_abandoned endpoint=/blocking/never_returns' "$WORK/host.log" || fail "no word of the thread that is lost"
    ok "and the host ends, without the threads that do not come back"
}

stack_new
is_no_plugin no_entry 'does not export scep_plugin_entry'
is_no_plugin other_major 'the plugin speaks ABI 2.0, this host 1.0'
is_no_plugin missing_function 'the plugin lacks a function'
is_no_plugin half_nonblocking 'only some of the functions that do not block'
new_key "$WORK/device.key"
start_host
good_goes_on "before any of them is asked"
ask_all_at_once
check_all
good_goes_on "after all of them"
ends_cleanly
