"""Cookies for probes without end: eight bytes that nobody guesses who has not seen the probe. Pure.

`numpy.random` would do as well, at 3 MB in a process that may have 60.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix

POOL = 4_096
"""Made at a time: small slices cost no more for each cookie than large ones."""


class Cookies:
    """A keyed counter, mixed; no two of the first 2^64 cookies are the same."""

    def __init__(self, key: tuple[int, int]) -> None:
        """Begin.

        Args:
            key: Two secret 64-bit numbers; without the second, cookies do not tell what comes next.
        """
        self._key = np.uint64(key[0]), np.uint64(key[1])
        self._made = 0
        self._pool = np.empty(0, np.uint64)

    def take(self, count: int) -> NDArray[np.uint64]:
        """The next cookies, (count,)."""
        if len(self._pool) < count:
            serials = np.arange(self._made, self._made + max(count, POOL), dtype=np.uint64)
            self._made += len(serials)
            self._pool = mix(mix(serials ^ self._key[0]) ^ self._key[1])
        taken, self._pool = self._pool[:count], self._pool[count:]
        return taken
