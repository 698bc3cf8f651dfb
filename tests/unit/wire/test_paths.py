"""Links and hops as they travel."""

from __future__ import annotations

import numpy as np
import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.wire.addresses import column, texts
from hoploom.wire.paths import HOP, LINK, Topology, distinct, empty, pack, unpack


def made() -> Topology:
    """A link of a worker with a name from elsewhere, and a hop."""
    links, hops = empty(LINK, 1), empty(HOP, 1)
    links["near"], links["far"] = column(["192.0.2.1"]), column(["2001:db8::10"])
    links["gap"], links["count"], links["last_us"] = 2, 2**40, 1_700_000_000_000_000
    hops["address"], hops["count"] = column(["192.0.2.1"]), 1
    return Topology(workers=("محطة",), links=links, hops=hops, left_out=3)


def test_a_topology_travels_whole() -> None:
    found = unpack(pack(made()))
    assert found.workers == made().workers and found.left_out == 3
    assert np.array_equal(found.links, made().links) and np.array_equal(found.hops, made().hops)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]\n", id="another document"),
        pytest.param(pack(made())[:-1], id="cut off"),
        pytest.param(pack(made()) + b"x", id="with something behind"),
        pytest.param(pack(made()).replace(b'"links": 1', b'"links": 2'), id="another number of links"),
        pytest.param(pack(made()).replace(b'["\\u0645\\u062d\\u0637\\u0629"]', b"[]"), id="rows of no worker"),
    ],
)
def test_what_is_no_topology_is_refused(body: bytes) -> None:
    with pytest.raises(Unprocessable):
        unpack(body)


def test_different_addresses_are_found_in_their_order() -> None:
    whole, place = distinct(column(["192.0.2.9", "2001:db8::", "192.0.2.1", "192.0.2.9", ""]))
    assert texts(whole) == ["", "192.0.2.1", "192.0.2.9", "2001:db8::"]
    assert place.tolist() == [2, 3, 1, 2, 0]
