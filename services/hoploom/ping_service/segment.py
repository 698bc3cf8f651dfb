"""A sealed segment: one packed batch as a file that tells by itself whether it is whole. Pure.

Header, little-endian: magic, version, length of the header, two spare bytes, id of the batch, length of the body, and
the SHA-256 of all the rest. A later version may make the header longer; the body begins where the header says.
"""

from __future__ import annotations

import hashlib
import re
import struct
import uuid
from typing import NamedTuple

from hoploom.kit.errors import HoploomError
from hoploom.wire.batch import TEXT_PATTERNS

VERSION = 1
MAGIC = b"hoploomS"
SUFFIX = ".segment"
_BEFORE = struct.Struct("<8sHHxx16sQ")
_CHECKSUM_BYTES = 32
HEADER_BYTES = _BEFORE.size + _CHECKSUM_BYTES
_NAME = re.compile(rf"([0-9]{{12}})-({TEXT_PATTERNS['batch'].pattern}){re.escape(SUFFIX)}")


class Damaged(HoploomError):
    """A file that is no whole segment; says what is wrong with it."""


class TooNew(HoploomError):
    """A segment of a version that is made after the next one: a worker of that version reads it."""


class Name(NamedTuple):
    """What the name of a segment's file says: its place in the order of sealing, and its batch's id."""

    place: int
    batch: str

    def __str__(self) -> str:
        """The name; sorted, names are in the order of sealing."""
        return f"{self.place:012}-{self.batch}{SUFFIX}"


def parse(name: str) -> Name | None:
    """A file's name read back; None where it is no segment's."""
    found = _NAME.fullmatch(name)
    return Name(int(found[1]), found[2]) if found else None


def sealed(batch: str, body: bytes) -> bytes:
    """A packed batch as what goes into the file.

    Args:
        batch: The batch's id.
        body: The batch, as `batch_codec.pack` makes it.
    """
    before = _BEFORE.pack(MAGIC, VERSION, HEADER_BYTES, uuid.UUID(batch).bytes, len(body))
    return before + _checksum(before, body) + body


def opened(raw: bytes, batch: str) -> bytes:
    """The packed batch in a file.

    Args:
        raw: The whole file.
        batch: The id that its name says.

    Raises:
        Damaged: It is torn, was changed, or is another batch's.
        TooNew: Only a later version can read it.
    """
    if not raw:
        raise Damaged("the file is empty")
    if len(raw) < HEADER_BYTES or not raw.startswith(MAGIC):
        raise Damaged("the file does not begin as a segment does")
    _, version, header_bytes, batch_bytes, body_bytes = _BEFORE.unpack_from(raw)
    header, body = raw[:header_bytes], raw[header_bytes:]
    if len(header) < HEADER_BYTES or len(body) != body_bytes:
        raise Damaged(f"the file has {len(raw)} bytes and should have {header_bytes + body_bytes}")
    rest = header[: _BEFORE.size] + header[HEADER_BYTES:]
    if _checksum(rest, body) != header[_BEFORE.size : HEADER_BYTES]:
        raise Damaged("the checksum is wrong")
    if version > VERSION + 1:
        raise TooNew(f"the segment is of version {version}, and this worker reads up to {VERSION + 1}")
    if str(uuid.UUID(bytes=batch_bytes)) != batch:
        raise Damaged("the file is named after another batch")
    return body


def _checksum(rest_of_header: bytes, body: bytes) -> bytes:
    found = hashlib.sha256(rest_of_header)
    found.update(body)
    return found.digest()
