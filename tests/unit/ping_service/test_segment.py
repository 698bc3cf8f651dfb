"""What a segment's file tells of itself, and every way in which it may be wrong."""

import hashlib
import struct
import uuid

import pytest
from hypothesis import given, strategies

from hoploom.kit.errors import HoploomError
from hoploom.ping_service.segment import HEADER_BYTES, VERSION, Damaged, Name, TooNew, opened, parse, sealed

BATCH, OTHER = "c0ffee00-0000-4000-8000-000000000000", "c0ffee00-0000-4000-8000-000000000001"
BODY = b"a packed batch"
WHOLE = sealed(BATCH, BODY)


def of_version(version: int, more: bytes = b"") -> bytes:
    """A whole segment that another version has sealed, with so much more in its header."""
    fields = version, HEADER_BYTES + len(more), uuid.UUID(BATCH).bytes, len(BODY)
    before = struct.pack("<8sHHxx16sQ", b"hoploomS", *fields)
    return before + hashlib.sha256(before + more + BODY).digest() + more + BODY


def test_what_was_sealed_is_opened_again() -> None:
    assert opened(WHOLE, BATCH) == BODY == opened(of_version(VERSION), BATCH)
    assert opened(sealed(BATCH, b""), BATCH) == b""


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (bytes(len(WHOLE)), "does not begin"),
        (b"#!/bin/sh\n" * 10, "does not begin"),
        (WHOLE[:20], "does not begin"),
        (WHOLE[:-1], "should have"),
        (WHOLE + b"x", "should have"),
        (WHOLE[:HEADER_BYTES], "should have"),
        (WHOLE[:-1] + b"x", "checksum"),
        (sealed(OTHER, BODY), "another batch"),
    ],
)
def test_what_is_not_whole_is_told_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(Damaged, match=reason):
        opened(raw, BATCH)


@given(strategies.integers(0, len(WHOLE) * 8 - 1))
def test_every_flipped_bit_is_found(bit: int) -> None:
    raw = bytearray(WHOLE)
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(HoploomError):
        opened(bytes(raw), BATCH)


def test_the_next_version_is_read_and_the_one_after_it_is_left_alone() -> None:
    assert opened(of_version(VERSION + 1, b"more"), BATCH) == BODY
    with pytest.raises(TooNew, match="version 3"):
        opened(of_version(VERSION + 2), BATCH)


def test_names_sort_in_the_order_of_sealing_and_are_read_back() -> None:
    names = [Name(2, BATCH), Name(10, OTHER), Name(10**11, BATCH)]
    assert sorted(map(str, names)) == [str(each) for each in names]
    assert [parse(str(each)) for each in names] == names


@pytest.mark.parametrize(
    "name", ["", "owner.lock", f"{BATCH}.segment", f"1-{BATCH}.segment", f"000000000001-{BATCH}", f"x{Name(1, BATCH)}",
             f"{Name(1, BATCH)}.part", f"{Name(1, BATCH)}.reason", "000000000001-C0FFEE.segment", "../x.segment"],
)  # fmt: skip
def test_other_names_are_no_segment_s(name: str) -> None:
    assert parse(name) is None
