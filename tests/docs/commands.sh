#!/usr/bin/env bash
# The commands of the pages: each code block behind a line `<!-- run: SETUP -->` is run as it stands there, on a machine where what SETUP says is so
# (below), and must succeed; behind `<!-- run: SETUP fails -->` it must say no. Blocks with one SETUP share a machine, page after page.
#
#   commands.sh [PAGE…]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/docs/page.sh
. tests/docs/page.sh
OTHERS=" docs/CONNECTING.md backup restore gone " # pages and setups with a test of their own: tests/e2e/connecting.sh, backup.sh

# --- what is so before a block is run, and after it ---

setup_running() { # all is well: 8F2A61 has its certificate, and Intune knows; 5D0C11 was refused
    machine_new
    machine_start
    device kim.laptop
    ask /v1/validate "$WORK/kim.laptop.der" 8F2A61
    ask /v1/issued "$WORK/kim.laptop.issued" 8F2A61
    same "200 allow Success" "$ANSWER" "the enrolment that pages speak of"
    cp "$WORK/device.key" "$WORK/static.key"
    make_csr "$WORK/static" CN=static static.example a-static-password
    cp "$WORK/static.der" "$WORK/home/request.der"
    cp "$WORK/kim.laptop.crt" "$WORK/home/certificate.der"
    ask /v1/validate "$WORK/static.der" 5D0C11
    same "403 deny" "${ANSWER% *}" "a static challenge"
}

setup_outbox() { # report 1 was given up: Intune refused it after it was delivered
    machine_new
    sed -i '/^path = /a report = deferred' "$WORK/etc/connector.conf"
    machine_start
    mock_fault '{"endpoint":"success","kind":"code","code":"CertificateThumbprintInvalid","times":1}'
    device kim.laptop
    ask /v1/validate "$WORK/kim.laptop.der" 8F2A61
    ask /v1/issued "$WORK/kim.laptop.issued" 8F2A61
    wait_until 20 "a report that is given up" eval 'intune-scepctl outbox list --dead | grep -q "1 given up"'
}

setup_held() { # Intune wants two certificates revoked, and the storm guard holds them
    machine_new --revocation-quiet-s 0
    machine_configure "[revocation]" "storm_limit = 1" "" "[ca/device]" "kind = command" "command = /bin/true {serial}" "issuer = CN=Device CA"
    machine_start
    for serial in 0A01 0A02; do
        mock_admin POST /revocations "{\"serialNumber\":\"$serial\",\"issuerName\":\"CN=Device CA\"}" >"$WORK/queued"
    done
    intune-scepctl revocations run >"$WORK/ran"
    wait_until 20 "revocations that are held" eval 'intune-scepctl revocations list | grep -q "2 held"'
}

setup_secret() { # Entra ID does not know the secret that is configured; new-secret has the one that it knows
    machine_new
    cp "$WORK/client-secret" "$WORK/home/new-secret"
    echo "a-secret-of-last-year" >"$WORK/etc/secrets/client-secret"
    machine_start
}

after_secret() { # what only the new secret's file was for
    [ ! -e "$WORK/home/new-secret" ] || fail "the new secret is left behind in clear text"
}

setup_wrong_secret() { setup_secret; }

setup_mistake() { # it runs, and its configuration was changed since, with a mistake
    machine_new
    machine_start
    sed -i '/^path = /a pfad = /tmp' "$WORK/etc/connector.conf"
}

setup_stopped() { machine_new; } # installed and configured, not running

# --- the pages ---

# blocks PAGE…: "SETUP PAGE N MARKER" for each marked block, setup after setup; N counts the page's blocks with that marker.
blocks() {
    local page
    for page in "$@"; do
        sed -n 's/^ *<!-- run: \(.*\) -->$/\1/p' "$page" | awk -v page="$page" '{ print $1, page, ++n[$0], $0 }'
    done | sort -s -k 1,1
}

# run_block PAGE N MARKER: exit 0, or with "fails" 1, which is how our programs say no.
run_block() {
    local wanted=0 status=0
    [ "${3#* }" != fails ] || wanted=1
    page_run "$1" "$3" "$2" || status=$?
    [ "$status" = "$wanted" ] ||
        fail "$1, block $2 of $3: exit $status, not $wanted: $(cat "$WORK/block" "$WORK/out" "$WORK/block.log")"
    [ "$(type -t "after_$setup")" != function ] || "after_$setup"
    ok "$1: $3, block $2"
}

pages=("$@")
[ ${#pages[@]} -gt 0 ] || pages=(README.md docs/*.md)
now=""
while read -r setup page n marker; do
    case $OTHERS in *" $page "* | *" $setup "*) continue ;; esac
    [ "$(type -t "setup_$setup")" = function ] || fail "$page: there is no setup $setup"
    if [ "$setup" != "$now" ]; then
        [ -z "$now" ] || machine_end
        "setup_$setup"
        now=$setup
    fi
    run_block "$page" "$n" "$marker"
done < <(blocks "${pages[@]}")
[ -n "$now" ] || fail "no block was run"
