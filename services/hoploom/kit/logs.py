"""Structured logs: one line an event, JSON off a terminal, and repeated warnings limited.

Nothing logs per packet or per request. A line carries the time in UTC, the level, the module, the instance and, inside
a request, its `request_id`.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from hoploom.kit.errors import ConfigError

request_id: ContextVar[str] = ContextVar("request_id", default="")

# The same warning from the same place is said this often a minute; the rest is counted and said with the next one.
REPEATS_PER_MINUTE = 5
_MINUTE_S = 60.0
_LEVELS, _FORMATS = ("debug", "info", "warning", "error"), ("auto", "text", "json")


class JsonLine(logging.Formatter):
    """A log record as one line of JSON."""

    def __init__(self, instance_id: str) -> None:
        """Remember whose lines these are."""
        super().__init__()
        self._instance_id = instance_id

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a traceback is folded into the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "module": record.name,
            "instance_id": self._instance_id,
            "event": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Repeats(logging.Filter):
    """Lets the same warning through only a few times a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the clock, so that a test can turn it."""
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is written."""
        if record.levelno < logging.WARNING:
            return True
        key, now = (record.name, str(record.msg)), self._clock()
        since, count = self._seen.get(key, (now, 0))
        if now - since >= _MINUTE_S:
            if count > REPEATS_PER_MINUTE:
                record.msg = f"{record.msg} (and {count - REPEATS_PER_MINUTE} more like it in the last minute)"
            since, count = now, 0
        self._seen[key] = (since, count + 1)
        return count < REPEATS_PER_MINUTE


def configure(level: str, log_format: str, instance_id: str) -> None:
    """Send this process's log to stderr.

    Args:
        level: Least level that is written: debug, info, warning or error.
        log_format: "text", "json" or "auto" (text on a terminal).
        instance_id: Id of this instance, part of every JSON line.

    Raises:
        ConfigError: There is no such level or format.
    """
    if level.lower() not in _LEVELS:
        raise ConfigError(f"the log level must be one of {', '.join(_LEVELS)}, not {level!r} (--log-level)")
    if log_format not in _FORMATS:
        raise ConfigError(f"the log format must be one of {', '.join(_FORMATS)}, not {log_format!r} (--log-format)")
    handler = logging.StreamHandler(sys.stderr)
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    text.converter = time.gmtime
    handler.setFormatter(text if as_text else JsonLine(instance_id))
    handler.addFilter(Repeats())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
