"""How round-trip times and loss went over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.measures.plots import Line
from hoploom.manager.measures.windows import Window, within
from hoploom.wire.cell_table import CellTable

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""What is told of round-trip times: half, nine of ten, and 99 of 100 replies took at most so long."""


@dataclass(frozen=True)
class Course:
    """Periods in which something was measured, and what was found in each; n of them.

    Attributes:
        window: The part of time.
        starts_s: (n,) when each begins, ascending.
        rtts_us: (n,) by the names in `SHARES`; None without a reply.
        loss: (n,) 0 to 1; None where nothing was sent.
        sent: (n,) requests.
        targets: (n,) results.
        answered: (n,) of them, those whose target answered.
    """

    window: Window
    starts_s: list[int]
    rtts_us: dict[str, list[float | None]]
    loss: list[float | None]
    sent: list[int]
    targets: list[int]
    answered: list[int]

    def rtt_lines(self) -> list[Line]:
        """What is drawn of round-trip times, in milliseconds."""
        return [Line(name, name, _scaled(values, 0.001)) for name, values in self.rtts_us.items()]

    def loss_lines(self) -> list[Line]:
        """What is drawn of the loss, in percent."""
        return [Line("loss", "loss", _scaled(self.loss, 100.0))]

    def rows(self) -> list[dict[str, float | int | None]]:
        """The periods one by one, newest first, for a table."""
        names = ("start_s", *SHARES, "loss", "sent", "targets", "answered")
        columns = (self.starts_s, *self.rtts_us.values(), self.loss, self.sent, self.targets, self.answered)
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)][::-1]


def course(table: CellTable, window: Window, *, worker: str = "", network: str = "") -> Course:
    """What happened in a window, of one worker and one network where they are named, else of all together.

    Args:
        table: All cells of a campaign.
        window: The part of time.
        worker: Name of a worker; empty for all.
        network: Name of a network; empty for all.
    """
    chosen = within(table, window, worker=worker, network=network)
    steps = {**chosen.columns, "start_s": chosen.columns["start_s"] // window.step_s * window.step_s}
    found = replace(chosen, columns=steps).by("start_s")
    return Course(
        window,
        starts_s=found.columns["start_s"].tolist(),
        rtts_us={name: _known(found.percentiles_us(share)) for name, share in SHARES.items()},
        loss=_known(found.loss()),
        sent=found.columns["sent"].tolist(),
        targets=found.columns["targets"].tolist(),
        answered=found.columns["answered"].tolist(),
    )


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(each) else float(each) for each in values]


def _scaled(values: Iterable[float | None], by: float) -> list[float | None]:
    return [None if each is None else each * by for each in values]
