"""What the rows of every table of results have in common: their first columns, and values that may be lacking. Pure."""

import uuid
from typing import Any

from numpy.typing import NDArray

from hoploom.wire.batch import Batch
from hoploom.wire.columns import NONE

_KEY_BITS = 63


def batch_key(batch_id: str) -> int:
    """The first 63 bits of a batch's id: short enough for every row, and the same in every store."""
    return uuid.UUID(batch_id).int >> (128 - _KEY_BITS)


def head(batch: Batch) -> tuple[int, int, int, int]:
    """The columns before the position: campaign, measurement, worker and round."""
    return batch.campaign_number, batch.measurement, batch.worker_number, batch.round


def optional(column: NDArray[Any], none: int = NONE) -> list[int | None]:
    """The values of a column, None for the one that says that there is none."""
    return [None if value == none else value for value in column.tolist()]
