"""Graphs as GraphML, whatever is in their names."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from hoploom.wire.graphml import Edge, Key, Node, lines

SPACE = "{http://graphml.graphdrawing.org/xmlns}"
KEYS = (Key("seen", "node", "was_seen", bool), Key("n", "edge", "count", int))


def parsed(*nodes: str) -> ElementTree.Element:
    """A graph of nodes in a row, as a reader sees it."""
    edges = (Edge(*ends, {"n": 2**40}) for ends in pairwise(nodes))
    return ElementTree.fromstring("".join(lines(KEYS, (Node(each, {"seen": True}) for each in nodes), edges)))


@pytest.mark.parametrize("name", ["a", '"><x a="', "&lt;", "محطة", "\U0001f30d", "two\nlines"])
def test_names_come_out_as_they_went_in(name: str) -> None:
    root = parsed(name, "b")
    assert [each.attrib["id"] for each in root.iter(f"{SPACE}node")] == [name, "b"]
    [edge] = root.iter(f"{SPACE}edge")
    assert (edge.attrib["source"], edge.attrib["target"]) == (name, "b")


def test_what_xml_cannot_have_is_replaced() -> None:
    assert [each.attrib["id"] for each in parsed("a\x00\x1b\ud800").iter(f"{SPACE}node")] == ["a\ufffd\ufffd\ufffd"]


def test_values_have_the_types_that_are_declared() -> None:
    root = parsed("a", "b")
    assert {each.attrib["attr.name"]: each.attrib["attr.type"] for each in root.iter(f"{SPACE}key")} == {
        "was_seen": "boolean", "count": "long"
    }  # fmt: skip
    assert [each.text for each in root.iter(f"{SPACE}data")] == ["true", "true", str(2**40)]
