"""Documents of target sets: the same bytes from the same set, and nothing else is taken."""

import json
from typing import Any

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.targets.notation import parse_block
from hoploom.targets.ranges import merge
from hoploom.targets.sampling import ALL, DEFAULT_PUBLIC, PerPrefix
from hoploom.targets.special_purpose import Space
from hoploom.targets.target_set import Part, TargetSet, canonical_bytes, digest, from_document

SEED = bytes(range(16))


def part(rule: PerPrefix, *texts: str) -> Part:
    blocks = [parse_block(text) for text in texts]
    return Part(rule, tuple(merge((block.first, block.last) for block in blocks)))


IPV4 = TargetSet(4, SEED, (part(PerPrefix(24, 1), "8.8.0.0/16"), part(ALL, "127.0.0.0/28", "10.0.0.7")))
IPV6 = TargetSet(6, SEED, (part(DEFAULT_PUBLIC[6], "2a00::/32", "2a01::/126"),))


@pytest.mark.parametrize(("targets", "n"), [(IPV4, 256 + 16 + 1), (IPV6, 65_536 + 1)])
def test_a_set_comes_back_from_its_document_through_json(targets: TargetSet, n: int) -> None:
    found = from_document(json.loads(canonical_bytes(targets.to_document())))
    assert found == targets and found.n == n and found.digest() == targets.digest()


def test_the_canonical_bytes_and_the_name_never_change() -> None:
    assert canonical_bytes(TargetSet(4, SEED, (part(ALL, "10.0.0.7"),)).to_document()) == (
        b'{"family":4,"n":1,"order_version":1,"parts":[{"blocks":["10.0.0.7"],"per_prefix":"all"}],'
        b'"seed":"000102030405060708090a0b0c0d0e0f","v":1}'
    )
    assert IPV4.digest() == "ee02c12b45fd86b9d08f1c9defa683cc42d590f7210b939414519ec918e68a1d"
    assert IPV6.digest() == "c5921aa6c26f042340ff4cd2f69a5647eebbac899f4941d9d58adcfc01b74734"


def test_the_order_of_keys_does_not_matter_and_every_value_does() -> None:
    document = IPV4.to_document()
    assert digest(dict(reversed(document.items()))) == IPV4.digest()
    assert digest({**document, "seed": "00" * 16}) != IPV4.digest()


def test_the_kinds_of_space_are_counted_before_sampling() -> None:
    assert IPV4.spaces == {Space.LOOPBACK: 16, Space.PRIVATE: 1, Space.PUBLIC: 65_536}


DAMAGE: list[tuple[str, dict[str, Any]]] = [
    ("another version", {"v": 2}),
    ("another order version", {"order_version": 2}),
    ("an unknown family", {"family": 5}),
    ("a family of another type", {"family": []}),
    ("blocks of the other family", {"family": 6}),
    ("a wrong count", {"n": 1}),
    ("a short seed", {"seed": "00"}),
    ("a seed that is no hex", {"seed": "zz" * 16}),
    ("a seed that is no text", {"seed": 5}),
    ("no parts", {"parts": []}),
    ("parts that are no list", {"parts": 7}),
    ("a bad block", {"parts": [{"per_prefix": "all", "blocks": ["10.0.0.1/8"]}]}),
    ("blocks that are not merged", {"parts": [{"per_prefix": "all", "blocks": ["10.0.0.0/32", "10.0.0.1/32"]}]}),
    ("a block that is no text", {"parts": [{"per_prefix": "all", "blocks": [1]}]}),
    ("a bad rule", {"parts": [{"per_prefix": "24:0", "blocks": ["10.0.0.0/8"]}]}),
    ("a key too many", {"more": 1}),
    ("no address", {"n": 0, "parts": [{"per_prefix": "all", "blocks": []}]}),
    ("an address in two parts", {"parts": [{"per_prefix": each, "blocks": ["10.0.0.0/8"]} for each in ("all", "9:1")]}),
]


@pytest.mark.parametrize(("name", "change"), DAMAGE)
def test_a_damaged_document_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable):
        from_document({**IPV4.to_document(), **change})


@pytest.mark.parametrize("document", [None, [], "text", 1, {}])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(Unprocessable, match="no set of targets"):
        from_document(document)


def test_more_targets_than_positions_are_refused() -> None:
    everything = TargetSet(6, SEED, (part(ALL, "2000::/3"),))
    assert everything.n == 2**125
    with pytest.raises(Unprocessable):
        from_document(everything.to_document())
