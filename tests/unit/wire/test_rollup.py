"""One cell and one place."""

import numpy as np
import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire import rollup, rtt_histogram
from hoploom.wire.rollup import Cell, Place


def cell(rtts: list[int], *, sent: int) -> Cell:
    counts = np.bincount(rtt_histogram.buckets(np.array(rtts, np.int64)), minlength=rtt_histogram.BUCKETS)
    return Cell(
        campaign=1, worker="w", network="n", start_s=300, length_s=300, targets=sent, answered=len(rtts), sent=sent,
        received=len(rtts), min_us=min(rtts, default=None), max_us=max(rtts, default=None), sum_us=sum(rtts),
        histogram=rtt_histogram.packed(counts),
    )  # fmt: skip


def test_cells_add_up_to_the_cell_of_all_their_results() -> None:
    parts = [cell([100, 900], sent=3), cell([], sent=2), cell([50], sent=1)]
    assert rollup.total(parts) == cell([100, 900, 50], sent=6)
    assert rollup.total([]) is None


def test_a_cell_says_what_was_lost_and_how_long_it_took() -> None:
    found = cell([1000] * 99 + [50_000], sent=125)
    assert found.loss == 0.2
    assert found.mean_us == 1490
    assert found.p50_us == pytest.approx(1000, rel=0.26)
    assert found.p99_us == pytest.approx(1000, rel=0.26)
    assert found.percentile_us(1.0) == 50_000


def test_a_cell_without_a_reply_has_no_times() -> None:
    found = cell([], sent=4)
    assert (found.loss, found.mean_us, found.p50_us, found.p99_us) == (1.0, None, None, None)
    assert cell([], sent=0).loss is None


def test_a_percentile_never_leaves_what_was_measured() -> None:
    found = cell([1001], sent=1)
    assert (found.p50_us, found.p99_us) == (1001, 1001)


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(campaign=7, country="FI", latitude=61, longitude=-24, targets=5, answered=3)
    assert Place.from_json(7, place.to_json()) == place


@pytest.mark.parametrize("row", [None, [], ["FI", 61, 24, 5], ["FI", 61, 24, 5, True], [1, 61, 24, 5, 3]])
def test_what_is_no_place_is_refused(row: object) -> None:
    with pytest.raises(BadRequest):
        Place.from_json(7, row)
