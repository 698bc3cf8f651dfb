"""What a question to a store may do: read. No SQL attaches a file, sets a pragma or changes anything, whoever wrote it.

No text of a request ever becomes a part of a statement; this stands behind that rule, should somebody break it.

Source: SQLite, "Compile-Time Authorization Callbacks".
"""

from __future__ import annotations

from typing import Final

import apsw

_ALLOWED: Final = frozenset(
    {
        apsw.SQLITE_SELECT,
        apsw.SQLITE_READ,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_RECURSIVE,
        # So that one snapshot is read.
        apsw.SQLITE_TRANSACTION,
    }
)
_LOADS: Final = "load_extension"


def confine(connection: apsw.Connection) -> None:
    """Let a connection do nothing else from now on; anything else raises `apsw.AuthError`."""
    connection.authorizer = _judged


def _judged(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    if action == apsw.SQLITE_FUNCTION and name == _LOADS:
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK if action in _ALLOWED else apsw.SQLITE_DENY
