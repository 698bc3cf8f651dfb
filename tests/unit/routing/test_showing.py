"""What several tables say together, and who differs."""

from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import showing
from hoploom.routing.showing import SeenTable


def entry(port: int, share: float, tag: str = "1.4.0", service: str = "orders") -> RouteEntry:
    return RouteEntry(service, f"/{service}", f"http://h:{port}/", weight=share, tags=(tag,))


ONE = (entry(1, 0.45), entry(2, 0.45), entry(3, 0.1, "1.4.1"))


def test_targets_with_the_same_tags_are_one_group() -> None:
    groups = showing.groups([SeenTable("a", ONE), SeenTable("b", (*ONE, entry(4, 1, service="stock")))], ["orders"])
    assert [(each.tags, len(each.targets), dict(each.shares)) for each in groups] == [
        (("1.4.0",), 2, {"a": 0.9, "b": 0.9}),
        (("1.4.1",), 1, {"a": 0.1, "b": 0.1}),
    ]
    assert all(each.alike for each in groups)


def test_all_alike_is_nothing_to_say() -> None:
    assert showing.differing([SeenTable("a", ONE), SeenTable("b", tuple(reversed(ONE)))]) == []


def test_who_lacks_has_more_shares_otherwise_or_is_away_is_named() -> None:
    usual = [SeenTable("a", ONE), SeenTable("b", ONE)]
    cases = {
        "c lacks /orders -> http://h:3/, unlike a": ONE[:2],
        "c alone has /orders -> http://h:4/, unlike a": (*ONE, entry(4, 0.1)),
        "c gives /orders -> http://h:3/ 20.00% and a 10.00%": (*ONE[:2], entry(3, 0.2, "1.4.1")),
    }
    for said, routes in cases.items():
        assert showing.differing([*usual, SeenTable("c", routes)]) == [said]
    assert showing.differing([*usual, SeenTable("c", None, "why")]) == ["c does not answer: why"]
    assert showing.differing([SeenTable("c", None, "why")]) == ["c does not answer: why"]
