"""Who of the fleet can be probed, and whose an address is."""

import pytest

from hoploom.kit.consul_api import Instance
from hoploom.manager.fleet import people
from hoploom.manager.registry import Registry
from hoploom.wire.ad_bodies import WorkerBody
from unit.manager.ads_made import ad_of, enveloped


def heard(*names: str, **body: object) -> Registry:
    registry = Registry(lambda: 0.0)
    for name in names:
        ad = ad_of(id=name, body=WorkerBody(**body))  # type: ignore[arg-type]
        registry.hear(ad, enveloped(ad))
    return registry


def instance(worker: str, address: str, **meta: str) -> Instance:
    return Instance(f"ping-{worker}", "ping", address, 7, meta={"worker": worker, **meta})


def test_owners_advertise_and_hosts_are_known() -> None:
    seen = heard("attic", addresses=("192.0.2.7", "2001:db8::7")).workers()
    assert people.addresses(seen, [instance("a1", "10.0.0.1")]) == {
        "a1": ("10.0.0.1",), "attic": ("192.0.2.7", "2001:db8::7")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("loopback is everybody's", instance("a1", "127.0.0.1")),
        ("a name may mean another address tomorrow", instance("a1", "a1.example.org")),
        ("one elsewhere has no address of its own there", instance("pi", "10.0.0.1", edge="true")),
        ("one without a lasting name is nobody", instance("", "10.0.0.1")),
    ],
)
def test_nobody_is_probed_by_an_address_that_is_not_its_own(what: str, found: Instance) -> None:
    assert people.addresses([], [found]) == {}, what


def test_who_advertises_nothing_is_not_probed() -> None:
    assert people.addresses(heard("attic").workers(), []) == {}


def test_a_host_that_advertises_has_both() -> None:
    seen = heard("a1", addresses=("192.0.2.7",)).workers()
    assert people.addresses(seen, [instance("a1", "10.0.0.1"), instance("a1", "192.0.2.7")]) == {
        "a1": ("192.0.2.7", "10.0.0.1")
    }


def test_an_address_of_two_is_called_by_both() -> None:
    fleet = {"attic": ("192.0.2.7",), "barn": ("192.0.2.7", "192.0.2.8")}
    assert people.owners(fleet) == {"192.0.2.7": "attic+barn", "192.0.2.8": "barn"}
