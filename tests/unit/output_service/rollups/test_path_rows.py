"""Links out of traceroutes: those that are there, the silent hops that they lead over, and none that is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.output_service.rollups.path_rows import topology
from hoploom.wire.addresses import column, text
from lab.internet import files
from lab.internet.compiling import compiled
from lab.internet.generator import Generated, generate
from lab.internet.links import Judge
from lab.internet.topology import Topology
from unit.output_service.rollups.made_traces import address, traced, walked

TOPOLOGIES = Path(__file__).resolve().parents[3] / "data" / "topologies"
PREFIXES = 80
LETTERS = {address(letter): letter for letter in "abcdxyz"} | {"": "worker"}


def said(links: NDArray[Any]) -> set[tuple[str, str, int]]:
    """Links as letters and gaps."""
    ends = [(LETTERS[text(row["near"].tobytes())], LETTERS[text(row["far"].tobytes())]) for row in links]
    return {(*each, int(gap)) for each, gap in zip(ends, links["gap"], strict=True)}


@pytest.mark.parametrize(
    ("path", "known", "expected"),
    [
        pytest.param([(1, "a"), (2, "b"), (3, "x")], {"distance": 3},
                     {("worker", "a", 0), ("a", "b", 0), ("b", "x", 0)}, id="a whole path begins at its worker"),
        pytest.param([(1, "a"), (2, ""), (3, "b")], {}, {("worker", "a", 0), ("a", "b", 1)},
                     id="a silent hop is a gap and no link"),
        pytest.param([(1, "a"), (2, ""), (3, ""), (4, "x")], {"distance": 4}, {("worker", "a", 0), ("a", "x", 2)},
                     id="two silent hops before the target"),
        pytest.param([(1, ""), (2, "a")], {}, {("worker", "a", 1)}, id="the first hop is silent"),
        pytest.param([(3, "a"), (4, "b")], {}, {("worker", "a", 2), ("a", "b", 0)}, id="the first hops are hidden"),
        pytest.param([(3, "a"), (4, "b")], {"joined": 3}, {("a", "b", 0)}, id="a path that joins others has no worker"),
        pytest.param([(1, "a"), (3, "b")], {}, {("worker", "a", 0)}, id="a hop that nobody asked is no silent one"),
        pytest.param([(1, "a"), (32, "!b")], {}, {("worker", "a", 0)}, id="the first probe's answer is nowhere"),
        pytest.param([(1, "a"), (2, ""), (3, "!b")], {}, {("worker", "a", 0)},
                     id="an unreachable may come from nearer than its TTL"),
        pytest.param([(1, "a"), (2, "!b")], {}, {("worker", "a", 0), ("a", "b", 0)}, id="an unreachable next door"),
        pytest.param([(1, "a"), (2, "a"), (3, "b")], {}, {("worker", "a", 0), ("a", "b", 0)},
                     id="one that answers twice is no link to itself"),
        pytest.param([(1, "a"), (2, ""), (3, "x")], {}, {("worker", "a", 0)},
                     id="a target at a distance that is not known"),
        pytest.param([(1, ""), (2, "")], {}, set(), id="nobody answers"),
        pytest.param([], {}, set(), id="a target without any hop"),
    ],
)  # fmt: skip
def test_links_are_what_a_path_shows(
    path: Sequence[tuple[int, str]], known: dict[str, int], expected: set[tuple[str, str, int]]
) -> None:
    assert said(topology(traced(("x", path), **known), 4)[0]) == expected


def test_links_and_hops_of_several_paths_are_counted_with_their_smallest_times() -> None:
    rows = traced(("x", [(1, "a"), (2, "b"), (3, "x")]), ("y", [(1, "a"), (2, "b"), (4, "y")]), distance=3)
    links, hops = topology(rows, 4)
    [link] = [each for each in links if said(links[links == each]) == {("a", "b", 0)}]
    assert (link["count"], link["near_rtt_us"], link["far_rtt_us"]) == (2, 1000, 2000)
    found = {LETTERS[text(each["address"].tobytes())]: each for each in hops}
    assert {name: int(each["count"]) for name, each in found.items()} == {"a": 2, "b": 2, "x": 1, "y": 1}
    assert {name for name, each in found.items() if each["is_target"]} == {"x", "y"}
    assert (found["y"]["ttl_min"], found["y"]["ttl_max"], found["y"]["rtt_us"]) == (4, 4, 4000)


@pytest.mark.parametrize("name", ["trouble", "diamonds", "generated", "generated with loss"])
def test_no_link_is_said_that_is_not_in_the_internet(name: str) -> None:
    known, targets = internet(name)
    links, judge = topology(walked(known, targets), 4)[0], Judge(known)
    assert len(links) > 4 and [each for each in links if not judge.is_true(each)] == []
    assert name != "trouble" or links["gap"].any()


def test_a_link_the_wrong_way_round_is_seen() -> None:
    known, targets = internet("trouble")
    links = topology(walked(known, targets), 4)[0]
    links = links[links["near"].any(axis=1)]
    links["near"], links["far"] = links["far"].copy(), links["near"].copy()
    judge = Judge(known)
    # A packet that loops passes both ways.
    assert sum(judge.is_true(each) for each in links) == 2


def internet(name: str) -> tuple[Topology, NDArray[np.uint8]]:
    """A topology, and targets in its prefixes."""
    if name.startswith("generated"):
        known = compiled(generate(Generated(seed=5, prefixes=PREFIXES), 0.02 if "loss" in name else 0.0))
        return known, column(f"10.{row >> 8}.{row & 255}.7" for row in range(PREFIXES))
    declared = (TOPOLOGIES / f"{name}.toml").read_text(encoding="utf-8")
    prefixes = [each.prefix for each in files.declaration(declared).prefixes if ":" not in str(each.prefix)]
    return files.topology(declared), column(str(each).rsplit(".", 1)[0] + ".7" for each in prefixes)
