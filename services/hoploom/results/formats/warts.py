"""Files of warts, what scamper and CAIDA's archives keep measurements in: a header and a body to each record. Pure.

Records of types that are not read here (alias resolution, sniffing ...) are passed over by their length. A reader's
memory is bounded by one record, whatever the file says.

Source: warts(5), "Object header".
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, Final

from hoploom.kit.errors import ConfigError
from hoploom.results.formats.warts_codec import decode, encode, is_known
from hoploom.results.formats.warts_records import Record

_MAGIC: Final = 0x1205
_HEADER: Final = Struct(">HHI")
"""Magic number, type of the record, bytes that follow."""
_MOST_BYTES: Final = 16 << 20
"""A traceroute of 255 TTLs with ten answers each has 0.1 MB."""
_CHUNK_BYTES: Final = 1 << 16


def to_bytes(record: Record) -> bytes:
    """A record as it stands in a file."""
    kind, body = encode(record)
    return _HEADER.pack(_MAGIC, kind, len(body)) + body


def records(file: BinaryIO) -> Iterator[Record]:
    """The records of a file, in its order, without those that are not known here.

    Args:
        file: At a record's start; one that cannot seek, such as what unpacks a compressed file, will do.

    Raises:
        ConfigError: The file is no warts, damaged, or ends within a record; it says where.
    """
    at = 0
    while header := file.read(_HEADER.size):
        try:
            found = _next(file, header)
        except ConfigError as error:
            raise ConfigError(f"the record at byte {at} of the warts file cannot be read: {error}") from error
        size, record = found
        at += _HEADER.size + size
        if record is not None:
            yield record


def _next(file: BinaryIO, header: bytes) -> tuple[int, Record | None]:
    """Length and record of what follows a header."""
    if len(header) < _HEADER.size:
        raise ConfigError("the file ends within it, so it was cut off")
    magic, kind, size = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise ConfigError(f"it begins with {magic:#06x} and not with {_MAGIC:#06x}, so it is none")
    if not is_known(kind):
        _pass_over(file, size)
        return size, None
    if size > _MOST_BYTES:
        raise ConfigError(f"it says to have {size} bytes, and none has more than {_MOST_BYTES}")
    return size, decode(kind, _exactly(file, size))


def _pass_over(file: BinaryIO, size: int) -> None:
    while size:
        size -= len(_exactly(file, min(size, _CHUNK_BYTES)))


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise ConfigError("the file ends within it, so it was cut off")
    return found
