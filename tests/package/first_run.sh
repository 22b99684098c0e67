# shellcheck shell=bash
# Sourced by try.sh: the commands of docs/QUICKSTART.md, in a Debian that was made for this and has been booted. Leaves that root, `first`,
# with the connector running, and $WORK/transcript.

FIRST_RUN_LIMIT_S=300

# Whoever reads the page needs longer than the mock to start.
first_run_pause() { # COMMAND
    local port
    port=$(sed -n 's/^systemd-run .*--listen [0-9.]*:\([0-9]*\).*/\1/p' <<<"$1")
    [ -z "$port" ] || wait_until 20 "something that listens on port $port" port_is_taken "$port"
}
port_is_taken() { ss -Hltn "sport = :$1" | grep -q .; }

# What apt says of dozens of packages is of no interest.
first_run_shortened() {
    awk '{ line[NR] = $0 } END {
        if (NR <= 70) for (i = 1; i <= NR; i++) print line[i]
        else { for (i = 1; i <= 4; i++) print line[i]; print "[… " NR - 10 " lines …]"; for (i = NR - 5; i <= NR; i++) print line[i] } }'
}

first_run() { # PACKAGES
    local commands command began took
    mapfile -t commands < <(quickstart_commands)
    for port in 8443 8080; do
        ! port_is_taken "$port" || fail "port $port, which the page uses, is taken here"
    done
    root_new first booted
    mkdir "$WORK/first/root/packages"
    cp "$1"/*.deb "$WORK/first/root/packages"
    rm -f "$WORK"/first/root/packages/*-dbgsym_*
    root_boot first
    root_in first apt-get update -qq >"$WORK/update.log" 2>&1 || fail "apt-get update"

    : >"$WORK/transcript"
    began=$(date +%s%N)
    for command in "${commands[@]}"; do
        echo "# $command" >>"$WORK/transcript"
        root_in first env -C /root/packages bash -c "$command" >"$WORK/said" 2>&1 || fail "$command: $(cat "$WORK/said")"
        first_run_shortened <"$WORK/said" >>"$WORK/transcript"
        first_run_pause "$command"
    done
    took=$((($(date +%s%N) - began) / 1000000000))
    printf '\n(%d commands, %d seconds)\n' "${#commands[@]}" "$took" >>"$WORK/transcript"
    cat "$WORK/transcript"
    first_run_check
    [ "$took" -lt $FIRST_RUN_LIMIT_S ] || fail "it took $took seconds, not less than $FIRST_RUN_LIMIT_S"
    ok "from a bare Debian to a certificate: ${#commands[@]} commands, $took seconds"
}

# The certificate is by the host's CA, and Intune knows it; what runs is the unit, as its user.
first_run_check() {
    local certificate=$WORK/first/root/packages/laptop-1.pem thumbprint
    openssl verify -CAfile "$WORK/first/var/lib/scep-host/ca.pem" "$certificate" >/dev/null || fail "a certificate of the host's CA"
    thumbprint=$(openssl x509 -in "$certificate" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    same "$thumbprint" "$(curl -sS --cacert "$WORK/first/var/lib/intune-mock/ca.pem" https://localhost:8443/admin/transactions |
        jq -r '.[].success.fields.certificateThumbprint? // empty')" "what Intune was told of"
    same active "$(root_in first systemctl is-active intune-scepd)" "the service"
    same enabled "$(root_in first systemctl is-enabled intune-scepd)" "the service at the next start of the machine"
    same intune-scep "$(root_in first stat -c %U "/proc/$(root_in first systemctl show -P MainPID intune-scepd)")" "who the daemon is"
    root_in first intune-scepctl status >"$WORK/status.log" || fail "status finds something"
}
