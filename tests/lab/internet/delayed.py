"""Hosts that answer echo requests after a delay kept to microseconds, to measure round-trip times against.

The internet of `tun` is a millisecond late under load; this one is a program in C that never sleeps, and knows nothing
but echo requests over IPv4.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lab.internet.device import Device

FIRST_US, STEP_US, DELAYS = 2_000, 2_000, 4
"""An address answers after 2, 4, 6 or 8 ms, by its last two bits; delayed_echo.c has as many queues."""
IN_TIME_TTL = 64
"""TTL of answers that kept their delay within 20 us; others, on a busy machine, say nothing about who measures."""
_SOURCE = Path(__file__).with_name("delayed_echo.c")
_END_S = 60


def delay_us(targets: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The delays of (n, 16) addresses, (n,)."""
    return FIRST_US + STEP_US * (targets[:, 15].astype(np.int64) % DELAYS)


def compiler() -> str | None:
    """The C compiler of this machine, if it has one."""
    return shutil.which("cc") or shutil.which("gcc")


class DelayedEcho:
    """Every IPv4 address that is not the namespace's own answers, while this is entered as a context inside of one."""

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "delayed_echo")
            subprocess.run([compiler() or "cc", "-O2", "-o", program, _SOURCE], check=True)
            device = Device()
            words = [str(program), str(device.fileno()), str(FIRST_US), str(STEP_US)]
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[device.fileno()])
            device.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=_END_S)
