"""What people may do, and what they are called. Pure.

A role includes all that the roles below it may: viewers read, operators steer what is probed, admins say who may what.
"""

from __future__ import annotations

import enum
import re

from hoploom.kit.errors import Unprocessable

ROUTE = "/api/v1/users"
ENTER = "enter"
"""The page below the root that keys of doors are for; a key stands behind its `#`, which browsers send to nobody."""

OWNER = "owner"
"""Who is let in by the operators' token of the mesh."""

USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""Stands in a key of Consul's KV store and in paths; names that differ in case alone would be taken for each other."""


class Role(enum.IntEnum):
    """What somebody may do; a higher one may more, so roles compare as numbers do."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @staticmethod
    def of(word: str) -> Role:
        """The role of a word such as "viewer"; raises Unprocessable for any other word."""
        try:
            return _WORDS[word]
        except KeyError:
            raise Unprocessable(f"a role is {', '.join(_WORDS)}, not {word[:40]!r}") from None

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


_WORDS = {each.word: each for each in Role}
