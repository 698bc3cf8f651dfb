"""What the columns of every kind of batch have in common: tables of one length, how they travel, bounds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unprocessable

MAX_RTT_US: Final = 600_000_000
"""Ten minutes: no prober waits longer, so a longer time is a fault of the sender."""
NONE: Final = -1
"""Stands for "no value" in the integer columns that may lack one."""
MAX_INT: Final = 2**60
"""Three such numbers add up within the 64 bits of a column, as a time plus an age plus an offset does."""
MAX_BYTE: Final = 255
_ODD: Final = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio, odd: spreads numbers that lie close together (Knuth, The Art of Computer Programming,
volume 3, section 6.4)."""
ADDRESS: Final = "V16"
"""Type of columns of addresses: (n, 16) bytes here, IPv4 mapped, no address sixteen zeros."""


class Frame(NamedTuple):
    """What a batch's head says that its rows have to fit.

    Attributes:
        start: First position.
        stop: Position after the last.
        family: 4 or 6.
    """

    start: int
    stop: int
    family: int


Rule = Callable[[Any, Frame], NDArray[np.bool_]]
"""Which rows of a table break a rule, from all columns of the batch and its frame."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns of one length.

    Attributes:
        row: What a row is called in reasons.
        most: The most rows of a batch.
        columns: NumPy type of each column as it travels: integers, or `ADDRESS`.
        rules: What is wrong with a row, and how it is found.
    """

    row: str
    most: int
    columns: Mapping[str, str]
    rules: Mapping[str, Rule]


class Rows:
    """Base of the columns of a kind of batch: a frozen dataclass of NumPy arrays, compared by value.

    Attributes:
        tables: The tables that the columns make up; the first has a row a target.
    """

    tables: tuple[Table, ...]
    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """Number of targets."""
        return len(getattr(self, next(iter(self.types()))))

    def __eq__(self, other: object) -> bool:
        """Whether every column holds the same values."""
        if type(other) is not type(self):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in self.types())

    @classmethod
    def types(cls) -> dict[str, str]:
        """The type of each column as it travels, in the order in which columns are packed and digested."""
        return {name: kind for table in cls.tables for name, kind in table.columns.items()}


def check(columns: Rows, frame: Frame) -> None:
    """Refuse columns that no honest worker sends.

    Raises:
        Unprocessable: with the first thing that is wrong.
    """
    for table in columns.tables:
        lengths = {name: len(getattr(columns, name)) for name in table.columns}
        if len(set(lengths.values())) != 1:
            raise Unprocessable(f"the columns differ in length: {lengths}")
        if (count := max(lengths.values())) > table.most:
            raise Unprocessable(f"a batch has at most {table.most} {table.row}s, this one has {count}")
    for table in columns.tables:
        for reason, is_wrong in table.rules.items():
            wrong = is_wrong(columns, frame)
            if wrong.any():
                raise Unprocessable(f"{table.row} {int(wrong.argmax())}: {reason}")


def has_none(addresses: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of (n, 16) bytes are no address."""
    found: NDArray[np.bool_] = (addresses == 0).all(axis=1)
    return found


def outside(values: NDArray[Any], first: int, last: int) -> NDArray[np.bool_]:
    """Which values are not in [first, last]."""
    found: NDArray[np.bool_] = (values < first) | (values > last)
    return found


def repeated(positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which positions stood in an earlier row already."""
    return _again(positions) if _has_equals(positions) else np.zeros(len(positions), np.bool_)


def repeated_addresses(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which addresses, (n, 16) bytes, stood in an earlier row already."""
    halves = values.view(np.uint64)
    # Equal addresses are equal here too, and different ones nearly never: only then is it worth the sort of all bytes.
    mixed = halves[:, 0] * np.uint64(_ODD) + halves[:, 1]
    if not _has_equals(mixed):
        return np.zeros(len(values), np.bool_)
    return _again(np.ascontiguousarray(values).view(ADDRESS).reshape(-1))


def _has_equals(values: NDArray[Any]) -> bool:
    """Whether two are the same; a tenth of the time that it takes to say which."""
    ordered = np.sort(values)
    return bool((ordered[1:] == ordered[:-1]).any())


def _again(values: NDArray[Any]) -> NDArray[np.bool_]:
    again = np.ones(len(values), np.bool_)
    again[np.unique(values, return_index=True)[1]] = False
    return again


def byte_rules(*names: str) -> dict[str, Rule]:
    """Rules for columns that hold a byte or `NONE`."""

    def rule(name: str) -> Rule:
        return lambda rows, _: outside(getattr(rows, name), NONE, MAX_BYTE)

    return {f"its {name} is not -1..255": rule(name) for name in names}


def time_rule(name: str) -> dict[str, Rule]:
    """The rule for a column of microseconds since the batch began."""
    return {f"its {name} is negative or absurd": lambda rows, _: outside(getattr(rows, name), 0, MAX_INT - 1)}
