"""Bookmarks over several stores."""

import base64
import json

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.manager.measures import bookmarks

ONE, OTHER = "0196aef0-1111-7222-8333-444455556666", "0196aef0-1111-7222-8333-444455556667"


def packed(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.mark.parametrize("places", [{}, {ONE: "a" * 38}, {OTHER: "b-_" * 12, ONE: "c" * 38}], ids=len)
def test_what_was_put_in_comes_out(places: dict[str, str]) -> None:
    assert bookmarks.places(bookmarks.text(places)) == places


def test_a_text_fits_into_an_address() -> None:
    many = {f"0196aef0-1111-7222-8333-{number:012x}": "a" * 38 for number in range(500)}
    assert len(bookmarks.text(many)) < 6000
    assert len(bookmarks.places(bookmarks.text(many))) == bookmarks.MAX_STORES


@pytest.mark.parametrize(
    "given",
    [
        "x", "=", "\0", "../..", "' OR 1=1", "a" * 7000, packed([]), packed("x"), packed({"x": "y"}), packed({ONE: 1}),
        packed({ONE: ""}), packed({ONE: "a&limit=9"}), packed({ONE: None}), packed({f"{ONE}\n": "a"}),
    ],
)  # fmt: skip
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(BadRequest) as refused:
        bookmarks.places(given)
    assert len(str(refused.value)) < 120
