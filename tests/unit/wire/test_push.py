"""Server-sent events as managers write and workers read them."""

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire.push import KEEP_ALIVE, MAX_EVENT_BYTES, Event, Reader, encoded

TWO = encoded("orders", version=7) + KEEP_ALIVE + encoded("bye", retry_s=2.5)
FOUND = [Event("orders", {"v": 1, "version": 7}), Event("bye", {"v": 1, "retry_s": 2.5})]


@pytest.mark.parametrize("size", [1, 2, 7, len(TWO)])
def test_events_are_read_as_they_were_written_however_they_are_cut(size: int) -> None:
    reader = Reader()
    assert [each for at in range(0, len(TWO), size) for each in reader.feed(TWO[at : at + size])] == FOUND


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"event: a\r\ndata: {}\r\n\r\n", [Event("a", {})]),
        (b"data:{}\n\n", [Event("message", {})]),
        (b": a comment\n\nretry: 5\n\nevent: a\n\n", []),
        (b"event: a\ndata: {}\n", []),
    ],
    ids=["lines end as on Windows", "no name and no space", "nothing but words of the form", "not ended yet"],
)
def test_the_form_is_that_of_the_standard(text: bytes, found: list[Event]) -> None:
    assert list(Reader().feed(text)) == found


@pytest.mark.parametrize(
    "text", [b"data: [\n\n", b"data: 7\n\n", b"data: " + b"[" * 60_000 + b"\n\n", b"x" * (MAX_EVENT_BYTES + 1)]
)
def test_what_is_no_event_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        list(Reader().feed(text))
