"""Where a reader of all outputs' results stands: a cursor of each store, as one opaque text. Pure.

A store is read from its own cursor on, so that a reader goes on where he was whichever outputs are there by then; one
that he has not met begins at its oldest.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final

from hoploom.kit.errors import BadRequest

_STORE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{1,6000}")
MAX_STORES: Final = 40
"""A text for more would not fit into an address that every router takes (8 KB)."""


def text(places: Mapping[str, str]) -> str:
    """The text of cursors by the UUIDs of their stores; empty for none."""
    if not places:
        return ""
    packed = json.dumps(dict(sorted(places.items())[:MAX_STORES]), separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode("ascii").rstrip("=")


def places(given: str) -> dict[str, str]:
    """The cursors of what `text` made; none of an empty text.

    Raises:
        BadRequest: It is nothing of the kind.
    """
    if not given:
        return {}
    try:
        if not _TEXT.fullmatch(given):
            raise ValueError("other characters")
        found = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _no_place(given) from error
    if not isinstance(found, dict) or not all(_is_place(*each) for each in found.items()):
        raise _no_place(given)
    return found


def _is_place(store: str, cursor: object) -> bool:
    return bool(_STORE.fullmatch(store)) and isinstance(cursor, str) and bool(_CURSOR.fullmatch(cursor))


def _no_place(given: str) -> BadRequest:
    return BadRequest(f"{given[:40]!r} is no place to go on from: begin without one")
