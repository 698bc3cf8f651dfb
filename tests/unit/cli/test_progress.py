"""The line on a terminal that says how far a run is."""

import io

import pytest

from hoploom.cli.progress import Progress


def test_it_stands_until_something_else_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, stream = [100.0], io.StringIO()
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    found = Progress(lambda: f"at {now_s[0]:g}", is_shown=True, stream=stream)
    found.show()
    found.clear()
    assert stream.getvalue() == "", "a short run needs no such line"
    now_s[0] = 101.0
    found.show()
    now_s[0] = 101.1
    found.show()
    assert stream.getvalue() == "\r\x1b[Kat 101"
    found.clear()
    found.clear()
    assert stream.getvalue() == "\r\x1b[Kat 101\r\x1b[K"


def test_where_nobody_watches_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, stream = [0.0], io.StringIO()
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    found = Progress(lambda: "text", is_shown=False, stream=stream)
    now_s[0] = 99.0
    found.show()
    found.clear()
    assert stream.getvalue() == ""
