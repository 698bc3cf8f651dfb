"""Columns as a statement that inserts all of their rows at once, so that SQLite works without the interpreter. Pure.

A column with one value in all rows is bound once. The others are packed into words of bits: the first word of each row
comes as an integer of SQLite's table function `carray`, further ones as decimal numbers of one width in a blob, since
SQLite has no function that reads integers from bytes. The statement takes the columns out of the words again. That is
two to three times as fast as a value bound at a time, and no other thread waits meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.wire import addresses

Value = int | str | bytes | None
_FIRST_BITS: Final = 63
"""The sign of SQLite's integers stays free."""
_BITS: Final = 59
"""Eighteen decimal digits hold them."""

_OCTETS: Final = np.array([f"{number}." for number in range(256)], "S4")
_OCTET_SIZES: Final = np.strings.str_len(_OCTETS)
_PAIRS: Final = np.array([f"{number:02}" for number in range(100)], "S2")


@dataclass(frozen=True)
class Numbers:
    """A column of integers.

    Attributes:
        values: (n,) from 0 on, or `none`.
        none: Stands for NULL: 0, -1, or nothing where every row has a value.
    """

    values: NDArray[np.integer]
    none: int | None = None


@dataclass(frozen=True)
class Addresses:
    """A column of addresses as text: (n, 16) bytes, IPv4 mapped; NULL for no address."""

    values: NDArray[np.uint8]


@dataclass(frozen=True)
class Blobs:
    """A column of bytes of one width: (n, width); none is NULL."""

    values: NDArray[np.uint8]


@dataclass(frozen=True)
class Texts:
    """A column of text.

    Attributes:
        different: The texts.
        which: (n,) which of them a row has, -1 for NULL.
    """

    different: Sequence[str]
    which: NDArray[np.integer]


Column = Value | Numbers | Addresses | Blobs | Texts
"""What a column may be; a plain value is that of every row."""


@dataclass(frozen=True)
class Packed:
    """Rows that wait to be inserted.

    Attributes:
        statement: Has `carray(?1)` for the words; its other parameters begin with ?2.
        words: (n,) int64, one a row.
        values: Of the other parameters.
    """

    statement: str
    words: NDArray[np.int64]
    values: tuple[Value, ...]


def insertion(table: str, columns: Mapping[str, Column]) -> Packed:
    """The statement that inserts rows in their order.

    Args:
        table: Where to.
        columns: Its columns, all of one length; at least one row.
    """
    lengths = {len(each.which if isinstance(each, Texts) else each.values) for each in columns.values()
               if isinstance(each, Numbers | Addresses | Blobs | Texts)}
    (rows,) = lengths
    packing = _Packing(rows)
    expressions = [packing.add(column) for column in columns.values()]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(expressions)} FROM {packing.source()}"
    return Packed(statement, packing.words[0].values, tuple(packing.values))


@dataclass
class _Word:
    """A word of every row, and how many of its bits are used."""

    values: NDArray[np.int64]
    bits: int = 0


@dataclass
class _Packing:
    """Words that fill up, and values that are bound."""

    rows: int
    words: list[_Word] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.words.append(self._empty())

    def add(self, column: Column) -> str:
        """The expression that has the values of a column."""
        match column:
            case Numbers():
                return self._numbers(column)
            case Addresses():
                return self._addresses(column.values)
            case Blobs():
                return self._blobs(column.values)
            case Texts():
                return self._texts(column)
            case _:
                return self._bound(column)

    def source(self) -> str:
        """The table that the expressions are about; binds all words but the first."""
        words = ["value AS w0"]
        for number, word in enumerate(self.words[1:], 1):
            width = (len(str(int(word.values.max()))) + 1) // 2 * 2
            mark = self._bound(_decimal(word.values, width))
            words.append(f"CAST(substr({mark}, rowid * {width} - {width - 1}, {width}) AS INTEGER) AS w{number}")
        return f"(SELECT {', '.join(words)} FROM carray(?1))"

    def _numbers(self, column: Numbers) -> str:
        low, high = int(column.values.min()), int(column.values.max())
        if low == high:
            return self._bound(None if low == column.none else low)
        if column.none is None:
            return self._bits(column.values, high)
        is_there = column.values != np.int64(column.none)
        return self._where(is_there, lambda: self._bits(column.values.clip(0), high))

    def _addresses(self, values: NDArray[np.uint8]) -> str:
        is_there = _is_address(values)
        if not is_there.any():
            return self._bound(None)
        sizes = np.zeros(self.rows, np.int64)
        texts, sizes[is_there] = _joined(values[is_there])
        # Rows without an address take no room in the texts, and are not looked for.
        starts = np.cumsum(sizes) - sizes + 1
        return self._where(is_there, lambda: self._parts(texts, starts, (sizes - 1).clip(0)))

    def _where(self, is_there: NDArray[np.bool_], value: Callable[[], str]) -> str:
        """The expression that is NULL in some rows; SQLite does not look for their value then."""
        if is_there.all():
            return value()
        return f"iif({self._bits(is_there.astype(np.int64), 1)}, {value()}, NULL)"

    def _texts(self, column: Texts) -> str:
        encoded = [each.encode() for each in column.different]
        if not encoded or column.which.max() < 0:
            return self._bound(None)
        sizes = np.array([*map(len, encoded)])
        starts = np.cumsum(sizes) - sizes + 1
        parts = (each[column.which] for each in (starts, sizes))
        return self._where(column.which >= 0, lambda: self._parts(b"".join(encoded), *parts))

    def _blobs(self, values: NDArray[np.uint8]) -> str:
        width = values.shape[1]
        mark, start = self._bound(values.tobytes()), self._numbers(Numbers(np.arange(self.rows) * width + 1))
        return f"substr({mark}, {start}, {width})"

    def _parts(self, texts: bytes, starts: NDArray[np.integer], sizes: NDArray[np.integer]) -> str:
        """The expression for texts that stand one behind another; starts count from 1."""
        mark, start, size = self._bound(texts), self._numbers(Numbers(starts)), self._numbers(Numbers(sizes))
        return f"CAST(substr({mark}, {start}, {size}) AS TEXT)"

    def _bound(self, value: Value) -> str:
        self.values.append(value)
        return f"?{len(self.values) + 1}"

    def _bits(self, values: NDArray[np.integer], most: int) -> str:
        """The expression for whole numbers from 0 to `most`, which are put into the first word that has room."""
        wanted = most.bit_length()
        number = next((each for each, word in enumerate(self.words) if word.bits + wanted <= _room(each)), None)
        if number is None:
            number = len(self.words)
            self.words.append(self._empty())
        word = self.words[number]
        shift = word.bits
        word.values |= values.astype(np.int64) << shift
        word.bits += wanted
        return f"(w{number} >> {shift} & {2**wanted - 1})"

    def _empty(self) -> _Word:
        return _Word(np.zeros(self.rows, np.int64))


def _room(number: int) -> int:
    return _BITS if number else _FIRST_BITS


def _is_address(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    halves = values.view(np.uint64)
    found: NDArray[np.bool_] = (halves[:, 0] | halves[:, 1]) != 0
    return found


def _joined(values: NDArray[np.uint8]) -> tuple[bytes, NDArray[np.int64]]:
    """Addresses as text, one behind another, each with a byte behind it, and the size of each with that byte."""
    if addresses.is_mapped(values).all():
        octets = values[:, -4:]
        # NumPy fills up with zeros, which no text has.
        return _OCTETS[octets].tobytes().translate(None, b"\0"), sum(_OCTET_SIZES[each] for each in octets.T)
    texts = [f"{each}." for each in addresses.texts(values)]
    return "".join(texts).encode(), np.fromiter(map(len, texts), np.int64, len(texts))


def _decimal(values: NDArray[np.int64], width: int) -> bytes:
    """Whole numbers from 0 on as decimal digits, `width` each, which is even."""
    found = np.empty((len(values), width // 2), "S2")
    for place in range(width // 2 - 1, -1, -1):
        rest = values // 100
        found[:, place] = _PAIRS[values - rest * 100]
        values = rest
    return found.tobytes()
