"""Which hops may become targets."""

import pytest

from hoploom.input_service.hop_sieve import Ranges, Sieve
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.targets.plan import Wishes, make
from hoploom.targets.sampling import parse_sampling
from hoploom.targets.space import by_family
from hoploom.wire.hops import Hop

NONE = {"special": 0, "in_set": 0, "excluded": 0, "opted_out": 0}


def ranges(*blocks: str) -> Ranges:
    return by_family(map(parse_block, blocks))


def members(*blocks: str) -> list[AddressSet]:
    wishes = Wishes(sampling=parse_sampling("all,all"), allow_private=True, contact="noc@example.org")
    found = make("demo", [parse_block(each) for each in blocks], [], wishes)
    return [AddressSet(each) for each in found.sets.values()]


@pytest.mark.parametrize(
    ("sieve", "hops", "good", "held"),
    [
        (Sieve(), "", "", {}),
        (Sieve(), "8.8.8.8 2a00::1", "8.8.8.8 2a00::1", {}),
        (Sieve(), "10.0.0.1 127.0.0.1 169.254.0.1 100.64.0.1 198.18.0.1 224.0.0.1", "", {"special": 6}),
        (Sieve(), "fe80::1 fd00::1 ::1 2001:db8::1 ff02::1 8.8.8.8", "8.8.8.8", {"special": 5}),
        (Sieve(sets=members("8.8.8.0/24")), "8.8.8.8 8.8.9.8 2a00::1", "8.8.9.8 2a00::1", {"in_set": 1}),
        (Sieve(sets=members("8.8.8.0/30", "2a00::/126")), "8.8.8.1 2a00::1 2a00::4", "2a00::4", {"in_set": 2}),
        (Sieve(excludes=ranges("8.8.8.0/24", "2a00::/32")), "8.8.8.8 8.8.9.8 2a00::1", "8.8.9.8", {"excluded": 2}),
        (Sieve(opt_outs=ranges("8.8.9.8")), "8.8.8.8 8.8.9.8", "8.8.8.8", {"opted_out": 1}),
        (Sieve(attended=False), "8.8.8.8 10.0.0.1", "", {"excluded": 1, "special": 1}),
        (Sieve(excludes=ranges("8.0.0.0/8"), opt_outs=ranges("8.8.0.0/16")), "8.8.8.8", "", {"excluded": 1}),
        (Sieve(sets=members("10.0.0.0/24")), "10.0.0.1", "", {"special": 1}),
    ],
)
def test_each_hop_is_let_through_or_held_back_for_one_reason(
    sieve: Sieve, hops: str, good: str, held: dict[str, int]
) -> None:
    found, counts = sieve.sift([Hop.parse(each) for each in hops.split()])
    assert (" ".join(map(str, found)), counts) == (good, NONE | held)
