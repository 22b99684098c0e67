#!/usr/bin/env bash
# What a SCEP server gets from the plugin, whichever of the two modules it loads and whichever form it asks in: one table of
# scenarios, against the real mock. MODULE=thin|direct, FORM=blocking|event; FORKS=no leaves out the host's children, which
# ThreadSanitizer lets begin no threads.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
FORM=${FORM:-blocking}
FORKS=${FORKS:-yes}
# What a forked child has of its parent's threads, and what a process has that exits while it asks, is nobody's: no leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
module=scep_intune.so
[ "$MODULE" = thin ] || module=scep_intune_direct.so

# --- the host ---

host_open() { # starts it, and opens the instance a
    rm -f "$WORK/told" "$WORK/said"
    mkfifo "$WORK/told" "$WORK/said"
    "$BUILD/bin/behaviour_host" "$BUILD/lib/$module" <"$WORK/told" >"$WORK/said" 2>>"$WORK/asked.log" &
    HOST_PID=$!
    PIDS+=("$HOST_PID")
    exec {to_host}>"$WORK/told" {from_host}<"$WORK/said"
    says yes close_openssl # what uses the host's own OpenSSL from here on fails
    says OK "open a $(instance)"
}

# tell COMMAND: what it says is in SAID.
tell() {
    echo "$1" >&"$to_host"
    read -rt 90 SAID <&"$from_host" || fail "no answer to: $1"
}

# says WHAT COMMAND
says() {
    tell "$2"
    same "$1" "$SAID" "$2"
}

# would_say WHAT COMMAND: for what comes in time.
would_say() {
    tell "$2"
    [ "$SAID" = "$1" ]
}

# host_end COMMAND: by which it ends, without close.
host_end() {
    echo "$1" >&"$to_host"
    exec {to_host}>&- {from_host}<&-
    wait "$HOST_PID" || fail "the host ended with status $?"
}

# refuses_to_open STATUS PART_OF_TEXT SETTING…: to a host of its own.
refuses_to_open() {
    local said
    said=$(echo "open x ${*:3}" | "$BUILD/bin/behaviour_host" "$BUILD/lib/$module" 2>>"$WORK/asked.log")
    [[ $said == "$1 "*"$2"* ]] || fail "open ${*:3}: \"$said\", not \"$1 $2\""
}

instance() { # the settings of an instance
    [ "$MODULE" = thin ] || printf 'config=%s ' "$WORK/connector.conf"
    printf 'socket=%s' "$WORK/connector.sock"
}

verify() { # NAME TRANSACTION CSR [OPTION…]
    echo "verify $1 $2 $WORK/$3.der form=$FORM ${*:4}"
}
issued() { # NAME TRANSACTION CSR CERTIFICATE [OPTION…]
    echo "issued $1 $2 $WORK/$3.der $WORK/$4.crt form=$FORM ${*:5}"
}

# within MIN MAX WHAT COMMAND: as says, and it takes so many milliseconds.
within() {
    local began took
    began=$(date +%s%3N)
    says "$3" "$4"
    took=$(($(date +%s%3N) - began))
    if [ "$took" -lt "$1" ] || [ "$took" -gt "$2" ]; then fail "$4 took $took ms, not $1 to $2"; fi
}

# --- devices ---

challenge_of() { # NAME
    mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}],\"deviceId\":\"$1\"}"
}
device() { # NAME: a request that Intune allows
    make_csr "$WORK/$1" "CN=$1" "$1.example" "$(challenge_of "$1")"
}
certificate() { # NAME [CSR]: a CA's, for the request of CSR
    openssl x509 -req -inform DER -in "$WORK/${2:-$1}.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 1 \
        -copy_extensions copyall -outform DER -out "$WORK/$1.crt" 2>"$WORK/openssl.log" || fail "no certificate for $1"
}
serial_of() { openssl x509 -inform DER -in "$WORK/$1.crt" -noout -serial | sed 's/.*=//'; }

scepctl() { "$BUILD/bin/intune-scepctl" "$@" --socket "$WORK/connector.sock"; }

configure() { # REPORT
    rm -f "$WORK/connector.conf"
    connector_configure
    sed -i "s/^path = .*/&\nreport = $1/; s/^tenant_id = .*/&\nbreaker_failures = 1000/" "$WORK/connector.conf"
    cat >>"$WORK/connector.conf" <<'TEXT'

[revocation]
poll_interval_ms = 3600000

[ca/host]
kind = plugin
issuer = CN=Behaviour CA
TEXT
}

stack_new
mock_start --revocation-quiet-s 0
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -out "$WORK/ca.pem" -days 2 -subj "/CN=Behaviour CA" 2>"$WORK/openssl.log"
for name in swan goose duck heron crane; do
    device "$name"
    certificate "$name"
done
configure strict

# --- ready? ---
mock_fault '{"endpoint":"token","kind":"status","status":503}'
connector_start
host_open
wait_until 20 "the word that Entra ID is in trouble" would_say "DOWN token_service" "health a"
mock_no_faults
wait_until 20 "readiness" would_say READY "health a"
ok "health says what is wrong, and then that it is not"

# --- one device ---
says "ALLOW Success" "$(verify a swan swan)"
says "ALLOW Success" "$(issued a swan swan swan)"
says "DELIVER already_issued" "$(verify a swan swan "into=$WORK/delivered")"
cmp "$WORK/delivered" "$WORK/swan.crt" || fail "another certificate than the one that was reported"
says "ALLOW Success" "$(verify a swan swan room=no)"
certificate swan2 swan
says "ALLOW Success" "$(issued a swan swan swan2)"
ok "allowed, reported, delivered again; a host without room is asked about anew"

make_csr "$WORK/tampered" CN=ceo goose.example "$(challenge_of goose)"
says "DENY SubjectNameMismatch" "$(verify a tampered tampered)"
says "ALLOW Success" "$(verify a goose goose)"
certificate foreign duck
says "DENY certificate_key_mismatch" "$(issued a goose goose foreign)"
says "ALLOW Success" "failed a goose $WORK/goose.der form=$FORM"
ok "another subject is refused, a certificate of another key is withheld, a failure is recorded"

# --- Intune is not there ---
mock_fault '{"endpoint":"all","kind":"refuse"}'
within 0 10000 "RETRY cut" "$(verify a duck duck timeout=3000)"
mock_no_faults
mock_fault '{"endpoint":"validate","kind":"status","status":503}'
within 0 10000 "RETRY intune_service" "$(verify a duck duck timeout=3000)"
mock_no_faults
mock_fault '{"endpoint":"validate","kind":"hang"}'
within 900 10000 "RETRY timeout" "$(verify a duck duck timeout=1000)"
mock_no_faults
says "ALLOW Success" "$(verify a duck duck)"
mock_fault '{"endpoint":"success","kind":"status","status":503}'
within 0 10000 "DENY certificate_withheld" "$(issued a duck duck duck timeout=1000)"
mock_no_faults
wait_until 30 "the revocation of what was withheld" would_say "$(serial_of duck):5" revoked
says "DENY certificate_withheld" "$(issued a duck duck duck)"
ok "whatever keeps Intune from answering is a retry, within the deadline; a certificate that it was not told of is revoked"

# --- threads, instances, processes ---
mkdir "$WORK/crowd"
for ((i = 0; i < 32; i++)); do
    cp "$WORK/heron.key" "$WORK/crowd/$i.key"
    make_csr "$WORK/crowd/$i" "CN=crowd$i" "crowd$i.example" "$(challenge_of "crowd$i")"
done
says "32 ALLOW Success" "crowd a 32 $WORK/crowd form=$FORM"
ok "32 threads at once"

says OK "open b $(instance)"
if [ "$MODULE" = direct ]; then
    tell "open c config=$WORK/connector.conf socket=/elsewhere"
    [[ $SAID == "CONFIG socket: the connector of $WORK/connector.conf is open"* ]] || fail "another socket: $SAID"
fi
says "ALLOW Success" "$(verify b heron heron)"
says OK "close a"
says "ALLOW Success" "$(issued b heron heron heron)"
says OK "open a $(instance)"
says OK "close b"
says "DELIVER already_issued" "$(verify a heron heron)"
ok "two instances, and what one knows the other does, too"

if [ "$FORKS" = yes ]; then
    says OK child
    says "DELIVER already_issued" "$(verify a heron heron)"
    says OK "open b $(instance)"
    says "ALLOW Success" "$(verify b crane crane)"
    says READY "health b"
    says OK "close b"
    says OK "close a"
    says OK end
    says "DELIVER already_issued" "$(verify a heron heron)"
    ok "a forked child asks, opens and closes; the parent does not notice"
else
    says "ALLOW Success" "$(verify a crane crane)"
fi
says "ALLOW Success" "$(issued a crane crane crane)"

# --- revocation ---
mock_admin POST /revocations "{\"serialNumber\":\"$(serial_of crane)\",\"issuerName\":\"CN=Behaviour CA\"}" >/dev/null
scepctl revocations run >/dev/null || fail "revocations run"
is_carried_out() { mock_admin GET /revocations | jq -e 'last | .state == "succeeded"' >/dev/null; }
wait_until 30 "Intune's knowledge of the revocation" is_carried_out
says "$(serial_of duck):5 $(serial_of crane):0" revoked
ok "what Intune wants revoked the host revokes, and Intune is told"

# --- the connector ends, and is there again ---
if [ "$MODULE" = thin ]; then
    kill -KILL "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    within 0 2000 "RETRY connector_unreachable" "$(verify a goose goose)"
    says "DOWN connector_unreachable" "health a"
    connector_start
else
    says OK "close a"
    says OK "open a $(instance)"
fi
wait_until 20 "readiness" would_say READY "health a"
says "DELIVER already_issued" "$(verify a heron heron)"
configure deferred
scepctl reload >/dev/null || fail "the new configuration is refused"
device stork
certificate stork
says "ALLOW Success" "$(verify a stork stork)"
mock_fault '{"endpoint":"success","kind":"status","status":503}'
says "ALLOW report_queued" "$(issued a stork stork stork)"
mock_no_faults
ok "after its end the connector knows what it knew; deferred: a report is taken before Intune knows"

says OK "close a"
says OK "churn forks=$FORKS $(instance)"
says OK "open a $(instance)"
ok "instances come and go on several threads, while the process forks"

says yes is_openssl_untouched

# --- a process that ends ---
if [ "$MODULE" = direct ]; then
    refuses_to_open UNAVAILABLE "another process has the journal $WORK/journal.db open" "config=$WORK/connector.conf"
    refuses_to_open CONFIG "$WORK/none.conf" "config=$WORK/none.conf"
    sed 's/^report = .*/report = perhaps/' "$WORK/connector.conf" >"$WORK/wrong.conf"
    refuses_to_open CONFIG "$WORK/wrong.conf:" "config=$WORK/wrong.conf"
    refuses_to_open CONFIG "unknown key 'colour'" "config=$WORK/connector.conf" colour=red
    ok "what cannot be opened says why"
fi

host_outlived() {
    says OK outlive
    if [ "$MODULE" = direct ]; then
        within 0 2000 "RETRY connector_unreachable" "$(verify a heron heron)"
        says "DOWN connector_unreachable" "health a"
        tell "open b $(instance)" # the journal is free, but what SQLite has locked in the parent is a copy
        [[ $SAID == "UNAVAILABLE the connector of $WORK/connector.conf would have to begin in a process that was forked"* ]] ||
            fail "open in an orphan: $SAID"
    else
        says "DELIVER already_issued" "$(verify a heron heron)"
    fi
    echo end >&"$to_host"
    exec {to_host}>&- {from_host}<&-
    ok "who was forked and outlives the process that opened is told at once"
}
if [ "$FORKS" = yes ]; then host_outlived; else host_end end; fi

journal_is_free() { flock -n "$WORK/journal.db-lock" true; }
for ((i = 0; i < 10; i++)); do
    [ "$MODULE" = thin ] || wait_until 20 "the end of the process before" journal_is_free
    host_open
    host_end "exit_busy a heron $WORK/heron.der form=$FORM"
done
ok "a host exits while it asks, without close: nothing of ours falls over"

# Where there is no daemon, nobody is sent to look after it.
if [ "$MODULE" = direct ]; then
    [ "$FORKS" = no ] || grep -q " scep_intune_direct: .* own connector at @" "$WORK/asked.log" || fail "the log does not say which connector it means"
    if grep " scep_intune_direct: .*intune-scepd" "$WORK/asked.log"; then fail "the log speaks of a daemon"; fi
    ok "the log speaks of the connector inside, and of no daemon"
fi
