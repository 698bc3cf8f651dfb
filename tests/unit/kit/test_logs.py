"""Logs: one line an event, and the same warning only a few times a minute."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from hoploom.kit import logs
from hoploom.kit.errors import ConfigError


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def a_record(message: str, *arguments: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("hoploom.shop", level, "shop.py", 1, message, arguments, None)


def test_a_record_is_one_line_of_json_with_its_identity() -> None:
    token = logs.request_id.set("r-1")
    try:
        text = logs.JsonLine("shop-1").format(a_record("sold %s\nand more", 7))
    finally:
        logs.request_id.reset(token)
    line = json.loads(text)
    assert "\n" not in text
    assert line["event"] == "sold 7\nand more"
    assert (line["level"], line["module"], line["instance_id"]) == ("warning", "hoploom.shop", "shop-1")
    assert line["request_id"] == "r-1"
    assert line["at"].endswith("+00:00")


def test_a_line_outside_a_request_has_no_request_id() -> None:
    assert "request_id" not in json.loads(logs.JsonLine("shop-1").format(a_record("closed")))


def test_a_traceback_is_folded_into_the_line() -> None:
    record = a_record("broke")
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    text = logs.JsonLine("shop-1").format(record)
    assert "\n" not in text
    assert "ValueError: why" in json.loads(text)["error"]


def test_repeated_warnings_are_limited_and_counted_as_the_clock_turns() -> None:
    now = [0.0]
    repeats = logs.Repeats(lambda: now[0])
    assert [repeats.filter(a_record("away: %s", n)) for n in range(12)] == [True] * 5 + [False] * 7
    assert repeats.filter(a_record("something else")), "another warning is not held back"
    now[0] = 59.9
    assert not repeats.filter(a_record("away: %s", 12))
    now[0] = 60.0
    record = a_record("away: %s", 13)
    assert repeats.filter(record)
    assert record.getMessage() == "away: 13 (and 8 more like it in the last minute)"


def test_a_quiet_minute_is_not_counted() -> None:
    now = [0.0]
    repeats = logs.Repeats(lambda: now[0])
    repeats.filter(a_record("away"))
    now[0] = 61.0
    record = a_record("away")
    assert repeats.filter(record)
    assert record.getMessage() == "away"


def test_plain_events_are_never_limited() -> None:
    repeats = logs.Repeats(lambda: 0.0)
    assert all(repeats.filter(a_record("sold", level=logging.INFO)) for _ in range(100))


@pytest.mark.parametrize(("log_format", "is_json"), [("json", True), ("text", False), ("auto", True)])
def test_auto_writes_json_off_a_terminal(log_format: str, is_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format, "shop-1")
    logging.getLogger("hoploom.shop").info("sold")
    logging.getLogger("hoploom.shop").debug("not said")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("{") is is_json


@pytest.mark.parametrize(("level", "log_format"), [("loud", "json"), ("info", "xml")])
def test_an_unknown_level_or_format_is_a_sentence(level: str, log_format: str) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        logs.configure(level, log_format, "shop-1")
