#!/usr/bin/env bash
# ./dev chaos [ROUNDS]: devices enrol and revocations are asked for while the connector is killed (kill -9) ROUNDS times and
# the cloud fails; afterwards nothing may be lost, told twice differently, or revoked twice. In four runs, each with a fourth
# of the kills: strict with withheld = keep, strict with withheld = revoke, deferred; and strict with withheld = revoke, two
# workers, and a configuration that is replaced several times a second (SIGHUP), now and then by one that must be refused.
#
#   BUILD=DIR SEED=N MODES="strict-keep strict-revoke deferred strict-revoke+reload" DEVICES=N KEEP=yes tests/chaos/chaos.sh [ROUNDS]
#
# Any mode may have "+reload".
#
# Exit code 1 if any figure is wrong. A seed gives the same kills, faults and revocations again, as far as a machine does
# the same things at the same time. KEEP leaves the logs and databases of a run that failed.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh

rounds=${1:-200}
seed=${SEED:-$((($(date +%s%N) / 1000) % 1000000000))}
read -ra modes <<<"${MODES:-strict-keep strict-revoke deferred strict-revoke+reload}"
devices=${DEVICES:-10}

# The times are short, so that much happens in a short time; the storm guard is off, for this is a storm.
configure() { # MODE
    local report=strict withheld=keep
    case $1 in
    strict-revoke*) withheld=revoke ;;
    deferred*) report=deferred ;;
    esac
    connector_configure
    sed -i "/^\[journal\]/a report = $report\nwithheld = $withheld\nmax_backoff_ms = 1500" "$WORK/connector.conf"
    cat >>"$WORK/connector.conf" <<TEXT
breaker_open_ms = 300
fetch_timeout_ms = 3000

[ca/host]
kind = plugin
timeout_ms = 5000

[revocation]
poll_interval_ms = 500
max_backoff_ms = 1500
storm_limit = 0
storm_percent = 0
TEXT
}

# What a reload finds: as it was; another tenant, whom Intune refuses; another CA, another listener, and other limits;
# another authority, so that no token is taken over. And what must be refused: a slip, and, when all else is made, a
# socket that cannot be.
configure_reloads() {
    local configs=$WORK/configs
    mkdir "$configs"
    sed -i '/^\[connector\]/a workers = 2
/^\[ca\/host\]/a issuer = CN=scep-host demo CA' "$WORK/connector.conf"
    mv "$WORK/connector.conf" "$configs/right.conf"
    { cat "$configs/right.conf"; sed -n '/^\[tenant\/contoso\]/,/^\[ca/p' "$configs/right.conf" |
        sed "/^\[ca/d; s/contoso/fabrikam/; s/^tenant_id = .*/tenant_id = 99999999-2222-3333-4444-555555555555/"; } \
        >"$configs/another-tenant.conf"
    {
        sed '/^\[connector\]/a max_requests_in_flight = 500\nlog_level = debug' "$configs/right.conf"
        printf '\n[ca/other]\nkind = command\ncommand = /bin/false\nissuer = CN=Other\n'
        printf '\n[listener/watch]\naddress = unix:%s\nserves = metrics status\n' "$WORK/watch.sock"
    } >"$configs/another-door.conf"
    sed 's|^authority = .*|&/|' "$configs/right.conf" >"$configs/other-access.conf"
    { cat "$configs/right.conf"; echo "nonsense = 1"; } >"$configs/broken-slip.conf"
    { cat "$configs/right.conf"; printf '\n[listener/nowhere]\naddress = unix:/nowhere/to/be.sock\nserves = metrics\n'; } \
        >"$configs/broken-socket.conf"
    ln -s "$configs/right.conf" "$WORK/connector.conf"
}

# A caller who soon gives up is what makes strict withhold.
caller_timeout_ms() { # MODE
    case $1 in strict-revoke*) echo 900 ;; *) echo 4000 ;; esac
}

run() { # MODE KILLS FIGURES
    echo "$1, $2 kills, seed $seed"
    stack_new
    mock_start --verbose --revocation-quiet-s 0
    configure "$1"
    local host_options=(--pending-retry-ms 100 --plugin-timeout-ms "$(caller_timeout_ms "$1")" --plugin-config tenant=contoso)
    local reload_options=()
    if [[ $1 == *+reload ]]; then
        configure_reloads
        reload_options=(--reload-configs "$WORK/configs")
    fi
    host_start "${host_options[@]}"
    kill "$STARTED" && wait "$STARTED" # it has its CA and a port; from here on iscep-chaos starts it
    if "$BUILD/bin/iscep-chaos" --mode "${1%+reload}" "${reload_options[@]}" --kills "$2" --devices "$devices" --seed "$seed" --drain-seconds 150 \
        --mock-url "$MOCK_URL" --mock-ca "$WORK/mock/ca.pem" --mock-log "$WORK/mock.log" --scep-url "$SCEP_URL" \
        --ca "$CA_FILE" --host-dir "$WORK/host" --host-log "$WORK/host.log" --host-probe "$SCEP_URL?operation=GetCACaps" \
        --connector "$BUILD/bin/intune-scepd" --config "$WORK/connector.conf" --socket "$WORK/connector.sock" \
        --connector-log "$WORK/connector.log" --figures "$3" -- \
        "${HOST_COMMAND[@]}" --listen "127.0.0.1:$(cat "$WORK/host.port")"; then
        return 0
    fi
    [ -z "${KEEP:-}" ] || { cp -a "$WORK" "$WORK.kept" && echo "kept: $WORK.kept"; }
    return 1
}

show() { # FILE…: the figures of all modes side by side
    printf '\nfigure'
    printf '\t%s\t' "${modes[@]}"
    printf '\n'
    paste "$@" | cut -f "1-3$(seq -s '' -f ',%g' 5 3 $((3 * $#)))$(seq -s '' -f ',%g' 6 3 $((3 * $#)))"
}

results=$(mktemp -d "${TMPDIR:-/tmp}/iscep-chaos.XXXXXX")
trap 'rm -rf "$results"' EXIT
failed=()
files=()
for mode in "${modes[@]}"; do
    kills=$(((rounds + ${#modes[@]} - 1) / ${#modes[@]}))
    (run "$mode" "$kills" "$results/$mode") || failed+=("$mode")
    [ ! -f "$results/$mode" ] || files+=("$results/$mode")
done
[ ${#files[@]} -eq 0 ] || show "${files[@]}" | column -t -s $'\t'
[ ${#failed[@]} -eq 0 ] || { echo "chaos: not right: ${failed[*]} (seed $seed)"; exit 1; }
echo "chaos: every figure is as it must be (seed $seed)"
