"""Our blocks of lines: whatever is registered when Fabio reads them, it takes them, and the share is what was meant."""

import random

import pytest

from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import ConfigError
from hoploom.routing import shares, table


def instances(*versions: str, tags: tuple[str, ...] = ("urlprefix-/orders strip=/orders",)) -> list[Instance]:
    return [
        Instance(f"orders-{at}", "orders", "10.0.0.1", 8000 + at, tags=(*tags, version))
        for at, version in enumerate(versions)
    ]


def got(found: list[Instance], text: str, tag: str) -> float:
    made = table.effective(found, text)
    return sum(each.weight for each in made if tag in each.tags)


@pytest.mark.parametrize("weight", [0.0001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.99, 1])
@pytest.mark.parametrize(("old", "new"), [(1, 1), (4, 1), (3, 4), (6, 6)])
def test_a_share_is_what_was_asked_for(weight: float, old: int, new: int) -> None:
    found = instances(*["1.4.0"] * old, *["1.4.1"] * new)
    if weight * 10_000 < new:
        with pytest.raises(ConfigError, match="the least share"):
            shares.share(found, ["/orders"], "1.4.1", weight, new)
        return
    text = "\n".join(shares.share(found, ["/orders"], "1.4.1", weight, new))
    assert got(found, text, "1.4.1") == pytest.approx(weight, abs=1e-6)
    assert len(table.effective(found, text)) == old + new


def test_a_share_waits_for_those_that_are_to_come() -> None:
    before, after = instances("1.4.0", "1.4.0"), instances("1.4.0", "1.4.0", "1.4.1")
    text = "\n".join(shares.share(before, ["/orders"], "1.4.1", 0.1, 1))
    assert got(before, text, "1.4.0") == 1
    assert got(after, text, "1.4.1") == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(40))
def test_no_set_of_instances_makes_fabio_refuse_our_lines(seed: int) -> None:
    chance = random.Random(seed)
    first = instances(*chance.choices(["1.4.0", "1.4.1", "1.3.9"], k=5), "1.4.0", "1.4.1")
    lines = chance.choice(
        [
            shares.share(first, ["/orders"], "1.4.1", chance.uniform(0.01, 1), chance.randint(1, 9)),
            shares.nothing(first, ["/orders"], "1.4.1"),
        ]
    )
    for count in range(6):
        later = instances(*chance.choices(["1.4.0", "1.4.1", "1.3.9", "2.0"], k=count))
        made = table.effective(later, "\n".join(lines))
        assert {each.dst for each in made} == {f"http://10.0.0.1:{each.port}/" for each in later}, (seed, lines)


@pytest.mark.parametrize("old", [["1.4.0"], ["1.4.0"] * 6, ["1.3.9", "1.4.0", "1.4.0"]])
def test_nothing_leaves_them_listed_without_a_slot(old: list[str]) -> None:
    found = instances(*old, "1.4.1", "1.4.1")
    text = "\n".join(shares.nothing(found, ["/orders"], "1.4.1"))
    made = table.effective(found, text)
    new = [each for each in made if "1.4.1" in each.tags]
    assert table.slots([each.weight for each in new]) == [0, 0]
    # The others share evenly, whatever their versions.
    assert {round(each.weight, 9) for each in made if each not in new} == {round(1 / len(old), 9)}


def test_nothing_for_who_is_to_come_is_written_by_versions_alone() -> None:
    shared = ("urlprefix-/orders", "0-everybody-s")
    text = "\n".join(shares.nothing(instances("1.4.0", "1.4.0", tags=shared), ["/orders"], "1.4.1"))
    assert got(instances("1.4.0", "1.4.1", tags=shared), text, "1.4.1") == 0


def test_nothing_stays_nothing_when_others_go() -> None:
    text = "\n".join(shares.nothing(instances(*["1.4.0"] * 6, "1.4.1"), ["/orders"], "1.4.1"))
    for left in range(1, 6):
        assert got(instances(*["1.4.0"] * left, "1.4.1"), text, "1.4.1") == 0
    assert got(instances("1.4.1"), text, "1.4.1") == 1


@pytest.mark.parametrize(
    ("found", "tag", "reason"),
    [
        (instances("1.4.1"), "1.4.1", "nobody would be left"),
        (instances("1.4.1") + instances("1.4.1", tags=("urlprefix-/orders", "canary")), "canary", "has no tag that"),
        (instances("blue"), "green", "no tag of a version, and nobody has 'green' yet"),
        (instances("1.4.0"), 'a"b', "is no tag"),
        (instances("1.4.0"), "a,b", "is no tag"),
        (instances("1.4.0"), "", "is no tag"),
        (instances("1.4.0"), "urlprefix-/orders", "is no tag"),
    ],
)
def test_what_cannot_be_done_is_refused(found: list[Instance], tag: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        shares.nothing(found, ["/orders"], tag)


@pytest.mark.parametrize("weight", [-0.1, 0.0, 1.01, 5, float("nan"), float("inf")])
def test_a_share_outside_0_to_1_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        shares.share(instances("1.4.0"), ["/orders"], "1.4.1", weight, 1)


def test_a_block_takes_the_place_of_the_one_before() -> None:
    found = instances("1.4.0", "1.4.1")
    text = shares.put("", "orders", shares.share(found, ["/orders"], "1.4.1", 0.1, 1))
    other = shares.put(text, "stock", ["# stock /s: 10 % to \"a\"", 'route weight stock /s weight 0.1 tags "a"'])
    assert shares.services(other) == ["orders", "stock"]
    moved = shares.put(other, "orders", shares.share(found, ["/orders"], "1.4.1", 0.5, 1))
    assert "orders: 10 %" not in moved
    assert moved.count("route weight orders") == 1
    assert shares.put(shares.put(moved, "orders", []), "stock", []) == ""


def test_a_stranger_s_line_in_our_key_stays() -> None:
    text = shares.put("route del old\n", "orders", ["# orders /o: 1 % to \"x\""])
    assert "route del old" in shares.put(text, "orders", [])
