"""The stop set against Python's own sets."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hoploom.prober.stop_set import StopSet, fingerprints
from hoploom.wire.addresses import column


@given(st.lists(st.lists(st.integers(0, 60), max_size=40), max_size=60), st.lists(st.integers(0, 2**64 - 1)))
def test_it_counts_what_was_added_and_nothing_else(bunches: list[list[int]], others: list[int]) -> None:
    stop_set, known = StopSet(), Counter[int]()
    for bunch in bunches:
        stop_set.add(np.array(bunch, np.uint64))
        known.update(bunch)
    asked = [*known, *others]
    assert stop_set.passes(np.array(asked, np.uint64)).tolist() == [min(known[each], 255) for each in asked]
    assert len(stop_set) == len(known)


def test_many_are_merged_and_none_is_lost() -> None:
    stop_set, prints = StopSet(), np.random.default_rng(1).integers(0, 2**63, 50_000).astype(np.uint64)
    for first in range(0, 50_000, 500):
        stop_set.add(prints[first : first + 500])
    stop_set.add(prints[100:40_000])
    assert stop_set.passes(prints).tolist() == [1] * 100 + [2] * 39_900 + [1] * 10_000
    assert not stop_set.passes(prints + np.uint64(2**63)).any()
    assert len(stop_set) == len(np.unique(prints))


def test_when_it_is_full_it_begins_anew() -> None:
    stop_set = StopSet(most=10)
    stop_set.add(np.arange(1, 9, dtype=np.uint64))
    stop_set.add(np.arange(11, 16, dtype=np.uint64))
    assert len(stop_set) == 5
    assert stop_set.passes(np.array([1, 11], np.uint64)).tolist() == [0, 1]


def test_every_part_of_an_address_counts() -> None:
    texts = ["192.0.2.1", "192.0.2.2", "::1", "1::", "2001:db8::1", "2001:db8:0:1::", "::ffff:0:0:0"]
    assert len(set(fingerprints(column(texts)).tolist())) == len(texts)
