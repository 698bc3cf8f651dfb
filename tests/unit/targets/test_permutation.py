"""The order: every target exactly once, backwards as forwards, and the same for ever."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets.permutation import MAX_N, Permutation

KEY = bytes(range(16))
LARGE = [10**6, 222_729_620, 2**32 - 1, 2**32, 2**32 + 1, 2**40 + 15, 2**62 + 7, MAX_N]

GOLDEN = {
    1: [0],
    2: [0, 1],
    10: [1, 7, 0, 4, 5],
    4096: [587, 1289, 3475, 3543, 1809],
    397_958: [32017, 77015, 369230, 62638, 56231],
    222_729_620: [154333050, 38383258, 131743026, 117985095, 68961966],
    2**40 + 15: [413775422294, 438498903194, 745108852507, 463082934741, 496828327255],
    MAX_N: [6285584685833365355, 7517464227452710693, 2032812369906053173, 8758938383460151676, 8391784718541171104],
}
"""Order version 1: the indexes of the first positions under KEY. Whoever changes one makes a new order version."""


def plain_index(n: int, key: bytes, position: int) -> int:
    """The order written down with Python's integers: eight rounds over the smallest a * b that holds n."""
    a = next(size for size in (int(n**0.5) - 1, int(n**0.5), int(n**0.5) + 1) if size > 0 and size * size >= n)
    b = -(-n // a)
    keys = hashlib.blake2b(key=key, digest_size=64, person=b"hoploom-order-1").digest()
    while True:
        right, left = divmod(position, a)
        for number in range(8):
            half, bound = (right, a) if number % 2 == 0 else (left, b)
            hashed = half ^ int.from_bytes(keys[8 * number : 8 * number + 8], "little")
            for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
                hashed = (hashed ^ hashed >> 33) * factor % 2**64
            step = ((hashed ^ hashed >> 33) >> 32) * bound >> 32
            left, right = ((left + step) % a, right) if number % 2 == 0 else (left, (right + step) % b)
        position = right * a + left
        if position < n:
            return position


def test_every_small_order_is_a_bijection_with_its_inverse() -> None:
    for n in [*range(1, 258), 1000, 4095, 4096, 4097]:
        order, all_positions = Permutation(n, KEY), np.arange(n)
        indexes = order.address_indexes(all_positions)
        assert np.array_equal(np.sort(indexes), all_positions), n
        assert np.array_equal(order.positions(indexes), all_positions), n


@given(st.integers(1, MAX_N), st.binary(min_size=16, max_size=16), st.data())
def test_every_order_has_its_inverse_and_stays_inside(n: int, key: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, n - 1))
    order = Permutation(n, key)
    index = order.address_index(position)
    assert 0 <= index < n and order.position(index) == position


@given(st.integers(1, 2**48), st.binary(min_size=16, max_size=16), st.data())
def test_the_arrays_compute_what_is_written_down(n: int, key: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, n - 1))
    assert Permutation(n, key).address_index(position) == plain_index(n, key, position)


@pytest.mark.parametrize("n", LARGE)
def test_large_orders_repeat_nothing_over_chunks_and_come_back(n: int) -> None:
    order = Permutation(n, KEY)
    positions = np.concatenate([np.arange(20_000), np.arange(n - 20_000, n)])
    indexes = order.address_indexes(positions)
    assert len(np.unique(indexes)) == len(positions) and 0 <= indexes.min() and indexes.max() < n
    assert np.array_equal(order.positions(indexes), positions)


@pytest.mark.parametrize(("n", "first"), GOLDEN.items())
def test_the_order_never_changes(n: int, first: list[int]) -> None:
    order = Permutation(n, KEY)
    assert order.address_indexes(np.arange(min(n, 5))).tolist() == first
    assert order.positions(np.array(first)).tolist() == list(range(len(first)))


def test_a_million_positions_never_change() -> None:
    indexes = Permutation(222_729_620, KEY).address_indexes(np.arange(10**6)).astype("<i8")
    digest = hashlib.sha256(indexes.tobytes()).hexdigest()
    assert digest == "d021133beacd059ff09434b519885acb75231ae3fe52a57a8a1e48e6508ee2c2"


def test_the_next_targets_lie_in_different_networks_evenly() -> None:
    networks, size = 1024, 256
    order = Permutation(networks * size, KEY)
    for start in (0, 4096, networks * size - 4096):
        hits = np.bincount(order.address_indexes(np.arange(start, start + 4096)) // size, minlength=networks)
        # 4 expected in each network; chi-squared has a mean of 1023 and a standard deviation of 45
        assert 800 < float(((hits - 4.0) ** 2 / 4.0).sum()) < 1250
        assert hits.max() <= 16


def test_neighbouring_positions_are_seldom_neighbouring_targets() -> None:
    indexes = Permutation(100_000, KEY).address_indexes(np.arange(100_000))
    assert np.count_nonzero(np.abs(np.diff(indexes)) < 256) < 1000


def test_other_keys_give_unrelated_orders() -> None:
    positions = np.arange(10_000)
    one, other = (Permutation(10_000, key).address_indexes(positions) for key in (KEY, bytes(16)))
    assert np.count_nonzero(one == other) < 20


def test_small_orders_reach_every_arrangement() -> None:
    positions = np.arange(4)
    seen = {tuple(Permutation(4, key.to_bytes(16, "big")).address_indexes(positions)) for key in range(2000)}
    assert len(seen) == 24


def test_arrays_keep_their_shape_and_may_be_empty() -> None:
    order = Permutation(100, KEY)
    assert order.address_indexes(np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert order.address_indexes(np.arange(0)).shape == (0,)
    assert order.address_indexes(np.arange(100)[::-2]).tolist() == order.address_indexes(np.arange(100))[::-2].tolist()


@pytest.mark.parametrize("position", [-1, 100, 2**63, -(2**70)])
def test_what_is_outside_is_refused(position: int) -> None:
    order = Permutation(100, KEY)
    with pytest.raises(IndexError):
        order.address_index(position)
    with pytest.raises(IndexError):
        order.position(position)


@pytest.mark.parametrize(("n", "key"), [(0, KEY), (-1, KEY), (2**63, KEY), (1, b""), (1, bytes(17))])
def test_bad_orders_are_refused(n: int, key: bytes) -> None:
    with pytest.raises(ValueError, match="an order"):
        Permutation(n, key)
