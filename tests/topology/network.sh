# shellcheck shell=bash
# Sourced: hosts that are network namespaces, on a switch of their own, so that nothing of it touches this machine's network.
#
#   network_is_possible          may we make them here?
#   network_new                  the switch
#   network_host NAME ADDRESS…   a host on it (10.77.0.0/16)
#   network_wire A ADDRESS B ADDRESS   a wire between two of them, beside the switch
#   network_in NAME COMMAND…     a command on that host
#   link_cut NAME | link_cut A B       the host's link to the switch, or that wire: packets vanish
#   link_mend NAME | link_mend A B
#   network_remove

network_is_possible() {
    local probe=iscep-probe-$$
    [ "$(id -u)" = 0 ] && ip netns add "$probe" 2>/dev/null || return 1
    ip -n "$probe" link add probe0 type veth peer name probe1 2>/dev/null && ip -n "$probe" link add probe2 type bridge 2>/dev/null
    local status=$?
    ip netns del "$probe"
    return $status
}

network_new() {
    NET=iscep-$$
    NET_HOSTS=(switch)
    ip netns add "$NET-switch"
    ip -n "$NET-switch" link add lan type bridge forward_delay 0
    ip -n "$NET-switch" link set lan up
}

network_host() {
    local name=$1 address
    shift
    NET_HOSTS+=("$name")
    ip netns add "$NET-$name"
    ip -n "$NET-$name" link set lo up
    ip -n "$NET-$name" link add lan type veth peer name "$name" netns "$NET-switch"
    ip -n "$NET-switch" link set "$name" master lan up
    for address in "$@"; do ip -n "$NET-$name" address add "$address/24" dev lan; done
    ip -n "$NET-$name" link set lan up
}

network_wire() { # the interface is called after whom it leads to
    ip -n "$NET-$1" link add "$3" type veth peer name "$1" netns "$NET-$3"
    ip -n "$NET-$1" address add "$2/24" dev "$3"
    ip -n "$NET-$3" address add "$4/24" dev "$1"
    ip -n "$NET-$1" link set "$3" up
    ip -n "$NET-$3" link set "$1" up
}

network_in() {
    local name=$1
    shift
    ip netns exec "$NET-$name" "$@"
}

# At the far end, so that the near one is as it would be with a pulled cable.
link_set() { # up|down NAME [NAME]
    if [ $# = 2 ]; then ip -n "$NET-switch" link set "$2" "$1"; else ip -n "$NET-$3" link set "$2" "$1"; fi
}
link_cut() { link_set down "$@"; }
link_mend() { link_set up "$@"; }

network_remove() {
    local name
    for name in "${NET_HOSTS[@]:-}"; do ip netns del "$NET-$name" 2>/dev/null || true; done
}
