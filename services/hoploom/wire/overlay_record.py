"""The overlay as it stands in the KV store: this datacenter's own, and what was pulled from the home. Pure.

`hoploom/overlay` is this datacenter's, `hoploom/overlay/<dc>` the home's where that is another one.
"""

import json
import zlib

from hoploom.kit.consul_records import KvEntry
from hoploom.kit.errors import BadRequest, Unavailable, Unprocessable
from hoploom.wire.overlay import OverlayDocument

KEY = "hoploom/overlay"
MAX_BYTES = 60_000
"""Compressed; Consul's raft log slows down over 64 KB. Some ten thousand blocks."""


def pulled_key(home: str) -> str:
    """Where another datacenter's overlay is kept here."""
    return f"{KEY}/{home}"


def packed(document: OverlayDocument) -> bytes:
    """An overlay as it is stored; raises Unprocessable where it would be too large."""
    found = zlib.compress(json.dumps(document.to_json(), separators=(",", ":")).encode(), 9)
    if len(found) > MAX_BYTES:
        raise Unprocessable(f"the opt-outs take {len(found):,} bytes, over {MAX_BYTES:,}: join neighbouring blocks")
    return found


def read_stored(entry: KvEntry | None) -> OverlayDocument:
    """An overlay as it is stored, the empty one where there is none; raises Unavailable where it is damaged."""
    if entry is None:
        return OverlayDocument()
    try:
        return OverlayDocument.from_json(json.loads(zlib.decompress(entry.value)))
    except (BadRequest, ValueError, zlib.error) as error:
        raise Unavailable(f"the overlay stored in Consul at {KEY} is damaged ({error}); delete the key") from error


def stored_version(entry: KvEntry | None) -> int:
    """The version of an overlay as it is stored; -1 where it is damaged."""
    try:
        return read_stored(entry).version
    except Unavailable:
        return -1
