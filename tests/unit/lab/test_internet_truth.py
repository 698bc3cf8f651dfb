"""The truth about a topology, and how a map is held against it."""

from pathlib import Path

import numpy as np
import pytest

from hoploom.wire.addresses import column, parse, text
from lab.internet.files import topology
from lab.internet.truth import Link, Truth

FOLDER = Path(__file__).resolve().parents[2] / "data" / "topologies"


def read(name: str) -> Truth:
    return Truth(topology((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


def test_interfaces_on_the_way_are_those_of_the_flow_and_ever_answer() -> None:
    flow = np.zeros(1, np.uint64)
    assert {text(each) for each in read("trouble").interfaces(column(["198.18.101.1"]), flow)} == {
        "198.18.0.1", "198.18.0.7",
    }  # fmt: skip
    diamonds = read("diamonds")
    one_flow = {text(each) for each in diamonds.interfaces(column(["198.18.102.1"]), flow)}
    assert len(one_flow) == 4 and {"198.18.0.1", "198.18.0.2"} < one_flow
    assert len(diamonds.all_interfaces()) == 12


@pytest.mark.parametrize(
    ("name", "target", "near", "far", "is_true"),
    [
        ("chain", "198.18.1.1", "198.18.0.1", "198.18.0.5", True),
        ("chain", "198.18.1.1", "198.18.0.5", "198.18.0.1", False),
        ("chain", "198.18.1.1", "198.18.0.1", "198.18.0.9", False),
        ("chain", "198.18.1.1", "198.18.0.13", "198.18.1.1", True),
        ("chain", "198.18.3.1", "198.18.0.13", "198.18.3.1", False),
        ("chain", "2001:db8:1::1", "2001:db8::d", "2001:db8:1::1", True),
        ("chain", "203.0.113.1", "198.18.0.13", "203.0.113.1", False),
        ("trouble", "198.18.101.1", "198.18.0.1", "198.18.0.2", True),
        ("trouble", "198.18.104.1", "198.18.0.6", "198.18.0.5", True),
        ("trouble", "198.18.101.1", "198.18.0.1", "198.18.0.7", True),
        ("diamonds", "198.18.102.1", "198.18.2.1", "198.18.2.2", True),
        ("diamonds", "198.18.102.1", "198.18.2.1", "198.18.2.6", False),
        ("diamonds", "198.18.104.1", "198.18.1.2", "198.18.2.9", True),
        ("diamonds", "198.18.101.1", "198.18.1.1", "198.18.1.2", False),
    ],
)
def test_links_are_between_neighbours_on_some_way(name: str, target: str, near: str, far: str, is_true: bool) -> None:
    assert read(name).is_link(parse(target), parse(near), parse(far)) is is_true


@pytest.mark.parametrize(
    ("hops", "false"),
    [
        ([(1, "198.18.0.1"), (2, "198.18.0.5"), (3, "198.18.0.9")], None),
        ([(1, "198.18.0.1"), (3, "198.18.0.9")], None),
        ([(1, "198.18.0.1"), (2, ""), (3, "198.18.0.9")], None),
        ([(4, "198.18.0.13"), (5, "198.18.1.1"), (6, "198.18.1.1")], None),
        ([(1, "198.18.0.1"), (2, "198.18.0.9")], ("198.18.0.1", "198.18.0.9")),
        ([(3, "198.18.0.9"), (4, "198.18.1.1")], ("198.18.0.9", "198.18.1.1")),
        ([(1, "198.18.0.1"), (2, "203.0.113.1")], ("198.18.0.1", "203.0.113.1")),
    ],
)
def test_a_false_link_is_one_claimed_at_neighbouring_ttls(
    hops: list[tuple[int, str]], false: tuple[str, str] | None
) -> None:
    # A second target with the same hops: nothing is claimed across the border of two traces.
    ttls = np.array([ttl for ttl, _ in hops * 2], np.uint8)
    found = read("chain").false_links(
        column(["198.18.1.1", "198.18.1.1"]),
        np.repeat(np.array([0, 1], np.int32), len(hops)),
        ttls,
        column(address for _, address in hops * 2),
    )
    assert found == ([Link("198.18.1.1", *false)] * 2 if false else [])
