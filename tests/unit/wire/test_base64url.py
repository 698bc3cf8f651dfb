"""Bytes as text: there is one form, and no other is taken."""

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire.base64url import decoded, encoded


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\xfe", b"\xfb\xef\xff", bytes(range(256))])
def test_bytes_come_back(data: bytes) -> None:
    text = encoded(data)
    assert decoded(text, "it") == data
    assert "=" not in text and "+" not in text and "/" not in text


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("padding", "AA=="),
        ("the other alphabet", "+/+/"),
        ("spare bits in the last character", "AB"),
        ("a character alone", "A"),
        ("a blank", "AA AA"),
        ("a newline", "AAAA\n"),
        ("no ASCII", "\N{LATIN SMALL LETTER E WITH ACUTE}AAA"),
        ("half of a pair", "\ud800AAA"),
    ],
)
def test_another_form_is_refused(why: str, text: str) -> None:
    with pytest.raises(BadRequest, match="a key is no base64url"):
        decoded(text, "a key")
    assert why
