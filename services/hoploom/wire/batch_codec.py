"""Batches as bytes and back: MessagePack with whole columns as bytes under zstd for workers, JSON for people with curl.

Pure. What arrives is hostile until `check` has seen it: sizes are limited before anything is unpacked, the number of
containers while it is unpacked, the depth by the parsers themselves. Unknown keys are ignored, so that this version
reads what the next one sends. The compressed form is told by its magic number and not by `Content-Encoding`: HTTP
servers on the way may already have undone that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
import numpy as np
import zstandard
from numpy.typing import NDArray

from hoploom.kit.errors import BadRequest, TooLarge, Unprocessable
from hoploom.wire import addresses
from hoploom.wire.batch import HEAD_NAMES, KINDS, TEXT_PATTERNS, Batch, Columns, check
from hoploom.wire.columns import ADDRESS
from hoploom.wire.traces import Traces

MEDIA_TYPE: Final = "application/vnd.hoploom.batch+msgpack"
MEDIA_TYPE_ZSTD: Final = "application/vnd.hoploom.batch+msgpack+zstd"
"""What `pack` makes. The compression stands in the media type (suffix of RFC 8878 section 7.3) and not in
`Content-Encoding: zstd`, because services take no content encodings: what undoes them knows no bounds of ours."""
MEDIA_TYPE_JSON: Final = "application/json"

MAX_UNPACKED_BYTES: Final = 25 * 2**20
"""A batch of 65,536 pings takes 4.8 MB unpacked, one of 16,384 traceroutes of 32 hops each 24 MB with its labels."""
MAX_JSON_BYTES: Final = 2 * 2**20
"""Python objects made from JSON take up to 25 times its size; 8,000 rows fit."""
MAX_WINDOW_BYTES: Final = 8 * 2**20
"""Memory that the zstd window may take; RFC 8878 section 3.1.1.1.2 asks decoders for at least this."""
MAX_CONTAINERS: Final = 64
"""Lists and maps in one MessagePack document: ours has two. An empty one costs its sender a byte and us 64."""
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def pack(batch: Batch, *, level: int = 1) -> bytes:
    """A batch as zstd-compressed MessagePack (`MEDIA_TYPE_ZSTD`); level 1 halves the bytes at about 300 MB/s."""
    return zstandard.ZstdCompressor(level=level).compress(b"".join(_pieces(batch)))


def restamped(body: bytes, boot_id: str, sent_monotonic_us: int) -> bytes:
    """A packed batch as it is sent later: with that time, where its machine still runs; else as it is.

    Nothing else changes: what a later version has put into it stays.

    Args:
        body: As `pack` made it.
        boot_id: Names this run of the machine; the clock of another run tells nothing.
        sent_monotonic_us: Its monotonic clock now, in microseconds.

    Raises:
        BadRequest: It is no packed batch.
    """
    document = _parse_msgpack(_decompressed(body))
    if document.get("boot_id") != boot_id:
        return body
    plain = msgpack.packb(document | {"sent_monotonic_us": sent_monotonic_us})
    return zstandard.ZstdCompressor(level=1).compress(plain)


def digest(batch: Batch) -> bytes:
    """SHA-256 (32 bytes) of a batch's content: the same for every encoding and for every time that it is sent."""
    found = hashlib.sha256()
    for piece in _pieces(batch, sent_monotonic_us=0):
        found.update(piece)
    return found.digest()


def to_document(batch: Batch) -> dict[str, Any]:
    """A batch as what goes into JSON: columns are lists, addresses text, no address the empty text."""
    lists = {
        name: addresses.texts(column) if kind == ADDRESS else column.tolist()
        for name, kind, column in _columns_of(batch)
    }
    return _head(batch) | {"columns": lists}


def unpack(body: bytes, media_type: str) -> Batch:
    """The checked batch in a request's body.

    Args:
        body: As it arrived, compressed or not.
        media_type: Of the request, without parameters: one of the three above.

    Raises:
        BadRequest: the body is not what its media type says, or lacks something.
        TooLarge: it unpacks to more than is allowed.
        Unprocessable: well-formed, and not acceptable: see `batch.check`.
    """
    if body.startswith(ZSTD_MAGIC):
        body = _decompressed(body)
    if media_type == MEDIA_TYPE_JSON:
        batch = _batch(_parse_json(body), _from_list)
    elif media_type in {MEDIA_TYPE, MEDIA_TYPE_ZSTD}:
        batch = _batch(_parse_msgpack(body), _from_bytes)
    else:
        raise BadRequest(f"send {MEDIA_TYPE_ZSTD}, {MEDIA_TYPE} or {MEDIA_TYPE_JSON}")
    check(batch)
    return batch


def _pieces(batch: Batch, **changes: int) -> Iterator[Any]:
    """A batch as MessagePack, piece by piece: columns are given as they are, for copies take longer than hashing."""
    packer = msgpack.Packer()
    columns = [(name, np.ascontiguousarray(column, "u1" if kind == ADDRESS else kind))
               for name, kind, column in _columns_of(batch)]
    head = _head(batch) | changes
    yield packer.pack_map_header(len(head) + 1)
    for pair in head.items():
        yield from map(packer.pack, pair)
    yield packer.pack("columns")
    yield packer.pack_map_header(len(columns))
    for name, column in columns:
        yield packer.pack(name) + _bin_header(column.nbytes)
        yield column.data


def _bin_header(size: int) -> bytes:
    """What stands before that many bytes (MessagePack specification, "bin format family")."""
    for code, width in ((0xC4, 1), (0xC5, 2)):
        if size < 256**width:
            return bytes([code]) + size.to_bytes(width, "big")
    return b"\xc6" + size.to_bytes(4, "big")


def _columns_of(batch: Batch) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Name, type and values of each column, in order."""
    for name, kind in batch.columns.types().items():
        yield name, kind, getattr(batch.columns, name)


def _head(batch: Batch) -> dict[str, Any]:
    """All but the columns; without `suspect` where it is false, as batches were before there was such a thing."""
    head: dict[str, Any] = {name: getattr(batch, name) for name in HEAD_NAMES}
    return head | {"suspect": True} if batch.suspect else head


def _decompressed(body: bytes) -> bytes:
    try:
        size = zstandard.get_frame_parameters(body).content_size
        limit = MAX_UNPACKED_BYTES + 1
        if size not in {zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR}:
            limit = min(size + 1, limit)
            _refuse_large(size)
        reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).stream_reader(body)
        plain = reader.read(limit)
    except zstandard.ZstdError as error:
        raise BadRequest(f"the body is no whole zstd frame: {error}") from error
    _refuse_large(len(plain))
    return plain


def _refuse_large(size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise TooLarge(f"the body unpacks to more than {MAX_UNPACKED_BYTES} bytes")


def _parse_json(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_JSON_BYTES:
        raise TooLarge(f"a batch in JSON has at most {MAX_JSON_BYTES} bytes; send MessagePack")
    try:
        return _mapping(json.loads(body, parse_constant=_refuse_constant), "the body")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _parse_msgpack(body: bytes) -> dict[str, Any]:
    _refuse_large(len(body))
    seen = 0

    def count(container: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > MAX_CONTAINERS:
            raise ValueError(f"more than {MAX_CONTAINERS} lists and maps")
        return container

    try:
        unpacked = msgpack.unpackb(body, object_hook=count, list_hook=count, max_array_len=MAX_CONTAINERS)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no MessagePack batch: {error}") from error
    return _mapping(unpacked, "the body")


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{what} is no map")
    return value


_Reader = Callable[[str, str, Any], NDArray[Any]]
"""Makes a column of its name, its type and what came."""


def _batch(document: dict[str, Any], read: _Reader) -> Batch:
    head: dict[str, Any] = {}
    for name in HEAD_NAMES:
        kind = str if name in TEXT_PATTERNS else int
        if type(document.get(name)) is not kind:
            raise BadRequest(f"{name} is missing or no {'text' if kind is str else 'integer'}")
        head[name] = document[name]
    suspect = document.get("suspect", False)
    if type(suspect) is not bool:
        raise BadRequest("suspect is neither true nor false")
    return Batch(**head, suspect=suspect, columns=_columns(head["kind"], document, read))


def _columns(kind: str, document: dict[str, Any], read: _Reader) -> Columns | Traces:
    if kind not in KINDS:
        raise Unprocessable(f"kind is {' or '.join(KINDS)}, not {kind[:40]!r}")
    found = _mapping(document.get("columns"), "columns")
    types = KINDS[kind].types()
    missing = [name for name in types if name not in found]
    if missing:
        raise BadRequest(f"columns lacks {', '.join(missing)}")
    return KINDS[kind](**{name: read(name, each, found[name]) for name, each in types.items()})


def _from_bytes(name: str, kind: str, raw: Any) -> NDArray[Any]:
    size = np.dtype(kind).itemsize
    if not isinstance(raw, bytes) or len(raw) % size:
        raise BadRequest(f"column {name} is no string of {size}-byte values")
    return np.frombuffer(raw, np.uint8).reshape(-1, size) if kind == ADDRESS else np.frombuffer(raw, kind)


def _from_list(name: str, kind: str, values: Any) -> NDArray[Any]:
    wanted = str if kind == ADDRESS else int
    if not isinstance(values, list) or any(type(value) is not wanted for value in values):
        raise BadRequest(f"column {name} is no list of {'addresses' if wanted is str else 'integers'}")
    try:
        return addresses.column(values) if wanted is str else np.array(values, kind)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"column {name}: {error}") from error
