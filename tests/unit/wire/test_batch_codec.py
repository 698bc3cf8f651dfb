"""Bytes from anywhere become a checked batch or a refusal with a reason, in bounded memory."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest, TooLarge, Unprocessable
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch, Columns
from hoploom.wire.batch_codec import (
    MEDIA_TYPE,
    MEDIA_TYPE_JSON,
    MEDIA_TYPE_ZSTD,
    digest,
    pack,
    restamped,
    to_document,
    unpack,
)
from unit.wire.batches import columns, make


def document(**changes: Any) -> dict[str, Any]:
    """The good batch as JSON's document, with changes to its head."""
    return to_document(make()) | changes


def with_column(name: str, value: Any) -> dict[str, Any]:
    return document(columns=to_document(make())["columns"] | {name: value})


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Good batches with every value that may vary drawn."""
    rows = draw(st.integers(1, 20))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    good, known = make(rows=rows), columns(rows)
    rtt = np.sort(seed.integers(0, 10**6, (3, rows)), axis=0).astype(np.int32)
    drawn = dataclasses.replace(
        known,
        outcome=np.zeros(rows, np.uint8),
        received=np.ones(rows, np.uint16),
        rtt_min_us=rtt[0],
        rtt_avg_us=rtt[1],
        rtt_max_us=rtt[2],
        icmp_from=seed.integers(0, 256, (rows, 16)).astype(np.uint8),
        at_us=seed.integers(0, 2**50, rows),
    )
    suspect = draw(st.booleans())
    return dataclasses.replace(good, columns=drawn, round=draw(st.integers(0, 2**31 - 1)), suspect=suspect)


@given(batches())
def test_every_encoding_brings_back_the_batch(batch: Batch) -> None:
    from_json = unpack(json.dumps(to_document(batch)).encode(), MEDIA_TYPE_JSON)
    assert unpack(pack(batch), MEDIA_TYPE_ZSTD) == batch == from_json
    assert unpack(zstandard.decompress(pack(batch)), MEDIA_TYPE) == batch
    assert digest(batch) == digest(from_json)


def test_the_digest_leaves_out_when_the_batch_was_sent_and_nothing_else() -> None:
    good = make()
    other = dataclasses.replace(good.columns, sent=good.columns.sent + 1)
    assert digest(good) == digest(dataclasses.replace(good, sent_monotonic_us=99))
    assert digest(good) != digest(dataclasses.replace(good, started_monotonic_us=99))
    assert digest(good) != digest(dataclasses.replace(good, columns=other))


def test_a_batch_of_skipped_targets_alone_comes_back_in_every_encoding() -> None:
    empty = make(rows=0, stop=4096)
    assert unpack(json.dumps(to_document(empty)).encode(), MEDIA_TYPE_JSON) == empty
    assert unpack(pack(empty), MEDIA_TYPE_ZSTD) == empty


def test_the_digest_of_an_ordinary_batch_is_what_it_was_before_there_were_suspect_ones() -> None:
    assert "suspect" not in to_document(make())
    assert digest(make()).hex() == "2f26fb99377cba49e7c71ce1d7f2b4a22544eb2b17b8107a71dd05a3b27ed18c"
    assert digest(make()) != digest(make(suspect=True))


def test_unknown_keys_of_the_next_version_are_ignored() -> None:
    newer = document(v=2, flavour={"new": [1, 2]}, columns=to_document(make())["columns"] | {"jitter_us": [1]})
    assert unpack(json.dumps(newer).encode(), MEDIA_TYPE_JSON).columns == make().columns


BAD_JSON = {
    "it is empty": (b"", BadRequest, "no JSON"),
    "it is cut": (json.dumps(document()).encode()[:-9], BadRequest, "no JSON"),
    "it is no UTF-8": (b'{"v": "\xff"}', BadRequest, "no JSON"),
    "it is a list": (b"[]", BadRequest, "no map"),
    "it is 100,000 deep": (b"[" * 100_000, BadRequest, "no JSON"),
    "an integer has 5,000 digits": (b'{"v": ' + b"9" * 5_000 + b"}", BadRequest, "no JSON"),
    "it is over the limit": (b" " * (batch_codec.MAX_JSON_BYTES + 1), TooLarge, "at most"),
    "an RTT is NaN": (json.dumps(with_column("rtt_min_us", [float("nan")] * 6)).encode(), BadRequest, "NaN"),
    "an RTT is infinite": (json.dumps(with_column("rtt_min_us", [float("inf")] * 6)).encode(), BadRequest, "Infinity"),
    "an RTT is 1e308": (json.dumps(with_column("rtt_min_us", [1e308] * 6)).encode(), BadRequest, "no list of integers"),
    "an RTT is true": (json.dumps(with_column("rtt_min_us", [True] * 6)).encode(), BadRequest, "no list of integers"),
    "an RTT needs 400 bits": (json.dumps(with_column("rtt_min_us", [2**400] * 6)).encode(), BadRequest, "rtt_min_us"),
    "an RTT is -2": (json.dumps(with_column("rtt_min_us", [-2] * 6)).encode(), Unprocessable, "RTTs"),
    "a count is negative": (json.dumps(with_column("sent", [-1] * 6)).encode(), BadRequest, "sent"),
    "an address is a name": (json.dumps(with_column("address", ["localhost"] * 6)).encode(), BadRequest, "address"),
    "a column is missing": (json.dumps(document(columns={})).encode(), BadRequest, "lacks position"),
    "the columns are a list": (json.dumps(document(columns=[])).encode(), BadRequest, "columns is no map"),
    "the lease is missing": (json.dumps(document(lease=None)).encode(), BadRequest, "lease is missing"),
    "the round is a text": (json.dumps(document(round="0")).encode(), BadRequest, "no integer"),
    "suspect is a number": (json.dumps(document(suspect=1)).encode(), BadRequest, "neither true nor false"),
    "the version is unknown": (json.dumps(document(v=9)).encode(), Unprocessable, "v is not in"),
}


@pytest.mark.parametrize("body, error, reason", BAD_JSON.values(), ids=BAD_JSON)
def test_json_is_refused_when(body: bytes, error: type[BadRequest], reason: str) -> None:
    with pytest.raises(error, match=reason):
        unpack(body, MEDIA_TYPE_JSON)


def plain() -> bytes:
    return zstandard.decompress(pack(make()))


def repacked(**changes: Any) -> bytes:
    packed: bytes = msgpack.packb(msgpack.unpackb(plain()) | changes)
    return packed


BAD_MSGPACK = {
    "it is empty": (b"", BadRequest, "no MessagePack"),
    "it is half": (plain()[:200], BadRequest, "incomplete"),
    "something follows it": (plain() + b"\0", BadRequest, "no MessagePack"),
    "it is a number": (b"\x01", BadRequest, "no map"),
    "it is 100,000 deep": (b"\x91" * 100_000, BadRequest, "no MessagePack"),
    "it is a million empty lists": (b"\xdd\x00\x10\x00\x00" + b"\x90" * 2**20, BadRequest, "no MessagePack"),
    "it claims four thousand million entries": (b"\xdf\xff\xff\xff\xff", BadRequest, "no MessagePack"),
    "it nests a thousand maps side by side": (b"\xde\x03\xe8" + b"\xa1a\x80" * 1000, BadRequest, "lists and maps"),
    "the zstd frame is cut": (pack(make())[:100], BadRequest, "incomplete input"),
    "the zstd frame is damaged": (batch_codec.ZSTD_MAGIC + b"\xff" * 60, BadRequest, "whole zstd frame"),
    "a column has half a value": (
        repacked(columns=msgpack.unpackb(plain())["columns"] | {"at_us": b"123"}),
        BadRequest,
        "8-byte values",
    ),
    "a column is a list": (
        repacked(columns=msgpack.unpackb(plain())["columns"] | {"sent": [1]}),
        BadRequest,
        "2-byte values",
    ),
    "the worker is bytes": (repacked(worker=b"pi-7"), BadRequest, "worker is missing or no text"),
    "the round is a float": (repacked(round=0.0), BadRequest, "no integer"),
}


@pytest.mark.parametrize("body, error, reason", BAD_MSGPACK.values(), ids=BAD_MSGPACK)
def test_messagepack_is_refused_when(body: bytes, error: type[BadRequest], reason: str) -> None:
    with pytest.raises(error, match=reason):
        unpack(body, MEDIA_TYPE_ZSTD)


BOMBS = {
    "says its size": zstandard.ZstdCompressor().compress(bytes(512 * 2**20)),
    "hides its size": zstandard.ZstdCompressor(write_content_size=False).compress(bytes(512 * 2**20)),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_zstd_bomb_is_refused_before_it_unfolds_when_it(body: bytes) -> None:
    assert len(body) < 100_000
    with pytest.raises(TooLarge):
        unpack(body, MEDIA_TYPE_ZSTD)


def test_an_unknown_media_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match=r"send application/vnd\.hoploom"):
        unpack(b"a=b", "application/x-www-form-urlencoded")


def test_columns_compare_by_value() -> None:
    assert make().columns == make().columns
    assert make().columns != make(1).columns
    assert Columns.__hash__ is None


def test_a_batch_that_is_sent_later_says_when_and_nothing_else_changes() -> None:
    batch = make()
    later = restamped(pack(batch), batch.boot_id, batch.sent_monotonic_us + 7)
    assert unpack(later, MEDIA_TYPE_ZSTD) == dataclasses.replace(batch, sent_monotonic_us=batch.sent_monotonic_us + 7)
    assert digest(unpack(later, MEDIA_TYPE_ZSTD)) == digest(batch)


def test_a_batch_of_another_run_of_the_machine_is_sent_as_it_is() -> None:
    assert restamped(pack(make()), "another", 7) == pack(make())


def test_what_a_later_version_has_put_into_a_batch_is_sent_too() -> None:
    plain = msgpack.unpackb(zstandard.decompress(pack(make()))) | {"news": [1], "kind": "not known here"}
    later = msgpack.unpackb(zstandard.decompress(restamped(_zstd(plain), make().boot_id, 7)))
    assert later == plain | {"sent_monotonic_us": 7}


@pytest.mark.parametrize("body", [b"", b"junk", zstandard.compress(b"junk"), zstandard.compress(msgpack.packb([1]))])
def test_what_is_no_packed_batch_cannot_be_restamped(body: bytes) -> None:
    with pytest.raises(BadRequest):
        restamped(body, "b", 7)


def _zstd(plain: dict[str, Any]) -> bytes:
    return zstandard.compress(msgpack.packb(plain))
