"""Makes tables of cells for the tests of what is shown of them."""

from collections.abc import Iterable, Sequence

from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import FINE_S, Cell
from unit.wire.test_cell_table import CAMPAIGN, one_cell, table

__all__ = ["CAMPAIGN", "cell", "cells_of"]


def cell(worker: str, network: str, period: int, rtts_us: Sequence[int], lost: int = 0) -> Cell:
    """What was found in the period of five minutes of that number: a reply for each time, and so many without."""
    found = one_cell(worker, network, period, list(rtts_us))
    total = len(rtts_us) + lost
    return type(found)(**{**vars(found), "targets": total, "sent": total, "start_s": FINE_S * period})


def cells_of(cells: Iterable[Cell]) -> CellTable:
    """A table of cells."""
    return table(list(cells))
