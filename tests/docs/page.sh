# shellcheck shell=bash
# shellcheck disable=SC2034 # ANSWER is for whoever sources this
# Sourced, behind tests/support/stack.sh: a page's code blocks, and a machine on which they can be run as they stand there. The
# connector is installed in $WORK: what a page calls /etc/intune-scep, /run/intune-scep, /var/lib/intune-scep and /var/backups is there, and
# systemctl is a stand-in that starts and stops it, journalctl one that shows its log. Owners (intune-scep) are left out: there is no such user here.

# page_block PAGE MARKER N: the Nth code block behind a line `<!-- run: MARKER -->`, in our places. In a list both are indented.
page_block() {
    awk -v marker="<!-- run: $2 -->" -v wanted="$3" '
        { line = $0; sub(/^ +/, "", line) }
        !inside && line == marker { n++; state = n == wanted; indent = length($0) - length(line); next }
        state && line ~ /^```/ { inside = 1; state = 0; next }
        inside && line == "```" { exit }
        inside { print substr($0, indent + 1) }' "$1" | page_places
}

page_places() {
    sed -e "s|/etc/intune-scep|$WORK/etc|g; s|/run/intune-scep|$WORK/run|g; s|/var/lib/intune-scep|$WORK/lib|g" \
        -e "s|/var/backups|$WORK/backups|g; s| -o intune-scep -g intune-scep||g; s|runuser -u intune-scep -- ||g"
}

# page_run PAGE MARKER N: that block, in the shell that a reader would have. Output in $WORK/out and $WORK/block.log.
page_run() {
    page_block "$1" "$2" "$3" >"$WORK/block"
    [ -s "$WORK/block" ] || fail "$1 has no block $3 that is marked $2"
    (cd "$WORK/home" && bash -euo pipefail "$WORK/block") >"$WORK/out" 2>"$WORK/block.log"
}

# machine_new [OPTION…]: stack_new, with a mock in the cloud (these are its options) and a connector that is installed, configured and not
# started.
machine_new() {
    stack_new
    trap 'machine_stop; stack_remove' EXIT
    mock_start "$@"
    mkdir -p "$WORK/bin" "$WORK/etc/secrets" "$WORK/run" "$WORK/lib" "$WORK/backups" "$WORK/home"
    cp "$WORK/client-secret" "$WORK/etc/secrets/client-secret"
    chmod 600 "$WORK/etc/secrets/client-secret"
    machine_configure
    machine_programs
    PATH=$WORK/bin:$BUILD/bin:$PATH
}

# machine_configure LINE…: the configuration, with these lines at its end.
machine_configure() {
    {
        printf '[connector]\nlisten = unix:%s\nrequest_timeout_ms = 10000\naudit = %s\n\n' "$WORK/run/connector.sock" "$WORK/lib/audit.log"
        printf '[journal]\npath = %s\n\n' "$WORK/lib/journal.db"
        mock_tenant | sed "s|^client_secret_file = .*|client_secret_file = $WORK/etc/secrets/client-secret|"
        printf '%s\n' "" "$@"
    } >"$WORK/etc/connector.conf"
}

machine_programs() {
    cat >"$WORK/bin/intune-scepctl" <<TEXT
#!/bin/sh
exec "$BUILD/bin/intune-scepctl" -c "$WORK/etc/connector.conf" "\$@"
TEXT
    cat >"$WORK/bin/systemctl" <<TEXT
#!/bin/bash
# A stand-in: one unit, and what pages ask of it.
pid=\$(cat "$WORK/pid" 2>/dev/null)
stop() {
    [ -z "\$pid" ] || kill "\$pid" 2>/dev/null || true
    rm -f "$WORK/pid"
    [ -z "\$pid" ] || timeout 20 tail --pid "\$pid" -s 0.05 -f /dev/null
}
is_there() { curl -sf -o /dev/null --unix-socket "$WORK/run/connector.sock" http://connector/livez; }
start() {
    "$BUILD/bin/intune-scepd" -c "$WORK/etc/connector.conf" >>"$WORK/connector.log" 2>&1 </dev/null &
    pid=\$!
    echo "\$pid" >"$WORK/pid"
    for ((i = 0; i < 800; i++)); do
        ! is_there || exit 0
        kill -0 "\$pid" 2>/dev/null || break
        read -rt 0.05 <> <(:) || true
    done
    exit 1
}
case "\$*" in
"stop intune-scepd" | "stop intune-scepd.socket intune-scepd") stop ;;
"start intune-scepd" | "enable --now intune-scepd") start ;;
"restart intune-scepd") stop && start ;;
"reload intune-scepd") kill -HUP "\$pid" ;;
"is-active intune-scepd") [ -n "\$pid" ] && kill -0 "\$pid" ;;
*) echo "systemctl: this stand-in does not know: \$*" >&2 && exit 1 ;;
esac
TEXT
    cat >"$WORK/bin/journalctl" <<TEXT
#!/bin/bash
# A stand-in: the connector's log, and of it what a pattern fits.
pattern=.
while [ \$# -gt 0 ]; do
    case "\$1" in
    -u) shift ;;
    -g) pattern=\$2 && shift ;;
    --since=* | -e) ;;
    *) echo "journalctl: this stand-in does not know: \$1" >&2 && exit 1 ;;
    esac
    shift
done
grep -i -- "\$pattern" "$WORK/connector.log"
TEXT
    chmod +x "$WORK"/bin/*
}

machine_end() {
    machine_stop
    stack_remove
    trap - EXIT
}
machine_start() { "$WORK/bin/systemctl" start intune-scepd || fail "the connector does not start"; }
machine_stop() { [ ! -f "$WORK/pid" ] || "$WORK/bin/systemctl" stop intune-scepd; }

# --- devices, and the SCEP server that asks for them ---

# device NAME: its request and the certificate that a CA issued: NAME.der, NAME.crt, NAME.issued in $WORK.
device() {
    [ -f "$WORK/ca.pem" ] || openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/ca.key" -subj "/CN=Device CA" \
        -out "$WORK/ca.pem" 2>"$WORK/ca.log"
    [ -f "$WORK/device.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/device.key"
    cp "$WORK/device.key" "$WORK/$1.key"
    make_csr "$WORK/$1" "CN=$1" "$1.example" \
        "$(mock_challenge "{\"subject\":\"CN=$1\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"$1.example\"}]}")"
    openssl x509 -req -inform DER -in "$WORK/$1.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$WORK/$1.crt" 2>>"$WORK/ca.log"
    cat "$WORK/$1.der" "$WORK/$1.crt" >"$WORK/$1.issued"
}

# ask PATH FILE TRANSACTION_ID [TIMEOUT_MS]: ANSWER is "STATUS VERDICT CODE".
ask() {
    local reply
    reply=$(curl -sS --max-time 30 --unix-socket "$WORK/run/connector.sock" -H 'Content-Type: application/pkcs10' \
        -H "X-Scep-Transaction-Id: $3" -H "X-Scep-Timeout-Ms: ${4:-8000}" --data-binary "@$2" -w '\n%{http_code}' "http://connector$1")
    ANSWER="$(tail -n 1 <<<"$reply") $(head -n 1 <<<"$reply" | jq -r '"\(.verdict) \(.code)"')"
}
validate() { ask /v1/validate "$WORK/$1.der" "$1"; }                # NAME
report() { ask /v1/issued "$WORK/$1.issued" "$1" "${2:-8000}"; } # NAME [TIMEOUT_MS]
