"""The networks of a lab: a bridge a datacenter, one router between them, a network namespace a host.

The controller is the lab's own namespace. It has an address on every bridge and forwards nothing, so that cutting a
link between datacenters never cuts Ansible or a test off from a host.
"""

from collections.abc import Iterable, Iterator, Sequence

from lab.hosts.addresses import CONTROLLER, ROUTER, Network, Seat
from lab.hosts.keeper import Keeper

_ROUTER = "router"
_RULES = """
table inet lab {
    set severed { type ifname . ifname; }
    chain forward {
        type filter hook forward priority 0;
        iifname . oifname @severed drop
        ct state established,related accept
        oifname edge drop
    }
    chain post { type nat hook postrouting priority 100; iifname edge oifname != edge masquerade; }
}
"""


def build(keeper: Keeper, seats: Iterable[Seat]) -> None:
    """Make everything, for hosts that need not run yet."""
    placed = list(seats)
    networks = list({seat.network.name: seat.network for seat in placed}.values())
    keeper.must("\n".join((*_center(networks), *(line for seat in placed for line in _seat(seat)))))


def cut(keeper: Keeper, one: str, other: str) -> None:
    """Let nothing pass between two networks; nobody is told, as when a cable is cut."""
    _rule(keeper, f"add element inet lab severed {_ways(one, other)}")


def join(keeper: Keeper, one: str, other: str) -> None:
    """Let everything pass again between two networks, cut apart or not."""
    severed = f"element inet lab severed {_ways(one, other)}"
    _rule(keeper, f"add {severed}; delete {severed}")


def unplug(keeper: Keeper, seat: Seat) -> None:
    """Take a host off its network, so that its end is not told to those it speaks with."""
    keeper.must(f"ip link set h-{seat.host.name} nomaster")


def plug(keeper: Keeper, seat: Seat) -> None:
    """Put a host onto its network again."""
    keeper.must(f"ip link set h-{seat.host.name} master {seat.network.name}")


def _ways(one: str, other: str) -> str:
    return f"{{ {one} . {other}, {other} . {one} }}"


def _rule(keeper: Keeper, command: str) -> None:
    keeper.must(f"ip netns exec {_ROUTER} nft '{command}'")


def _center(networks: Sequence[Network]) -> Iterator[str]:
    yield "sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0"
    yield from _namespace(_ROUTER)
    inside = f"ip netns exec {_ROUTER}"
    yield f"{inside} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
    for each in networks:
        yield f"ip link add {each.name} type bridge forward_delay 0"
        yield f"ip link set {each.name} up"
        yield from _addresses("ip", each.name, each.v4(CONTROLLER), each.v6(CONTROLLER))
        yield from _cable(each.name, _ROUTER, f"r-{each.name}", each.name)
        yield from _addresses(f"ip -n {_ROUTER}", each.name, each.v4(ROUTER), each.v6(ROUTER))
    yield f"{inside} nft -f - <<'RULES'\n{_RULES}\nRULES"


def _seat(seat: Seat) -> Iterator[str]:
    name, place = seat.host.name, seat.network
    yield from _namespace(name)
    yield from _cable(place.name, name, f"h-{name}", "eth0")
    yield from _addresses(f"ip -n {name}", "eth0", seat.v4, seat.v6)
    if seat.v4:
        yield f"ip -n {name} route add default via {place.v4(ROUTER)}"
    if seat.v6:
        yield f"ip -n {name} -6 route add default via {place.v6(ROUTER)}"


def _namespace(name: str) -> Iterator[str]:
    yield f"ip netns add {name}"
    yield f"ip -n {name} link set lo up"
    # A second of duplicate address detection would go by before IPv6 answers.
    yield f"ip netns exec {name} sysctl -qw net.ipv6.conf.default.accept_dad=0"


def _cable(bridge: str, namespace: str, near: str, far: str) -> Iterator[str]:
    yield f"ip link add {near} type veth peer name {far} netns {namespace}"
    yield f"ip link set {near} master {bridge} up"
    yield f"ip -n {namespace} link set {far} up"


def _addresses(ip: str, device: str, v4: str | None, v6: str | None) -> Iterator[str]:
    if v4:
        yield f"{ip} addr add {v4}/24 dev {device}"
    if v6:
        yield f"{ip} addr add {v6}/64 dev {device} nodad"


