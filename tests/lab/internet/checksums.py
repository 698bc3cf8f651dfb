"""Internet checksums of many packets at once (RFC 1071). Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def word_sums(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Sum of the 16-bit words of each row, (n,); rows are (n, w) with w even, padded by zeros."""
    sums: NDArray[np.uint64] = np.ascontiguousarray(rows).view(">u2").sum(axis=1, dtype=np.uint64)
    return sums


def folded(sums: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The checksums of such sums as (n, 2) bytes."""
    low = np.uint64(0xFFFF)
    for _ in range(3):
        sums = (sums & low) + (sums >> np.uint64(16))
    return (low - sums).astype(">u2").view(np.uint8).reshape(-1, 2)
