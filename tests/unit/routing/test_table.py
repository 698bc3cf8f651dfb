"""Fabio's table on paper; that it is Fabio's is shown by tests/integration/test_routing_fabio.py."""

import random

import pytest

from hoploom.kit.consul_records import Instance
from hoploom.kit.version_shares import weights
from hoploom.routing import table


def instance(name: str, port: int, *tags: str, service: str = "orders") -> Instance:
    return Instance(name, service, "10.0.0.1", port, dc="dc1", tags=tags)


@pytest.mark.parametrize("seed", range(50))
def test_shares_add_up_to_one_and_whoever_has_any_has_a_slot(seed: int) -> None:
    chance = random.Random(seed)
    fixed = [chance.choice([0.0, chance.random(), chance.random() / 1e6, 3.0]) for _ in range(chance.randint(1, 12))]
    shares = weights(fixed)
    assert sum(shares) == pytest.approx(1)
    assert all((slot > 0) == (share > 0) for slot, share in zip(table.slots(shares), shares, strict=True))
    assert sum(table.slots(shares)) <= table.SLOTS + len(fixed)


def test_six_sixths_leave_a_slot_over() -> None:
    # Why all of it is written as more than 1 (`shares`): their sum is a rounding less.
    assert table.slots(weights([1 / 6] * 6 + [0]))[-1] == 1


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        (("urlprefix-/x", "b", "a"), 'route add orders /x http://10.0.0.1:80/ tags "b,a"'),
        (("urlprefix-Host.Example/X strip=/X  weight=0.2",),
         'route add orders host.example/X http://10.0.0.1:80/ weight 0.2 opts "strip=/X"'),
        (("urlprefix-$DC.example/${DC}/$HOME",), "route add orders dc1.example/dc1/ http://10.0.0.1:80/"),
        (("urlprefix-:3306 proto=tcp",), "route add orders :3306 tcp://10.0.0.1:80"),
        (("urlprefix-/s proto=https",), "route add orders /s https://10.0.0.1:80"),
        (("urlprefix-/r redirect=301,https://x$path",), 'route add orders /r https://x$path opts "redirect=301"'),
        (("urlprefix-/r redirect=301",), "route add orders /r http://10.0.0.1:80/"),
        (("urlprefix-/q", 'a"b'), 'route add orders /q http://10.0.0.1:80/ tags "a\\"b"'),
    ],
)  # fmt: skip
def test_tags_become_lines(tags: tuple[str, ...], line: str) -> None:
    assert table.registered_lines([instance("a", 80, *tags)]) == [line]


def test_an_ipv6_address_is_in_brackets() -> None:
    found = Instance("a", "orders", "::1", 80, tags=("urlprefix-/x",))
    assert table.registered_lines([found]) == ["route add orders /x http://[::1]:80/"]


def test_a_service_s_tag_can_break_the_table_too() -> None:
    with pytest.raises(table.Refused, match="line 1"):
        table.effective([instance("a", 80, "urlprefix-/q", 'a"b')], "")


def test_whose_line_breaks_it_is_said_by_its_key() -> None:
    text = "# --- fabio/config/a\nroute del a\n\n# --- fabio/config/b\n\nroute nonsense"
    with pytest.raises(table.Refused, match=r"^fabio/config/b line 2 \(`route nonsense`\): it does not begin"):
        table.effective([], text)


def test_a_weight_for_nobody_breaks_it() -> None:
    with pytest.raises(table.Refused, match="no target matches"):
        table.effective([instance("a", 80, "urlprefix-/x")], "route weight orders /y weight 0.1")


def test_what_changes_is_said_by_target() -> None:
    two = [instance("a", 80, "urlprefix-/x", "old"), instance("b", 81, "urlprefix-/x", "new")]
    before = table.effective(two, "")
    assert table.difference(before, before) == []
    assert table.difference(before, table.effective(two, 'route weight orders /x weight 0.1 tags "new"')) == [
        "/x -> http://10.0.0.1:80/ (orders): 50 % -> 90 %",
        "/x -> http://10.0.0.1:81/ (orders): 50 % -> 10 %",
    ]
    assert table.difference(before, table.effective(two, 'route del orders tags "new"')) == [
        "/x -> http://10.0.0.1:80/ (orders): 50 % -> 100 %",
        "/x -> http://10.0.0.1:81/ (orders): 50 % -> not listed",
    ]


def test_sources_are_named_once() -> None:
    found = [instance("a", 80, "urlprefix-/b", "urlprefix-/a"), instance("b", 81, "urlprefix-/a", "plain")]
    assert table.sources(found) == ["/a", "/b"]
