"""Histograms of round-trip times: what they keep, how they add up, and how far off they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.wire import rtt_histogram
from hoploom.wire.rtt_histogram import BUCKETS, EDGES_US

CLOSED = st.lists(st.integers(16, int(EDGES_US[-1]) - 1), min_size=1, max_size=50)
"""Times in the buckets with two ends."""

RTTS = st.lists(st.integers(0, 600_000_000), min_size=1, max_size=50)


def counts(rtts: list[int]) -> np.ndarray:
    return np.bincount(rtt_histogram.buckets(np.array(rtts)), minlength=BUCKETS)


@given(RTTS)
def test_what_is_packed_is_unpacked_again(rtts: list[int]) -> None:
    assert (rtt_histogram.unpacked(rtt_histogram.packed(counts(rtts))) == counts(rtts)).all()


def test_a_histogram_of_nothing_takes_no_room() -> None:
    assert rtt_histogram.packed(np.zeros(BUCKETS, np.int64)) == b""


@pytest.mark.parametrize("blob", [b"x", bytes([64, *bytes(8)])], ids=["cut off", "a bucket too high"])
def test_what_is_no_histogram_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        rtt_histogram.unpacked(blob)


def test_a_time_on_an_edge_is_in_the_bucket_above() -> None:
    assert rtt_histogram.buckets(EDGES_US).tolist() == list(range(1, BUCKETS))
    assert rtt_histogram.buckets(EDGES_US - 1).tolist() == list(range(BUCKETS - 1))


@given(CLOSED, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_at_most_a_bucket_off(rtts: list[int], share: float) -> None:
    exact = sorted(rtts)[max(0, int(np.ceil(share * len(rtts))) - 1)]
    found = rtt_histogram.percentiles_us(counts(rtts)[None, :], share)[0]
    assert exact / 1.32 <= found <= exact * 1.32


def test_the_median_of_an_even_spread_is_close() -> None:
    rtts = np.random.default_rng(1).lognormal(10, 0.7, 10_000).astype(int).tolist()
    found = rtt_histogram.percentiles_us(counts(rtts)[None, :], 0.5)[0]
    assert found == pytest.approx(np.median(rtts), rel=0.03)


def test_there_is_no_percentile_of_nothing() -> None:
    assert np.isnan(rtt_histogram.percentiles_us(np.zeros((1, BUCKETS), np.int64), 0.5)).all()
