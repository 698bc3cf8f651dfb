"""A whole worker whose input service is hostile: whatever leases say, it keeps to its own limits and stays alive."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.ping_service import work
from hoploom.ping_service.lease_client import Renewal
from hoploom.ping_service.station import REASONS, UNFIT
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import ALL
from hoploom.targets.space import by_family
from hoploom.targets.target_set import Part, TargetSet
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.lease import Lease
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.probe import Probe
from unit.ping_service.stations import FakeMesh, FakeProber, lease, on_virtual_time, working

NEVER = (
    *("0.0.0.1", "169.254.169.254", "192.0.0.8", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    "255.255.255.255",
)
NEVER6 = (
    *("::", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2002:7f00:1::"),
    *("2002:c0a8:101::1", "5f00::1", "fe80::1", "fec0::1", "ff02::1"),
)
OWN = ("127.0.0.1", "10.1.2.3", "100.64.0.1", "172.16.0.1", "192.168.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9")
OWN6 = ("::1", "fc00::1", "fd12::1", "2001:db8::1", "3fff::1")
PUBLIC, PUBLIC6 = ("8.8.8.8", "9.9.9.9"), ("2001:4860:4860::8888", "2606:4700::1111")


def holding(*addresses: str) -> AddressSet:
    """A set of any addresses, as no honest input service would make it."""
    ((family, ranges),) = by_family(map(parse_block, addresses)).items()
    return AddressSet(TargetSet(family, bytes(16), (Part(ALL, tuple(ranges)),)))


async def probed(
    monkeypatch: pytest.MonkeyPatch, whole: AddressSet, leases: Sequence[Lease] = (), seconds: float = 30.0,
    overlay: OverlayDocument | None = None, **settings: Any,
) -> FakeProber:  # fmt: skip
    """What the worker has sent to, after so many seconds of such leases."""
    prober = FakeProber()
    mesh = FakeMesh(leases=list(leases), renewal=Renewal(30, MAX_RATE_PPS))
    mesh.overlay = overlay or OverlayDocument()
    mesh.whole = whole
    monkeypatch.setattr(work, "open_prober", lambda *_, **__: prober)
    async with working(mesh, **{"allow_private": False, **settings}):
        await asyncio.sleep(seconds)
    return prober


def everything(whole: AddressSet, **changes: Any) -> Lease:
    """A lease of a whole set, with every key and the highest rate."""
    return lease(0, whole.n, family=whole.family, rate_pps=MAX_RATE_PPS, **changes)


def reached(prober: FakeProber) -> set[str]:
    return {name for _, name in prober.sent_s}


@pytest.mark.parametrize(
    ("named", "allow_private", "expected"),
    [
        ((*NEVER, *OWN, *PUBLIC), False, PUBLIC),
        ((*NEVER, *OWN, *PUBLIC), True, (*OWN, *PUBLIC)),
        ((*NEVER6, *OWN6, *PUBLIC6), False, PUBLIC6),
        ((*NEVER6, *OWN6, *PUBLIC6), True, (*OWN6, *PUBLIC6)),
    ],
)
@on_virtual_time
async def test_no_lease_opens_space_that_the_owner_has_not_opened(
    monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...], allow_private: bool, expected: tuple[str, ...]
) -> None:
    whole = holding(*named)
    found = await probed(monkeypatch, whole, [everything(whole)], allow_private=allow_private)
    assert reached(found) == {str(ipaddress.ip_address(each)) for each in expected}


@on_virtual_time
async def test_anchors_open_no_space_either(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = holding("8.8.8.8")
    anchors = ("127.0.0.1", "10.0.0.1", "224.0.0.1", "169.254.169.254", "9.9.9.9", "1.1.1.1", "no address")
    found = await probed(monkeypatch, whole, [everything(whole, anchors=anchors)], exclude="1.1.1.0/24")
    assert reached(found) == {"8.8.8.8", "9.9.9.9"}


@pytest.mark.parametrize("overlay", [None, OverlayDocument(version=7)])
@on_virtual_time
async def test_what_the_owner_excludes_is_not_probed_whatever_the_overlay_says(
    monkeypatch: pytest.MonkeyPatch, overlay: OverlayDocument | None
) -> None:
    whole = holding("8.8.8.0/28")
    found = await probed(monkeypatch, whole, [everything(whole)], overlay=overlay, exclude="8.8.8.0/29,8.8.8.9")
    assert reached(found) == {f"8.8.8.{host}" for host in (8, *range(10, 16))}


def busiest(prober: FakeProber, window_s: float) -> int:
    """The most packets that left within any such time."""
    times = [at_s for at_s, _ in prober.sent_s]
    return max(sum(1 for each in times[at:] if each < start_s + window_s) for at, start_s in enumerate(times))


@pytest.mark.parametrize(("rate_pps", "within_s", "most"), [(5, 10.0, 51), (50, 1.0, 51)])
@on_virtual_time
async def test_no_rate_of_a_lease_or_a_renewal_is_above_the_owners(
    monkeypatch: pytest.MonkeyPatch, rate_pps: int, within_s: float, most: int
) -> None:
    whole = holding("8.8.8.0/24")
    leases = [lease(start, start + 64, rate_pps=rate, ttl_s=3600) for start, rate in
              ((0, MAX_RATE_PPS), (64, 0), (128, 1_000), (192, MAX_RATE_PPS))]  # fmt: skip
    found = await probed(monkeypatch, whole, leases, seconds=100, max_rate_pps=rate_pps)
    assert len(found.sent_s) == 256
    assert all(settings.rate_pps is not None and settings.rate_pps <= rate_pps for _, settings in found.asked)
    assert busiest(found, within_s) <= most


@pytest.mark.parametrize(("asked", "block", "most"), [(0, "8.8.8.0/30", 100), (0, "10.0.0.0/30", 1000)])
@on_virtual_time
async def test_without_any_rate_only_loopback_is_unlimited(
    monkeypatch: pytest.MonkeyPatch, asked: int, block: str, most: int
) -> None:
    whole = holding(block)
    found = await probed(monkeypatch, whole, [lease(0, 4, rate_pps=asked)], allow_private=True)
    assert [settings.rate_pps for _, settings in found.asked] == [most]


@pytest.mark.parametrize(
    ("leases", "mesh_wide", "owner", "expected"),
    [(MAX_RATE_PPS, 0, 3, 3), (0, 0, 3, 3), (0, 5, 3, 3), (2, 5, 3, 2), (0, 0, 0, None)],
)
@on_virtual_time
async def test_the_owners_cap_of_a_network_bounds_every_chunk_and_every_anchor(
    monkeypatch: pytest.MonkeyPatch, leases: int, mesh_wide: int, owner: int, expected: int | None
) -> None:
    whole = holding("8.8.8.0/28")
    hostile = [
        lease(start, start + 4, network_pps=leases, anchors=("9.9.9.9",), probe=Probe(count=16, interval_ms=10))
        for start in range(0, 16, 4)
    ]
    overlay = OverlayDocument(version=1, network_pps=mesh_wide)
    found = await probed(monkeypatch, whole, hostile, overlay=overlay, max_network_pps=owner)
    assert len(found.asked) == 8 and {settings.network_pps for _, settings in found.asked} == {expected}


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("more positions than targets", {"start": 0, "stop": 65_536}),
        ("positions behind the last target", {"start": 2**50, "stop": 2**50 + 1}),
        ("another family than its targets", {"start": 0, "stop": 3, "family": 6}),
    ],
)
@on_virtual_time
async def test_a_lease_that_does_not_fit_its_set_goes_back_and_the_worker_goes_on(
    monkeypatch: pytest.MonkeyPatch, what: str, changes: dict[str, Any]
) -> None:
    whole = holding("8.8.8.0/30")
    found = await probed(monkeypatch, whole, [lease(**changes), lease(0, 4)], seconds=60)
    assert len(found.sent_s) == 4, what


class Malformed(FakeMesh):
    """Its sets have the right name, and are no sets."""

    async def address_set(self, revision: str) -> AddressSet:
        raise Unprocessable("This is no set of targets.")


@on_virtual_time
async def test_a_set_that_is_none_ends_its_lease_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh, prober = Malformed(leases=[lease()]), FakeProber()
    monkeypatch.setattr(work, "open_prober", lambda *_, **__: prober)
    async with working(mesh):
        await asyncio.sleep(20)
    assert mesh.words == [REASONS[UNFIT]] and prober.sent_s == []
