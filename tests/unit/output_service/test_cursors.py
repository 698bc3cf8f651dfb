"""Cursors: places that come back as they were, and nothing else that is taken for one."""

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest, Conflict
from hoploom.output_service import cursors
from hoploom.output_service.cursors import MAX_SEQ, Place

STORE = "00000000-0000-4000-8000-00000000000a"


@given(seq=st.integers(1, MAX_SEQ), row=st.integers(0, 2**32 - 1), store=st.uuids().map(str))
def test_a_place_comes_back(seq: int, row: int, store: str) -> None:
    assert cursors.place(store, cursors.text(store, Place(seq, row))) == Place(seq, row)


def test_a_cursor_of_another_store_conflicts_and_names_both() -> None:
    other = str(uuid.UUID(int=7))
    with pytest.raises(Conflict, match=f"{other}.*{STORE}"):
        cursors.place(STORE, cursors.text(other, Place(3)))


@pytest.mark.parametrize("text", [
    "", "1", "NaN", "../../etc/passwd", "' OR 1=1 --", "A" * 37, "A" * 39, "A" * 10**6, "ä" * 38,
    cursors.text(STORE, Place(1)) + "\n", cursors.text(STORE, Place(0)), cursors.text(STORE, Place(MAX_SEQ + 1)),
])  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="cursor") as error:
        cursors.place(STORE, text)
    assert len(str(error.value)) < 200


@given(st.binary(min_size=28, max_size=28))
def test_whatever_decodes_is_a_place_or_refused(raw: bytes) -> None:
    text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    try:
        found = cursors.place(str(uuid.UUID(bytes=raw[:16])), text)
    except BadRequest:
        return
    assert 1 <= found.seq <= MAX_SEQ and 0 <= found.row < 2**32
