# shellcheck shell=bash disable=SC2034
# Sourced: bare Debian roots to try packages in. WORK is whoever sources this's; needs root.
#
#   root_new NAME [booted]   $WORK/NAME: debootstrap's smallest Debian (booted: with systemd), from a copy kept in /var/cache
#   root_boot NAME           boots it; the network, and so the ports, are this machine's
#   root_in NAME COMMAND…    runs a command in it, with its own environment; in a root that is not booted a chroot with processes of its own
#   root_end                 ends every container that was booted
#   root_files NAME [REGEX]  every file, directory and link of it, but for what a running system has there, and what the expression fits
#   root_users NAME          its users and groups

ROOT_CACHE=/var/cache/intune-scep-connector
ROOT_SUITE=bookworm
declare -A ROOT_LEADER=()
ROOT_CONTAINERS=()

# The base, made when it is not there, or a week old.
root_base() { # NAME INCLUDED_PACKAGES
    local base=$ROOT_CACHE/$ROOT_SUITE-$1.tar
    if [ -z "$(find "$base" -mtime -7 2>/dev/null)" ]; then
        mkdir -p "$ROOT_CACHE"
        debootstrap --variant=minbase ${2:+--include="$2"} "$ROOT_SUITE" "$WORK/base" >"$WORK/debootstrap.log" 2>&1 ||
            fail "debootstrap"
        tar -c -C "$WORK/base" -f "$base.new" .
        rm -rf "$WORK/base"
        mv "$base.new" "$base"
    fi
    echo "$base"
}

root_new() {
    local base
    if [ "${2:-}" = booted ]; then base=$(root_base booted systemd-sysv,dbus); else base=$(root_base bare ""); fi
    mkdir "$WORK/$1"
    tar -x -C "$WORK/$1" -f "$base"
    cp -L /etc/resolv.conf "$WORK/$1/etc/resolv.conf"
}

root_boot() {
    systemd-nspawn -D "$WORK/$1" --register=no --keep-unit --resolv-conf=off --timezone=off -b </dev/null >"$WORK/$1.log" 2>&1 &
    local container=$!
    ROOT_CONTAINERS+=("$container")
    wait_until 60 "the start of systemd in $1" pgrep -P "$container"
    ROOT_LEADER[$1]=$(pgrep -P "$container")
    wait_until 60 "the end of systemd's start in $1" root_is_up "$1"
}
root_is_up() {
    case $(root_in "$1" systemctl is-system-running) in
    running | degraded) ;;
    *) return 1 ;;
    esac
}

root_in() {
    local name=$1 enter
    shift
    enter=(unshare --mount --pid --fork --kill-child "--root=$WORK/$name" --mount-proc)
    [ -z "${ROOT_LEADER[$name]:-}" ] || enter=(nsenter -t "${ROOT_LEADER[$name]}" -a)
    "${enter[@]}" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

root_end() {
    local container
    for container in "${ROOT_CONTAINERS[@]}"; do kill -TERM "$container" 2>/dev/null || true; done
    for container in "${ROOT_CONTAINERS[@]}"; do wait "$container" 2>/dev/null || true; done
    ROOT_CONTAINERS=()
    ROOT_LEADER=()
}

root_files() {
    (cd "$WORK/$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./root \) -prune -o -print) |
        grep -vE "${2:-^$}" | LC_ALL=C sort
}

root_users() { cut -d: -f1 "$WORK/$1/etc/passwd" "$WORK/$1/etc/group" | LC_ALL=C sort; }
