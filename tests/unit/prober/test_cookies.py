"""Cookies: as many as are asked for, none twice, and others for every key."""

import numpy as np
import pytest

from hoploom.prober.cookies import POOL, Cookies


@pytest.mark.parametrize("counts", [[1] * 100, [POOL - 1, 2, POOL], [3 * POOL, 1], [0, 5, 0]])
def test_no_cookie_is_taken_twice(counts: list[int]) -> None:
    source = Cookies((1, 2))
    taken = [source.take(count) for count in counts]
    assert [len(each) for each in taken] == counts
    whole = np.concatenate(taken)
    assert len(np.unique(whole)) == len(whole)


@pytest.mark.parametrize("key", [(1, 3), (2, 2), (2**64 - 1, 0)])
def test_another_key_makes_other_cookies(key: tuple[int, int]) -> None:
    assert (Cookies((1, 2)).take(1000) != Cookies(key).take(1000)).all()


def test_cookies_scatter_over_all_their_bits() -> None:
    bits = np.unpackbits(Cookies((1, 2)).take(4000).view(np.uint8).reshape(-1, 8), axis=1)
    assert (np.abs(bits.mean(axis=0) - 0.5) < 0.05).all()
