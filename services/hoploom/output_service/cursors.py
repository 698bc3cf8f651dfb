"""Places in a store, and the text by which a reader comes back to one. Pure.

Whoever reads on from the cursor of what it has got sees everything once, in the order of `seq`, whatever happens to
its connection.
"""

from __future__ import annotations

import base64
import re
import uuid
from struct import Struct
from typing import Final, NamedTuple

from hoploom.kit.errors import BadRequest, Conflict

_FORM: Final = Struct(">16sQI")
"""The store, the batch, and how many rows of the batch come before the place."""
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{38}")
_PADDING: Final = "=="
MAX_SEQ: Final = 2**62


class Place(NamedTuple):
    """Before a row of a store.

    Attributes:
        seq: Its batch, or one to come.
        row: Rows of that batch before it.
    """

    seq: int
    row: int = 0


def text(store: str, place: Place) -> str:
    """The cursor of a place.

    Args:
        store: UUID of the store.
        place: The place.
    """
    packed = _FORM.pack(uuid.UUID(store).bytes, *place)
    return base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def place(store: str, cursor: str) -> Place:
    """The place of a cursor.

    Args:
        store: UUID of the store that is asked.
        cursor: Text of anybody's.

    Raises:
        BadRequest: It is none.
        Conflict: It is one of another store.
    """
    if not _TEXT.fullmatch(cursor):
        raise BadRequest(f"{cursor[:40]!r} is no cursor: take one from an answer, or none to begin with the oldest")
    owner, seq, row = _FORM.unpack(base64.urlsafe_b64decode(cursor + _PADDING))
    if uuid.UUID(bytes=owner) != uuid.UUID(store):
        raise Conflict(
            f"this cursor is of store {uuid.UUID(bytes=owner)}, and {store} answers here: ask the instance with that "
            "store, or begin here without a cursor"
        )
    if not 1 <= seq <= MAX_SEQ:
        raise BadRequest("this cursor was changed: take one from an answer, or none to begin with the oldest")
    return Place(seq, row)
