"""Traceroutes by scamper (CAIDA), the mapper that ours is measured beside."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoploom.wire.addresses import column, texts
from lab.internet.score import Map

MAX_PPS = 10_000
"""The largest rate that scamper takes (scamper(1), `-p`)."""
_TIMEOUT_S = 900


def trace(targets: NDArray[np.uint8], options: str = "-P icmp-paris", rate_pps: int = 1_000) -> tuple[Map, float]:
    """Trace targets, all at once, from the calling thread's network namespace.

    Args:
        targets: (t, 16), none twice.
        options: Of its trace command; scamper(1).
        rate_pps: Probes a second, 1 to `MAX_PPS`.

    Returns:
        What it found, and how many seconds its process ran.

    Raises:
        subprocess.CalledProcessError: scamper failed.
    """
    names = texts(targets)
    with tempfile.TemporaryDirectory() as folder:
        listed, found = Path(folder, "targets"), Path(folder, "found.json")
        listed.write_text("\n".join(names), encoding="ascii")
        # A window of all targets: only the rate holds it back.
        command = ["scamper", "-O", "json", "-o", str(found), "-p", str(rate_pps), "-w", str(len(names))]
        command += ["-c", f"trace {options}", "-f", str(listed)]
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)
        took_s = time.monotonic() - began
        return _read(found.read_text(encoding="utf-8").splitlines(), names, targets), took_s


def _read(lines: Sequence[str], names: Sequence[str], targets: NDArray[np.uint8]) -> Map:
    row = {name: number for number, name in enumerate(names)}
    documents = [json.loads(line) for line in lines]
    hops = sorted(
        (row[document["dst"]], hop["probe_ttl"], hop["addr"])
        for document in documents
        if document["type"] == "trace"
        for hop in document.get("hops", [])
    )
    return Map(
        targets,
        np.array([hop[0] for hop in hops], np.int32),
        np.array([hop[1] for hop in hops], np.uint8),
        column(hop[2] for hop in hops),
    )
