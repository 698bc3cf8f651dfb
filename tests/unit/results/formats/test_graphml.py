"""The topology as GraphML, read back by networkx."""

from __future__ import annotations

import io
from typing import Any

import networkx
import pytest

from hoploom.results.formats import graphml
from hoploom.results.rows import Group, HopRow, TraceRow
from unit.results.groups import group
from unit.results.records import PING


def path(target: str, *hops: str | None, rtt_us: int = 1000, outcome: int = 1) -> TraceRow:
    rows = [
        HopRow(ttl, hop, None if hop is None else rtt_us * ttl, 60, 1, 11, 0, None, 0)
        for ttl, hop in enumerate(hops, 1)
    ]
    return TraceRow(target, outcome, 9, None, None, tuple(rows), 0)


def read(*groups: Group) -> Any:
    out = io.BytesIO()
    graphml.write(groups, out)
    return networkx.read_graphml(io.BytesIO(out.getvalue()))


def edges(graph: Any) -> list[tuple[Any, ...]]:
    return sorted(
        (near, far, data["campaign"], data["count"], data["min_rtt_us"]) for near, far, data in graph.edges(data=True)
    )


def test_edges_are_counted_and_have_the_smallest_rtt_of_their_far_end() -> None:
    found = read(group(path("d", "a", "b", "c"), path("e", "a", "b", rtt_us=700)), group(path("f", "x", "b", "c")))
    assert edges(found) == [
        ("a", "b", "first-map", 2, 1400), ("b", "c", "first-map", 2, 3000), ("x", "b", "first-map", 1, 2000)
    ]  # fmt: skip
    assert found.is_directed()


def test_nodes_say_how_often_they_answered_and_whether_they_were_targets() -> None:
    found = read(group(path("c", "a", "b", "c", outcome=0), path("d", "a", "b", "d")))
    assert found.nodes["a"] == {"answers": 2, "is_target": False, "min_rtt_us": 1000}
    assert found.nodes["c"] == {"answers": 1, "is_target": True, "min_rtt_us": 3000}
    assert found.nodes["d"]["is_target"] is False


def test_silent_hops_and_ttls_that_were_not_probed_break_edges() -> None:
    gap = path("z", "a", "b", "c")
    gap = gap._replace(hops=(gap.hops[0], gap.hops[2]))
    assert edges(read(group(path("z", "a", None, "c"), gap))) == []


def test_campaigns_stay_apart() -> None:
    found = read(group(path("z", "a", "b")), group(path("z", "a", "b"), campaign="second"))
    assert [each[:4] for each in edges(found)] == [("a", "b", "first-map", 1), ("a", "b", "second", 1)]


def test_pings_have_no_place_in_it() -> None:
    assert len(read(group(PING))) == 0


@pytest.mark.parametrize("name", ['"><x y="', "a&b;<!--", "]]>", "\x00\x08\x1f", "\ud800\ufffe", "tab\tand\nline"])
def test_names_cannot_break_it(name: str) -> None:
    [(_, _, data)] = read(group(path("z", "a", name), campaign=name)).edges(data=True)
    assert data["count"] == 1
    assert ("\ufffd" in data["campaign"]) == any(ord(each) < 9 or ord(each) >= 0xD800 for each in name)
