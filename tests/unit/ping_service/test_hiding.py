"""The first hops of an owner's network: neither probed nor told."""

from dataclasses import replace

import numpy as np
import pytest

from hoploom.ping_service import chunk, hiding, owner
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.settings import Settings
from hoploom.prober.traces import REACHED, UNREACHABLE, TraceColumns
from hoploom.wire.addresses import column, texts
from hoploom.wire.batch import UNREACHABLE as REFUSED
from hoploom.wire.probe import Probe
from unit.ping_service.stations import columns, lease, paths

TARGETS = column(["8.8.8.8", "9.9.9.9"])


def traced() -> TraceColumns:
    """The second target is refused by a router one hop away, by a packet that was sent with a TTL of 16."""
    found = paths(TARGETS, np.array([REACHED, UNREACHABLE], np.uint8))
    address, ttl, quoted = found.hop_address.copy(), found.hop_ttl.copy(), found.hop_quoted_ttl.copy()
    address[2:] = column(["198.51.100.1", "192.168.1.1"])
    ttl[:], quoted[:] = [3, 4, 3, 16], [1, -1, 1, 16]
    return replace(found, hop_address=address, hop_ttl=ttl, hop_quoted_ttl=quoted,
                   mpls_hop=np.array([2, 3, 3], np.int32), mpls_entry=np.array([7, 8, 9], np.uint32))


@pytest.mark.parametrize(
    ("hops", "told", "labels"),
    [
        (0, ["192.0.2.1", "8.8.8.8", "198.51.100.1", "192.168.1.1"], [(2, 7), (3, 8), (3, 9)]),
        (1, ["192.0.2.1", "8.8.8.8", "198.51.100.1"], [(2, 7)]),
        (2, ["192.0.2.1", "8.8.8.8", "198.51.100.1"], [(2, 7)]),
        (3, ["8.8.8.8"], []),
    ],
)
def test_what_lies_within_the_hidden_hops_is_not_told(
    hops: int, told: list[str], labels: list[tuple[int, int]]
) -> None:
    found = hiding.of_traces(traced(), TARGETS, hops)
    assert texts(found.hop_address) == told
    assert list(zip(found.mpls_hop.tolist(), found.mpls_entry.tolist(), strict=True)) == labels
    assert len(found) == 2


def test_a_target_speaks_for_itself_however_near_it_is() -> None:
    found = paths(TARGETS, np.array([REACHED, REACHED], np.uint8))
    assert texts(hiding.of_traces(found, TARGETS, 5).hop_address) == ["8.8.8.8", "9.9.9.9"]


@pytest.mark.parametrize(("hops", "told"), [(0, ["192.168.1.1", "198.41.0.4"]), (2, ["", "198.41.0.4"])])
def test_a_private_router_that_refuses_a_ping_is_not_named(hops: int, told: list[str]) -> None:
    found = replace(columns(np.full(2, REFUSED, np.uint8)), icmp_from=column(["192.168.1.1", "198.41.0.4"]))
    assert texts(hiding.of_pings(found, hops).icmp_from) == told


@pytest.mark.parametrize(("max_ttl", "ends"), [(32, (4, 16, 32)), (2, (4, 4, 4))])
def test_hidden_hops_are_not_probed(max_ttl: int, ends: tuple[int, int, int]) -> None:
    asked = lease(probe=Probe(kind="trace", max_ttl=max_ttl))
    found = chunk.trace_settings(asked, 0, Orders(owner=owner.limits(Settings(hidden_hops=3))))
    assert (found.first_ttl, found.split_ttl, found.max_ttl) == ends
