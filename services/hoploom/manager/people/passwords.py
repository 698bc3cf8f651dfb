"""Passwords hashed and verified by argon2id: in threads, two at a time, and as slow for who does not exist.

Source: RFC 9106 (Argon2); OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError

from hoploom.kit.errors import TooMany
from hoploom.manager.people.password_rules import MOST_BYTES, normal

T = TypeVar("T")
AT_ONCE = 2
"""Each takes 19 MiB and a core; more at once would be a way to bring a manager down."""

MOST_WAITING = 64
"""Who comes after them would wait for seconds."""


@dataclass(frozen=True)
class Cost:
    """What a guess costs.

    Attributes:
        memory_kib: Memory of one hash, in KiB.
        passes: Passes over it.
    """

    memory_kib: int = 19 * 1024
    passes: int = 2


class Passwords:
    """Hashes and verifies."""

    def __init__(self, cost: Cost | None = None) -> None:
        """Know the cost of a hash; less than the default is for tests alone."""
        cost = cost or Cost()
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=1, hash_len=32, salt_len=16,
            type=argon2.Type.ID,
        )  # fmt: skip
        # What is verified for who does not exist, so that nobody learns by the time who does.
        self._nobody = self._hasher.hash(secrets.token_bytes(16))
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """A password as it is stored, with its own salt and the parameters; raises TooMany as `is_right`."""
        return await self._run(self._hasher.hash, normal(password))

    async def is_right(self, encoded: str, password: str) -> bool:
        """Whether a password is the one that was hashed.

        Args:
            encoded: Of `hashed`; empty for who has none, which takes as long and is always wrong.
            password: As it was typed; of any length.

        Raises:
            TooMany: Too many others are being verified.
        """
        sent = normal(password)
        is_short = len(sent) <= MOST_BYTES
        return await self._run(self._verify, encoded, sent if is_short else b"") and is_short

    def is_outdated(self, encoded: str) -> bool:
        """Whether a stored hash has other parameters than those of today."""
        try:
            return self._hasher.check_needs_rehash(encoded)
        except InvalidHashError:
            return False

    def _verify(self, encoded: str, password: bytes) -> bool:
        try:
            self._hasher.verify(encoded or self._nobody, password)
        except (Argon2Error, InvalidHashError):
            return False
        return bool(encoded)

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooMany("too many sign in at this moment: try again in some seconds", 5.0)
        self._waiting += 1
        try:
            async with self._gate:
                return await asyncio.to_thread(work, *given)
        finally:
            self._waiting -= 1
