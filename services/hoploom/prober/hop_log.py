"""What the hops of many paths answered, in the order in which they did, in arrays that grow. Pure.

Every answer knows the one before it on the same path, so a path can be walked back without an index.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ANSWER = np.dtype(
    [
        ("target", "i4"),
        ("before", "i4"),
        ("print", "u8"),
        ("at_us", "i8"),
        ("address", "u1", 16),
        ("rtt_us", "i4"),
        ("reply_ttl", "i2"),
        ("quoted_ttl", "i2"),
        ("icmp_type", "i2"),
        ("icmp_code", "i2"),
        ("ttl", "u1"),
    ]
)
_SILENCE = np.dtype([("target", "i4"), ("at_us", "i8"), ("ttl", "u1")])
_LABEL = np.dtype([("answer", "i4"), ("entry", "u4")])
_LEAST_ROWS = 256
NOTHING = -1
"""Stands for "no answer" where one is referred to."""


class Grown:
    """An array to which rows are appended."""

    def __init__(self, kind: np.dtype[Any]) -> None:
        """Begin empty."""
        self._rows = np.zeros(0, kind)
        self._size = 0

    @property
    def rows(self) -> NDArray[Any]:
        """The rows so far."""
        return self._rows[: self._size]

    def append(self, count: int) -> NDArray[Any]:
        """Add rows; what is in them is the caller's to write."""
        first, self._size = self._size, self._size + count
        if self._size > len(self._rows):
            larger = np.empty(max(self._size, 2 * len(self._rows), _LEAST_ROWS), self._rows.dtype)
            larger[:first] = self._rows[:first]
            self._rows = larger
        return self._rows[first : self._size]


class HopLog:
    """Answers, silences and labels of one trace.

    Attributes:
        answers: Rows of target, before (the answer before on that path, or `NOTHING`), print, and what is told of it.
        silences: Rows of target, TTL and send time of the probes that nothing answered.
        labels: Rows of answer and MPLS label stack entry.
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.answers, self.silences, self.labels = Grown(_ANSWER), Grown(_SILENCE), Grown(_LABEL)

    def answer(self, columns: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Write answers down; returns their numbers."""
        first, count = len(self.answers.rows), len(columns["target"])
        rows = self.answers.append(count)
        for name, values in columns.items():
            rows[name] = values
        return np.arange(first, first + count)

    def silence(self, target: NDArray[np.int32], ttl: NDArray[np.uint8], at_us: NDArray[np.int64]) -> None:
        """Write down probes that nothing answered."""
        rows = self.silences.append(len(target))
        rows["target"], rows["ttl"], rows["at_us"] = target, ttl, at_us

    def label(self, answer: NDArray[np.int64], entry: NDArray[np.uint32]) -> None:
        """Write down label stack entries that answers quote."""
        rows = self.labels.append(len(answer))
        rows["answer"], rows["entry"] = answer, entry

    def seen(
        self, newest: NDArray[np.int32], prints: NDArray[np.uint64], ttl: NDArray[np.intp]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether interfaces stand on their path already.

        Args:
            newest: (k,) the newest answer of each path, or `NOTHING`.
            prints: (k,) the interface asked about.
            ttl: (k,) at which TTL it answers now.

        Returns:
            (k,) whether it answered there before, and (k,) whether it did so at a TTL that is no neighbour.
        """
        again, apart = np.zeros(len(newest), np.bool_), np.zeros(len(newest), np.bool_)
        for asking, answers in self.back(newest):
            same = answers["print"] == prints[asking]
            again[asking] |= same
            apart[asking] |= same & (np.abs(answers["ttl"] - ttl[asking]) > 1)
        return again, apart

    def back(self, newest: NDArray[np.int32]) -> Any:
        """Walk paths back together, from their newest answers to their oldest.

        Args:
            newest: (k,) the newest answer of each path, or `NOTHING`.

        Yields:
            Indexes into `newest` of the paths that have a further answer, and these answers.
        """
        rows = self.answers.rows
        asking = np.flatnonzero(newest != NOTHING)
        at = newest[asking]
        while len(asking):
            answers = rows[at]
            yield asking, answers
            left = answers["before"] != NOTHING
            asking, at = asking[left], answers["before"][left]
