"""Where probing begins: distances out of answers and out of neighbours."""

import numpy as np
import pytest

from hoploom.prober.trace_start import SPAN, by_quote, by_reply, predicted
from hoploom.wire.addresses import column


@pytest.mark.parametrize(
    ("left_with", "arrived_with", "hops"), [(32, 32, 1), (32, 20, 13), (32, 1, 32), (32, 0, 0), (32, -1, 0), (5, 9, 0)]
)
def test_a_quoted_ttl_tells_the_distance_or_nothing(left_with: int, arrived_with: int, hops: int) -> None:
    assert by_quote(np.array([left_with]), np.array([arrived_with], np.int16)).tolist() == [hops]


@pytest.mark.parametrize(
    ("ttl", "hops"), [(64, 1), (50, 15), (128, 1), (117, 12), (255, 1), (240, 16), (32, 0), (3, 0), (-1, 0), (65, 0)]
)
def test_a_reply_ttl_tells_how_long_the_way_back_was(ttl: int, hops: int) -> None:
    assert by_reply(np.array([ttl], np.int16), 32).tolist() == [hops]


def test_the_nearest_measured_neighbour_says_where_to_begin() -> None:
    targets = column(["10.0.0.1", "10.0.1.1", "10.0.4.1", "10.0.5.9", f"10.0.{6 + SPAN}.1", "192.0.2.1"])
    measured = np.array([0, 9, 0, 12, 0, 0], np.uint8)
    assert predicted(targets, measured, 16).tolist() == [9, 9, 12, 12, 16, 16]


def test_neighbours_of_ipv6_are_48s_and_no_family_speaks_for_the_other() -> None:
    targets = column(["2001:db8:1::1", "2001:db8:2::9", "2001:db8:ff::1", "0.0.0.1"])
    assert predicted(targets, np.array([0, 7, 0, 0], np.uint8), 16).tolist() == [7, 7, 16, 16]


def test_where_nothing_is_measured_all_begin_anywhere() -> None:
    assert predicted(column(["10.0.0.1", "::1"]), np.zeros(2, np.uint8), 5).tolist() == [5, 5]
