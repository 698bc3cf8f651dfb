"""The line on a terminal that says how far a run is."""

import fcntl
import io
import pty
import struct
import termios

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


@pytest.mark.parametrize(("columns", "shown"), [(80, "a long text"), (6, "a lon"), (0, "a long text")])
def test_it_is_cut_to_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, shown: str) -> None:
    now_s = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen, open(theirs, "w", encoding="utf-8") as stream:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        found = Progress(lambda: "a long text", is_shown=True, stream=stream)
        now_s[0] = 9.0
        found.show()
        assert screen.read(99).decode() == f"\r\x1b[K{shown}"
