"""Batches as bytes and back: MessagePack with whole columns as bytes under zstd for workers, JSON for people with curl.

Pure. What arrives is hostile until `check` has seen it: sizes are limited before anything is unpacked, the number of
containers while it is unpacked, the depth by the parsers themselves. Unknown keys are ignored, so that this version
reads what the next one sends. The compressed form is told by its magic number and not by `Content-Encoding`: HTTP
servers on the way may already have undone that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
import numpy as np
import zstandard

from hoploom.kit.errors import BadRequest, TooLarge
from hoploom.wire import addresses
from hoploom.wire.batch import (
    ADDRESS_COLUMNS,
    COLUMN_NAMES,
    HEAD_NAMES,
    INTEGER_COLUMNS,
    TEXT_PATTERNS,
    Batch,
    Columns,
    check,
)

MEDIA_TYPE: Final = "application/vnd.hoploom.batch+msgpack"
MEDIA_TYPE_ZSTD: Final = "application/vnd.hoploom.batch+msgpack+zstd"
"""What `pack` makes. The compression stands in the media type (suffix of RFC 8878 section 7.3) and not in
`Content-Encoding: zstd`, because aiohttp undoes content encodings by itself and refuses zstd where Python lacks it."""
MEDIA_TYPE_JSON: Final = "application/json"

MAX_UNPACKED_BYTES: Final = 8 * 2**20
"""A batch of 65,536 rows takes 4.8 MB unpacked."""
MAX_JSON_BYTES: Final = 2 * 2**20
"""Python objects made from JSON take up to 25 times its size; 8,000 rows fit."""
MAX_WINDOW_BYTES: Final = 8 * 2**20
"""Memory that the zstd window may take; RFC 8878 section 3.1.1.1.2 asks decoders for at least this."""
MAX_CONTAINERS: Final = 64
"""Lists and maps in one MessagePack document: ours has two. An empty one costs its sender a byte and us 64."""
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def pack(batch: Batch, *, level: int = 1) -> bytes:
    """A batch as zstd-compressed MessagePack (`MEDIA_TYPE_ZSTD`); level 1 halves the bytes at about 300 MB/s."""
    return zstandard.ZstdCompressor(level=level).compress(_pack_plain(batch))


def digest(batch: Batch) -> bytes:
    """SHA-256 (32 bytes) of a batch's content: the same for every encoding and for every time that it is sent."""
    return hashlib.sha256(_pack_plain(batch, sent_monotonic_us=0)).digest()


def to_document(batch: Batch) -> dict[str, Any]:
    """A batch as what goes into JSON: columns are lists, addresses text, no address the empty text."""
    columns = batch.columns
    lists: dict[str, Any] = {name: getattr(columns, name).tolist() for name in INTEGER_COLUMNS}
    lists |= {name: addresses.texts(getattr(columns, name)) for name in ADDRESS_COLUMNS}
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
        document = _parse_json(body)
        batch = _batch(document, _columns_from_lists(_columns_of(document)))
    elif media_type in {MEDIA_TYPE, MEDIA_TYPE_ZSTD}:
        document = _parse_msgpack(body)
        batch = _batch(document, _columns_from_bytes(_columns_of(document)))
    else:
        raise BadRequest(f"send {MEDIA_TYPE_ZSTD}, {MEDIA_TYPE} or {MEDIA_TYPE_JSON}")
    check(batch)
    return batch


def _pack_plain(batch: Batch, **changes: int) -> bytes:
    document = _head(batch) | changes
    columns: dict[str, bytes] = {
        name: getattr(batch.columns, name).astype(INTEGER_COLUMNS.get(name, "u1"), copy=False).tobytes()
        for name in COLUMN_NAMES
    }
    packed: bytes = msgpack.packb(document | {"columns": columns})
    return packed


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


def _columns_of(document: dict[str, Any]) -> dict[str, Any]:
    columns = _mapping(document.get("columns"), "columns")
    missing = [name for name in COLUMN_NAMES if name not in columns]
    if missing:
        raise BadRequest(f"columns lacks {', '.join(missing)}")
    return columns


def _batch(document: dict[str, Any], columns: Columns) -> Batch:
    head: dict[str, Any] = {}
    for name in HEAD_NAMES:
        kind = str if name in TEXT_PATTERNS else int
        if type(document.get(name)) is not kind:
            raise BadRequest(f"{name} is missing or no {'text' if kind is str else 'integer'}")
        head[name] = document[name]
    suspect = document.get("suspect", False)
    if type(suspect) is not bool:
        raise BadRequest("suspect is neither true nor false")
    return Batch(**head, suspect=suspect, columns=columns)


def _columns_from_bytes(columns: Mapping[str, Any]) -> Columns:
    arrays: dict[str, Any] = {}
    for name in COLUMN_NAMES:
        raw = columns[name]
        kind = np.dtype((np.void, addresses.WIDTH)) if name in ADDRESS_COLUMNS else np.dtype(INTEGER_COLUMNS[name])
        if not isinstance(raw, bytes) or len(raw) % kind.itemsize:
            raise BadRequest(f"column {name} is no string of {kind.itemsize}-byte values")
        plain = np.frombuffer(raw, np.uint8 if name in ADDRESS_COLUMNS else kind)
        arrays[name] = plain.reshape(-1, addresses.WIDTH) if name in ADDRESS_COLUMNS else plain
    return Columns(**arrays)


def _columns_from_lists(columns: Mapping[str, Any]) -> Columns:
    return Columns(**{name: _array(name, columns[name]) for name in COLUMN_NAMES})


def _array(name: str, values: Any) -> Any:
    kind = str if name in ADDRESS_COLUMNS else int
    if not isinstance(values, list) or any(type(value) is not kind for value in values):
        raise BadRequest(f"column {name} is no list of {'addresses' if kind is str else 'integers'}")
    try:
        return addresses.column(values) if kind is str else np.array(values, INTEGER_COLUMNS[name])
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"column {name}: {error}") from error
