"""Reads the fields of a JSON object that came over the network: right type, right bounds, or a reason.

Pure. What is missing or of the wrong type is a `BadRequest` (400); what is out of bounds is `Unprocessable` (422).
"""

import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from hoploom.kit.errors import BadRequest, Unprocessable

VERSION = 1
MAX_INTEGER = 2**53
"""Whole numbers that every JSON reader keeps exactly (RFC 8259, section 6)."""

CAMPAIGN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""Workers, groups and request ids: all may stand in a key of Consul's KV store."""

SHA256 = re.compile(r"[0-9a-f]{64}")
KEY_128 = re.compile(r"[0-9a-f]{32}")
NONCE = re.compile(r"[0-9a-f]{16}")
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")
_MISSING: Final = object()
T = TypeVar("T")


class Fields:
    """One JSON object, field by field."""

    def __init__(self, document: object, what: str, *, versioned: bool = True) -> None:
        """Take an object of version 1.

        Args:
            document: Parsed JSON from anybody.
            what: What it should be, such as "a lease request", for the reasons.
            versioned: False for an object inside another, which has the version of that one.

        Raises:
            BadRequest: It is no object.
            Unprocessable: Its `v` is another version.
        """
        if not isinstance(document, dict):
            raise BadRequest(f"{what} is a JSON object")
        self._document: dict[str, Any] = document
        self._what = what
        if versioned and self.integer("v", range(MAX_INTEGER)) != VERSION:
            raise Unprocessable(f"{what} of version {document['v']!r} is not understood here; send version {VERSION}")

    def only(self, names: Iterable[str]) -> None:
        """Refuse fields of other names, for objects where a misspelt wish must not be passed over."""
        unknown = sorted(map(str, set(self._document) - set(names)))
        if unknown:
            raise Unprocessable(f"{self._what} has no field {unknown[0]!r:.80}")

    def text(self, name: str, pattern: re.Pattern[str], default: Any = _MISSING, *, longest: int = 1024) -> str:
        """A text that matches wholly and has at most `longest` characters."""
        value = self._typed(name, str, default)
        if len(value) > longest or not pattern.fullmatch(value):
            raise Unprocessable(f"{name} of {self._what} has to match {pattern.pattern}, at most {longest} characters")
        return value

    def integer(self, name: str, allowed: range, default: Any = _MISSING) -> int:
        """A whole number within a range."""
        value = self._typed(name, int, default)
        if value not in allowed:
            raise Unprocessable(f"{name} of {self._what} has to be {allowed.start} to {allowed.stop - 1}, not {value}")
        return value

    def number(self, name: str, default: Any = _MISSING) -> int | float:
        """A number, whole or not; what its bounds are is for the caller, who should compare so that NaN fails."""
        return self._typed(name, float if isinstance(self._document.get(name), float) else int, default)

    def flag(self, name: str, default: Any = _MISSING) -> bool:
        """True or false."""
        return self._typed(name, bool, default)

    def texts(self, name: str, *, longest: int, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of at most `longest` texts."""
        values = self._typed(name, list, default)
        if len(values) > longest:
            raise Unprocessable(f"{name} of {self._what} has {len(values)} entries, over the limit of {longest}")
        if not all(isinstance(value, str) for value in values):
            raise BadRequest(f"{name} of {self._what} is a list of texts")
        return tuple(values)

    def families(self, name: str) -> tuple[int, ...]:
        """A list of 4, 6 or both, sorted."""
        values = self._typed(name, list, _MISSING)
        if not values or any(type(value) is not int or value not in (4, 6) for value in values):
            raise Unprocessable(f"{name} of {self._what} is [4], [6] or [4, 6]")
        return tuple(sorted(set(values)))

    def object(self, name: str, default: Any = _MISSING) -> dict[str, Any]:
        """A nested object, as it came."""
        return self._typed(name, dict, default)

    def objects(self, name: str, default: Any = _MISSING) -> list[Any]:
        """A list of nested objects, as they came."""
        return self._typed(name, list, default)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._document.get(name) is not None

    def _typed(self, name: str, kind: type[T], default: Any) -> T:
        value = self._document.get(name)
        if value is None:
            if default is _MISSING:
                raise BadRequest(f"{self._what} lacks {name}")
            value = default
        # JSON knows true apart from 1, Python does not
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadRequest(f"{name} of {self._what} is of the wrong type ({type(value).__name__})")
        return value
