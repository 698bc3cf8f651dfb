"""Bytes at places of their own; what is behind a row's end reads as zeros."""

from __future__ import annotations

import numpy as np
import pytest

from hoploom.prober.windows import window, words

DATA = np.arange(1, 13, dtype=np.uint8).reshape(2, 6)


@pytest.mark.parametrize(
    ("what", "at", "end", "expected"),
    [
        ("one place", [2, 2], [6, 6], [[3, 4, 5], [9, 10, 11]]),
        ("one place, up to the end", [3, 3], [6, 6], [[4, 5, 6], [10, 11, 12]]),
        ("one place, one row ends early", [2, 2], [6, 4], [[3, 4, 5], [9, 10, 0]]),
        ("places of their own", [0, 3], [6, 6], [[1, 2, 3], [10, 11, 12]]),
        ("over the end", [4, 0], [6, 2], [[5, 6, 0], [7, 8, 0]]),
        ("behind the end", [6, 1_000], [6, 6], [[0, 0, 0], [0, 0, 0]]),
        ("rows without bytes", [0, 0], [0, 0], [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_windows(what: str, at: list[int], end: list[int], expected: list[list[int]]) -> None:
    assert window(DATA, np.array(at), 3, np.array(end)).tolist() == expected, what


def test_an_array_without_columns_or_rows_has_windows_too() -> None:
    none = np.zeros(2, np.int64)
    assert window(np.empty((2, 0), np.uint8), none, 3, none).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert window(DATA[:0], none[:0], 3, none[:0]).shape == (0, 3)


def test_words_are_in_network_order() -> None:
    assert words(DATA[:, 1:5]).tolist() == [[0x0203, 0x0405], [0x0809, 0x0A0B]]
