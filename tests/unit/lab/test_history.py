"""Events go to the file whole, in one order for all writers."""

import itertools
from pathlib import Path

import pytest

from lab.history import INVOKE, OK, Event, Recorder, Tail, Token, of, parse, read


def test_what_two_writers_note_is_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    path, ticks = tmp_path / "history", itertools.count()
    with Recorder(path, "a", 1, lambda: next(ticks)) as one, Recorder(path, "b", 2, lambda: 10 - next(ticks)) as other:
        one.note(INVOKE, "acquire", "dyfi")
        other.note(OK, "acquire", "dyfi", {"x": 1}, "0.7")
        one.note(OK, "end")
    assert [(each.proc, each.boot, each.seq, each.t) for each in read(path)] == [
        ("a", 1, 0, 0), ("a", 1, 1, 2), ("b", 2, 0, 9)
    ]


def test_no_file_is_an_empty_history(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == [] == Tail(tmp_path / "none").new()


def test_a_line_that_was_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with Recorder(path, "a") as one:
        one.note(OK, "x")
    path.write_bytes(path.read_bytes() * 2 + b'{"proc": "a", "bo')
    assert len(read(path)) == 2


def test_a_whole_line_that_is_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        parse(["nonsense\n"])


def test_a_tail_gives_each_event_once(tmp_path: Path) -> None:
    path = tmp_path / "history"
    tail = Tail(path)
    with Recorder(path, "a") as one:
        one.note(OK, "x")
        assert [each.op for each in tail.new()] == ["x"]
        assert tail.new() == []
        one.note(OK, "y")
        one.note(OK, "z")
        assert [each.op for each in tail.new()] == ["y", "z"]


def test_events_are_picked_by_operation_phase_and_key() -> None:
    events = [Event("a", 1, n, ph, op, key) for n, (ph, op, key) in enumerate(
        [("ok", "x", "k"), ("fail", "x", "k"), ("ok", "x", "l"), ("ok", "y", "k")])]
    assert [each.seq for each in of(events, "x")] == [0, 1, 2]
    assert [each.seq for each in of(events, "x", OK)] == [0, 2]
    assert [each.seq for each in of(events, "x", OK, key="k")] == [0]


def test_tokens_are_ordered_by_epoch_and_then_by_index() -> None:
    texts = ["0.9", "0.10", "1.2"]
    assert sorted(map(Token.parse, reversed(texts))) == [Token(0, 9), Token(0, 10), Token(1, 2)]
    assert [str(Token.parse(text)) for text in texts] == texts


@pytest.mark.parametrize("text", ["", "7", "a.b", "1.2.3"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Token.parse(text)
