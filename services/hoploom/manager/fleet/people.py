"""Who of the fleet can be probed: workers elsewhere by what their owners advertise, those of hosts by Consul. Pure."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from hoploom.kit.consul_records import Instance
from hoploom.kit.external_nodes import EDGE
from hoploom.manager.registry import LEFT, SILENT, Seen


def addresses(heard: Iterable[Seen], instances: Iterable[Instance]) -> dict[str, tuple[str, ...]]:
    """Addresses by worker, sorted by name; workers without any are not there.

    Args:
        heard: Workers by their ads, which say what their owners let others probe. Who is silent is not probed.
        instances: Instances of `ping` in Consul. A host's address counts unless it is loopback, which is everybody's.
    """
    found = {each.id: each.body.addresses for each in heard if each.status not in (SILENT, LEFT)}
    for each in instances:
        name = each.meta.get("worker", "")
        if name and EDGE not in each.meta and _is_of_a_host(each.address):
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), each.address)))
    return {name: known for name, known in sorted(found.items()) if known}


def owners(fleet: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Whose each address is; one of several workers (behind one router) is called by all of them."""
    found: dict[str, str] = {}
    for name, known in sorted(fleet.items()):
        for each in known:
            found[each] = f"{found[each]}+{name}" if each in found else name
    return found


def _is_of_a_host(text: str) -> bool:
    try:
        return not ip_address(text).is_loopback
    except ValueError:
        # A name, which may mean another address tomorrow.
        return False
