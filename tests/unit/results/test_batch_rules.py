"""A row of `batches`: what ingest takes is good, and each column by itself can spoil it."""

from __future__ import annotations

from typing import Any

import pytest

from hoploom.results.batch_rules import batch_key, fault
from lab.result_files import STORE, batch_row
from unit.wire.batches import make
from unit.wire.traces import traced

COLUMNS = (
    "batch batch_key digest store seq campaign campaign_number measurement worker worker_number revision round "
    "worker_group lease family kind start stop result_rows hop_rows answered lost unreachable failed suspect boot_id "
    "started_at_us clock_offset_us received_at_us"
).split()


def row(*, is_trace: bool = False, **changes: Any) -> dict[str, Any]:
    values = batch_row(traced() if is_trace else make(), STORE, 1)
    return dict(zip(COLUMNS, values, strict=True)) | changes


@pytest.mark.parametrize("is_trace", [False, True])
def test_a_row_of_an_output_is_good(is_trace: bool) -> None:
    assert fault(row(is_trace=is_trace)) == ""


@pytest.mark.parametrize("value", [None, b"x", 1.5, "\n", -(2**63), 2**63 - 1], ids=repr)
@pytest.mark.parametrize("column", COLUMNS)
def test_no_column_takes_whatever_comes(column: str, value: Any) -> None:
    assert fault(row(**{column: value}))


def test_a_key_is_the_first_63_bits_of_an_id() -> None:
    assert batch_key("ffffffff-ffff-ffff-0000-000000000000") == 2**63 - 1
    assert batch_key("00000000-0000-0003-ffff-ffffffffffff") == 1
