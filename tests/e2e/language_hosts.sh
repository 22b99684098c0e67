#!/usr/bin/env bash
# The hosts of plugin/examples, in every language, with the real plugin, connector and mock: a certificate that is allowed and
# reported, a tampered request, a CA that fails, no connector, what is no plugin, a plugin of another major version, and a plugin
# whose answers look like a yes. All speak alike: the same arguments, lines and exit statuses.
#
#   BUILD=DIR tests/e2e/language_hosts.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
EXAMPLES=$PWD/plugin/examples
PLUGIN=$BUILD/lib/scep_intune.so

# --- the hosts, built as their first lines say ---

host_c() { "$WORK/minimal_host" "$@"; }
host_cpp() { "$WORK/cpp_host" "$@"; }
host_python() { python3 "$EXAMPLES/python/host.py" "$@"; }
host_perl() { perl "$EXAMPLES/perl/host.pl" "$@"; }
host_go() { "$WORK/go_host" "$@"; }
host_java() { java -XX:TieredStopAtLevel=1 -cp "/usr/share/java/jna.jar:$WORK" Host "$@"; }
build_c() {
    cc -Wall -Wextra -Werror -I include -o "$WORK/minimal_host" "$EXAMPLES/minimal_host.c" -ldl &&
        cc -Wall -Wextra -Werror -I include -o "$WORK/event_host" "$EXAMPLES/event_host.c" -ldl
}
build_cpp() { c++ -std=c++17 -Wall -Wextra -Werror -I include -o "$WORK/cpp_host" "$EXAMPLES/cpp/host.cpp" -ldl; }
build_python() { python3 -c "import ctypes"; }
build_perl() { perl -c "$EXAMPLES/perl/host.pl"; }
build_go() {
    (cd "$EXAMPLES/go" && GOCACHE=$BUILD/go-cache GOPATH=$WORK/go GOFLAGS=-buildvcs=false GOPROXY=off \
        CGO_CFLAGS="-O2 -I$OLDPWD/include" go build -o "$WORK/go_host" .)
}
build_java() {
    javac -cp /usr/share/java/jna.jar -d "$WORK" "$EXAMPLES/java/Host.java"
    # As one file, which takes longer, it is only asked how it is used.
    java -cp /usr/share/java/jna.jar "$EXAMPLES/java/Host.java" || [ $? = 2 ]
}

export PYTHONDONTWRITEBYTECODE=1
hosts=()
missing=()
has() { command -v "$1" >/dev/null; }
has_perl() { perl -MFFI::Platypus=2.00 -e1 2>/dev/null; }
has_java() { has javac && [ -f /usr/share/java/jna.jar ]; }
for entry in "c has cc" "cpp has c++" "python has python3" "perl has_perl" "go has go" "java has_java"; do
    read -r host toolchain <<<"$entry"
    # shellcheck disable=SC2086 # a command and its argument
    if $toolchain; then
        "build_$host" >"$WORK/build.log" 2>&1 || fail "the host in $host does not build"
        hosts+=("$host")
    else
        missing+=("$host")
    fi
done

# --- what they are asked ---

start_connector() {
    mock_start
    connector_configure
    sed -i "/^path = /a max_backoff_ms = 300" "$WORK/connector.conf"
    connector_start
}

# device NAME [SUBJECT]: NAME.der and NAME.crt, for a challenge that is for CN=NAME.
device() {
    local challenge
    challenge=$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")
    cp "$WORK/device.key" "$WORK/$1.key"
    make_csr "$WORK/$1" "${2:-CN=$1}" "$1.example" "$challenge"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$WORK/$1.crt" 2>>"$WORK/ca.log"
}

# asked STATUS LINES HOST ARGUMENT…: the exit status, and the words before the colon of each line.
asked() {
    local status=$1 lines=$2 host=$3 found=0
    shift 3
    "host_$host" "$@" >"$WORK/out" 2>"$WORK/err.log" || found=$?
    same "$lines" "$(sed 's/:.*//' "$WORK/out" | paste -sd,)" "what the host in $host said"
    same "$status" "$found" "exit status of the host in $host"
}

told() { # NAME success|failure: Intune was told of it, once
    mock_transactions | jq -e --arg id "$1" ".[] | select(.transactionId == \$id) | .$2 != null" >/dev/null
}

thumbprint_told() { mock_transactions | jq -r ".[] | select(.transactionId == \"$1\") | .success.fields.certificateThumbprint"; }

openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Hosts CA" -out "$WORK/ca.pem" 2>"$WORK/ca.log"
openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null
openssl genrsa -out "$WORK/other.key" 2048 2>/dev/null
start_connector

with_a_connector() { # HOST
    device "$1-good"
    asked 0 "allow Success,allow Success" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-good" "$WORK/$1-good.der" "$WORK/$1-good.crt"
    same "$(openssl x509 -inform DER -in "$WORK/$1-good.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" \
        "$(thumbprint_told "$1-good")" "what Intune was told by the host in $1"
    ! grep -q "not ready" "$WORK/err.log" || fail "the host in $1 says that it is not ready"

    device "$1-intern" CN=ceo
    asked 1 "deny SubjectNameMismatch" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-intern" "$WORK/$1-intern.der" "$WORK/$1-intern.crt"
    ! told "$1-intern" success || fail "a certificate was reported that was denied"

    device "$1-swapped"
    asked 1 "allow Success,deny certificate_key_mismatch" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-swapped" \
        "$WORK/$1-swapped.der" "$WORK/stranger.crt"

    device "$1-failed"
    asked 1 "allow Success,allow Success" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-failed" "$WORK/$1-failed.der" "$WORK/nowhere.crt"
    told "$1-failed" failure || fail "Intune was not told of the failure by the host in $1"
}

without_a_connector() { # HOST
    asked 3 "retry connector_unreachable" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-late" "$WORK/c-good.der" "$WORK/c-good.crt"
    grep -q "^not ready: connector_unreachable: " "$WORK/err.log" || fail "the host in $1 does not say that it is not ready"
    asked 1 "deny csr_missing" "$1" "$PLUGIN" "$WORK/connector.sock" "$1-late" "$WORK/nowhere.der"
    asked 2 "" "$1" "$PLUGIN" not/absolute "$1-late" "$WORK/c-good.der"
    grep -q "'not/absolute' is not an absolute path" "$WORK/err.log" || fail "the host in $1 does not say what open said"
}

with_what_is_no_plugin() { # HOST
    asked 2 "" "$1" "$PLUGIN.nowhere" "$WORK/connector.sock" id "$WORK/c-good.der"
    asked 2 "" "$1" "$WORK/c-good.der" "$WORK/connector.sock" id "$WORK/c-good.der"
    asked 2 "" "$1" "$BUILD/lib/abi/no_entry.so" "$WORK/connector.sock" id "$WORK/c-good.der"
    asked 2 "" "$1"
    asked 2 "" "$1" "$BUILD/lib/next_major.so" "$WORK/connector.sock" id "$WORK/c-good.der"
    grep -q "next_major 3.1 speaks version 2.7 of the ABI, this host 1.0$" "$WORK/err.log" ||
        fail "the host in $1 does not name both versions"
    asked 2 "" "$1" "$BUILD/lib/abi/other_major.so" "$WORK/connector.sock" id "$WORK/c-good.der"
    grep -q "speaks version 2.0 of the ABI, this host 1.0$" "$WORK/err.log" || fail "the host in $1 takes a table of major 2"
}

with_what_is_no_yes() { # HOST
    local answer
    for answer in close true deliver decline; do
        asked 1 "deny " "$1" "$BUILD/lib/almost_allow.so" "/$answer" id "$WORK/c-good.der" "$WORK/c-good.crt"
    done
    asked 1 "deny plugin_error" "$1" "$BUILD/lib/almost_allow.so" /error id "$WORK/c-good.der" "$WORK/c-good.crt"
    asked 3 "retry plugin_error" "$1" "$BUILD/lib/almost_allow.so" /shortage id "$WORK/c-good.der" "$WORK/c-good.crt"
    asked 1 "allow ,deny " "$1" "$BUILD/lib/almost_allow.so" /withheld id "$WORK/c-good.der" "$WORK/c-good.crt"
    asked 1 "allow ,allow " "$1" "$BUILD/lib/almost_allow.so" /withheld id "$WORK/c-good.der" "$WORK/nowhere.crt"
}

cp "$WORK/other.key" "$WORK/stranger.key"
openssl req -x509 -new -key "$WORK/stranger.key" -subj "/CN=stranger" -outform DER -out "$WORK/stranger.crt" 2>>"$WORK/ca.log"
for host in "${hosts[@]}"; do
    with_a_connector "$host"
    ok "$host: allow, deny with Intune's code, a swapped certificate, a failed CA"
done

# --- several requests at once, without waiting ---

event_c() { "$WORK/event_host" "$@"; }
event_python() { python3 "$EXAMPLES/python/async_host.py" "$@"; }

# asked_at_once STATUS LINES HOST ARGUMENT…: as asked; the lines in the order of the transaction ids.
asked_at_once() {
    local status=$1 lines=$2 host=$3 found=0
    shift 3
    "event_$host" "$PLUGIN" "$WORK/connector.sock" "$@" >"$WORK/out" 2>"$WORK/err.log" || found=$?
    same "$lines" "$(sed 's/:.*//' "$WORK/out" | LC_ALL=C sort | paste -sd,)" "what the $host host with an event loop said"
    same "$status" "$found" "exit status of the $host host with an event loop"
}

for host in c python; do
    several=()
    for number in 1 2 3; do
        device "$host-at-once-$number"
        several+=("$host-at-once-$number" "$WORK/$host-at-once-$number.der")
    done
    device "$host-at-once-4" CN=ceo
    asked_at_once 0 "$host-at-once-1 allow Success,$host-at-once-2 allow Success,$host-at-once-3 allow Success" "$host" "${several[@]}"
    asked_at_once 1 "$host-at-once-4 deny SubjectNameMismatch,unreadable deny csr_missing" "$host" \
        "$host-at-once-4" "$WORK/$host-at-once-4.der" unreadable "$WORK/nowhere.der"
    found=0
    "event_$host" "$BUILD/lib/almost_allow.so" /close id "$WORK/c-good.der" >"$WORK/out" 2>"$WORK/err.log" || found=$?
    same 2 "$found" "exit status of the $host host with a plugin that only blocks"
    grep -q "only has the form that blocks" "$WORK/err.log" || fail "the $host host does not say what the plugin lacks"
done
ok "c and python, with an event loop: several at once"

# The connector hangs, and the host is to end: nobody waits for the deadline of 25 seconds.
are_under_way() { [ "$(find "/proc/$STARTED/fd" -lname 'socket:*' | wc -l)" = 2 ]; }
trap 'kill -CONT "$CONNECTOR_PID"; stack_remove' EXIT
kill -STOP "$CONNECTOR_PID"
start event_host "$WORK/event_host" "$PLUGIN" "$WORK/connector.sock" "c-at-once-1" "$WORK/c-at-once-1.der" two "$WORK/c-good.der"
wait_until 20 "the asking of event_host" are_under_way
SECONDS=0
kill -TERM "$STARTED"
found=0
wait "$STARTED" || found=$?
kill -CONT "$CONNECTOR_PID"
trap stack_remove EXIT
same 3 "$found" "exit status of a host that cancels"
same "c-at-once-1 retry cancelled: ,two retry cancelled: " "$(paste -sd, "$WORK/event_host.log")" "what a host says that cancels"
[ $SECONDS -lt 15 ] || fail "the host has waited for its questions"
ok "c, with an event loop: cancels when it is to end"

# --- no connector; what is no plugin; what is no yes ---

kill "$CONNECTOR_PID"
wait "$CONNECTOR_PID" 2>/dev/null || true
for host in "${hosts[@]}"; do
    without_a_connector "$host"
    with_what_is_no_plugin "$host"
    with_what_is_no_yes "$host"
    ok "$host: retry without a connector, no plugin, another major version, what only looks like a yes"
done
for host in c python; do
    asked_at_once 3 "one retry connector_unreachable,two retry connector_unreachable" "$host" one "$WORK/c-good.der" two "$WORK/c-good.der"
done
ok "c and python, with an event loop: retry without a connector"

if [ ${#missing[@]} -gt 0 ]; then
    echo "SKIPPED: no toolchain for ${missing[*]}; ./dev deps installs them" >&2
    exit 77
fi
