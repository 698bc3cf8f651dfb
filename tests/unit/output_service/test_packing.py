"""Whatever is packed comes out of SQLite as it went in, in its order."""

from collections.abc import Iterator
from typing import Any

import apsw
import numpy as np
import pytest

from hoploom.output_service.packing import Addresses, Blobs, Column, Numbers, Packed, Texts, insertion
from hoploom.wire.addresses import column

MANY = 1000
RANDOM = np.random.default_rng(7)
WIDE = RANDOM.integers(0, 2**59, MANY)
SMALL = RANDOM.integers(-1, 3, MANY)
IPV4 = [f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        for number in [0, 2**32 - 1, *RANDOM.integers(0, 2**32, MANY - 2).tolist()]]
IPV6 = [f"2a00::{number:x}" for number in range(1, MANY + 1)]
COLUMNS: dict[str, tuple[Column, list[Any]]] = {
    "a value of every row": (7, [7] * MANY),
    "no value at all": (None, [None] * MANY),
    "a number that never changes": (Numbers(np.full(MANY, 3)), [3] * MANY),
    "a number that is lacking everywhere": (Numbers(np.full(MANY, -1), -1), [None] * MANY),
    "numbers": (Numbers(WIDE), WIDE.tolist()),
    "numbers, some lacking": (Numbers(SMALL, -1), [None if each < 0 else each for each in SMALL.tolist()]),
    "numbers, 0 where they are lacking": (
        Numbers((SMALL + 1).astype(np.uint8), 0), [each or None for each in (SMALL + 1).tolist()]
    ),
    "numbers, none of them lacking": (Numbers(np.arange(MANY, dtype=np.int16), -1), list(range(MANY))),
    "IPv4": (Addresses(column(IPV4)), IPV4),
    "IPv4, some lacking": (Addresses(column(["", *IPV4[1:]])), [None, *IPV4[1:]]),
    "IPv6": (Addresses(column(IPV6)), IPV6),
    "both families and none": (Addresses(column(["", *IPV4[:500], *IPV6[:499]])), [None, *IPV4[:500], *IPV6[:499]]),
    "no address": (Addresses(np.zeros((MANY, 16), np.uint8)), [None] * MANY),
    "bytes": (Blobs(column(IPV6)), [each.tobytes() for each in column(IPV6)]),
    "texts": (Texts(["ä:1", "b"], np.arange(MANY) % 2), ["ä:1", "b"] * (MANY // 2)),
    "texts, some lacking": (Texts(["one", "two"], np.arange(MANY) % 2 * 2 - 1), [None, "two"] * (MANY // 2)),
    "one text": (Texts(["one"], np.zeros(MANY, np.int64)), ["one"] * MANY),
    "no text": (Texts([], np.full(MANY, -1)), [None] * MANY),
}


@pytest.fixture
def database() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


def stored(database: apsw.Connection, columns: dict[str, Column]) -> list[tuple[Any, ...]]:
    database.execute(f"CREATE TABLE found ({', '.join(columns)})")
    packed: Packed = insertion("found", columns)
    database.execute(packed.statement, (apsw.carray(packed.words), *packed.values))
    return database.execute("SELECT * FROM found ORDER BY rowid").fetchall()


@pytest.mark.parametrize(("one", "expected"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_comes_out_as_it_went_in(database: apsw.Connection, one: Column, expected: list[Any]) -> None:
    found = stored(database, {"number": Numbers(np.arange(MANY)), "one": one})
    assert found == list(enumerate(expected))


def test_all_columns_together_come_out_as_they_went_in(database: apsw.Connection) -> None:
    found = stored(database, {f"c{number}": one for number, (one, _) in enumerate(COLUMNS.values())})
    assert found == list(zip(*(expected for _, expected in COLUMNS.values()), strict=True))


def test_a_single_row_needs_no_more_than_its_values(database: apsw.Connection) -> None:
    one = column(["8.8.8.8"])
    assert stored(database, {"a": Numbers(np.array([5])), "b": Addresses(one)}) == [(5, "8.8.8.8")]
