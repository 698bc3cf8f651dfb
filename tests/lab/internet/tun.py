"""The internet as tests use it: entered inside a network namespace, it answers from there until it is left.

    with Internet(path.read_text()) as internet:
        ...            # probe 198.18.0.0/15, 2001:db8::/32, or whatever the topology holds
    internet.seen      # every probe

It runs as a process of its own, so that it does not share the prober's interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lab.internet.device import SOURCE, SOURCE_V6
from lab.internet.exchange import SEEN
from lab.internet.files import topology
from lab.internet.topology import Topology
from lab.internet.truth import Truth

__all__ = ["SOURCE", "SOURCE_V6", "Internet"]

_FOLDERS = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[3] / "services")]
_END_S = 60


class Internet:
    """A declared internet behind the default routes of the calling thread's network namespace.

    Attributes:
        topology: What it answers from.
        seen: (n,) of `exchange.SEEN`: every probe it saw, once it has been left.
    """

    topology: Topology
    seen: NDArray[np.void]

    def __init__(self, declared: str, seed: int = 1) -> None:
        """Read a topology.

        Args:
            declared: TOML text; see `files` and tests/data/topologies.
            seed: Draws what is lost and what balancers by packet do.

        Raises:
            DeclarationError: It cannot be as it is declared.
        """
        self._declared, self._seed = declared, seed
        self.topology = topology(declared)
        self.seen = np.zeros(0, SEEN)

    def truth(self) -> Truth:
        """What a perfect map would hold."""
        return Truth(self.topology)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="hoploom-internet-")
        declared = Path(self._folder.name, "topology.toml")
        declared.write_text(self._declared, encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.internet", str(declared), f"{self._folder.name}/seen.npy", str(self._seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_FOLDERS)},
        )
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            self.__exit__(None, None, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._folder, self._process:
            try:
                self._process.communicate(timeout=_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
            if self._process.wait() != 0:
                raise RuntimeError("the internet broke; its reason stands above")
            self.seen = np.load(self._folder.name + "/seen.npy")
