"""What a browser gets of a graph."""

from __future__ import annotations

import json

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.manager.paths.asked import Asked
from hoploom.manager.paths.drawing import document, drawing, laid
from unit.manager.paths.made_graphs import address, graph, names

WHOLE = laid(graph("w1 a", "a b", "a c", "a d", "b e", "e f", "x y", targets="f"))


def test_of_a_large_graph_that_is_drawn_on_which_most_hangs() -> None:
    drawn = drawing(WHOLE, Asked(), most=4)
    assert names(drawn.part, range(drawn.part.nodes)) == "w1 a b e"
    assert (drawn.nodes, drawn.links) == (9, 7)


@pytest.mark.parametrize(
    ("search", "most", "shown", "found"),
    [
        (address("e"), 20, "w1 a b e f", "e"),
        (address("x"), 20, "x y", "x"),
        ("w1", 20, "w1 a", "w1"),
        ("nobody", 20, "", ""),
        ("198.18.0.0/16", 3, "a b c", "a b c"),
    ],
)
def test_of_a_search_its_nodes_are_drawn_with_the_ways_there(search: str, most: int, shown: str, found: str) -> None:
    drawn = drawing(WHOLE, Asked(search=search), most)
    assert names(drawn.part, range(drawn.part.nodes)) == shown and names(drawn.part, drawn.found) == found


def test_a_way_is_drawn_with_its_links() -> None:
    drawn = drawing(WHOLE, Asked(start="w1", end=address("e")))
    assert drawn.steps is not None
    assert [names(drawn.part, step[:2]) for step in drawn.steps] == ["w1 a", "a b", "b e"]
    links = [(int(drawn.part.near[step.link]), int(drawn.part.far[step.link])) for step in drawn.steps]
    assert links == [step[:2] for step in drawn.steps]


def test_where_no_way_leads_the_whole_is_drawn() -> None:
    drawn = drawing(WHOLE, Asked(start="w1", end=address("y")))
    assert drawn.steps is None and drawn.part.nodes == 9
    with pytest.raises(BadRequest):
        drawing(WHOLE, Asked(start="w1", end="198.18.0.1"))


def test_a_drawing_is_told_in_columns() -> None:
    told = json.loads(json.dumps(document(drawing(WHOLE, Asked(search=address("f"))))))
    assert told["nodes"]["name"] == ["w1", *map(address, "abef")]
    assert [told["kinds"][each] for each in told["nodes"]["kind"]] == ["worker", "router", "router", "router", "target"]
    assert {len(column) for column in told["nodes"].values()} == {5}
    assert {len(column) for column in told["links"].values()} == {4}
    assert told["found"] == [4] and told["way"] is None and told["of"] == {"nodes": 9, "links": 7, "left_out": 0}
    assert (told["nodes"]["x"][0], told["nodes"]["y"][0]) == (0, 0)
