"""Shares by version as calls between services follow them: the same as Fabio's table gives."""

import random
from collections.abc import Sequence

import pytest

from hoploom.kit import version_shares
from hoploom.kit.consul_records import Instance
from hoploom.routing import shares, table


def _instance(at: int, *tags: str) -> Instance:
    return Instance(f"o{at}", "orders", "10.0.0.1", at + 1, dc="dc1", tags=("urlprefix-/orders", *tags))


def _world(**versions: int) -> list[Instance]:
    """So many instances of each version, which is named by a letter."""
    tags = [f"1.{ord(name)}.0" for name, count in versions.items() for _ in range(count)]
    return [_instance(at, tag) for at, tag in enumerate(tags)]


def _by_table(instances: Sequence[Instance], text: str) -> dict[str, float]:
    ports = {each.port: each.id for each in instances}
    found = {each.id: 0.0 for each in instances}
    for entry in table.effective(instances, text):
        found[ports[int(entry.dst.rstrip("/").rsplit(":", 1)[1])]] += entry.weight
    return found


def _by_kit(instances: Sequence[Instance], text: str) -> dict[str, float]:
    found = dict[str, float]()
    for share, names in version_shares.parts(instances, version_shares.read(text, "orders")):
        found |= dict.fromkeys(names, share / len(names))
    return found or {each.id: 1 / len(instances) for each in instances}


A, B, C = "1.97.0", "1.98.0", "1.99.0"


@pytest.mark.parametrize("seed", range(60))
def test_every_instance_has_the_share_that_fabio_gives_it(seed: int) -> None:
    chance = random.Random(seed)
    known = _world(a=chance.randint(1, 4), b=chance.randint(1, 3), c=chance.randint(0, 2))
    text = ""
    if seed % 2:
        lines = shares.nothing(known, ["/orders"], B)
    else:
        lines = shares.share(known, ["/orders"], B, chance.choice([0.01, 0.1, 0.5, 1.0]), chance.randint(1, 4))
    text = shares.put(text, "orders", lines)
    # Some have gone since, and some have come: the lines are still the same.
    now = [each for each in known if chance.random() < 0.8] or known
    now += [_instance(at, chance.choice([A, B, C])) for at in range(20, 20 + chance.randint(0, 2))]
    assert _by_kit(now, text) == pytest.approx(_by_table(now, text))


SAID = [
    ("nothing to the new one", shares.nothing(_world(a=2, b=2), ["/orders"], B), [(1.0, 2), (0.0, 2)]),
    ("a tenth to the new one", shares.share(_world(a=3, b=1), ["/orders"], B, 0.1, 1), [(0.9, 3), (0.1, 1)]),
    ("all to the new one", shares.share(_world(a=1, b=2), ["/orders"], B, 1.0, 2), [(0.0, 1), (1.0, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("_", "lines", "wanted"), SAID, ids=[each[0] for each in SAID])
def test_what_is_said_is_what_they_get(_: str, lines: list[str], wanted: list[tuple[float, int]]) -> None:
    world = _world(a=wanted[0][1], b=wanted[1][1])
    found = version_shares.parts(world, version_shares.read("\n".join(lines), "orders"))
    assert [len(names) for _, names in found] == [count for _, count in wanted]
    assert [share for share, _ in found] == pytest.approx([share for share, _ in wanted])


def test_of_several_sources_the_first_one_counts() -> None:
    lines = shares.share(_world(a=1, b=1), ["/a", "/b"], B, 0.1, 1)
    assert len(version_shares.read("\n".join(lines), "orders")) == 1


NOTHING = [
    ("no text", ""),
    ("another service", 'route weight stock /x weight 0.2 tags "1.98.0"'),
    ("a remark", '# route weight orders /x weight 0.2 tags "1.98.0"'),
    ("no number", 'route weight orders /x weight NaN tags "1.98.0"'),
    ("a version that is not there", 'route weight orders /x weight 0.2 tags "9.9.9"'),
    ("no tags", "route weight orders /x weight 0.2"),
]


@pytest.mark.parametrize(("_", "text"), NOTHING, ids=[each[0] for each in NOTHING])
def test_where_nothing_is_said_all_are_alike(_: str, text: str) -> None:
    assert version_shares.parts(_world(a=1, b=1), version_shares.read(text, "orders")) == []


@pytest.mark.parametrize(
    ("fixed", "wanted"),
    [
        ([0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]),
        ([0.1, 0, 0], [0.1, 0.45, 0.45]),
        ([1, 0], [1, 0]),
        ([3, 1], [0.75, 0.25]),
        ([3, 1, 0], [0.75, 0.25, 0]),
        # Fixed all of them, and less than all: scaled up.
        ([0.1, 0.1], [0.5, 0.5]),
        ([-1, 0], [0.5, 0.5]),
    ],
)
def test_fixed_weights_take_their_part_and_the_rest_is_divided(fixed: list[float], wanted: list[float]) -> None:
    assert version_shares.weights(fixed) == pytest.approx(wanted)
