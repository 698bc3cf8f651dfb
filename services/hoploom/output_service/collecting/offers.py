"""What an output has to give, and what of it is fetched next. Pure.

Closed files come first and whole where most of such a file is new, because their transfer can go on after a break; all
else is asked for by its numbers. One step at a time: after each, the cursor of the data set says what is next.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import Unprocessable

VERSION = 1
MAX_FILES = 100_000
"""A file a minute for two months."""

_MOST = 2**62
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.db")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ClosedFile:
    """A closed file of a store.

    Attributes:
        name: Part of the path that serves it; safe in paths here and there.
        first_seq: Number of its first batch.
        last_seq: Number of its last batch.
        size_bytes: Its size.
        sha256: Of its content, in hexadecimal; empty while it is not served whole yet.
        pruned: Whether it is gone.
    """

    name: str
    first_seq: int
    last_seq: int
    size_bytes: int
    sha256: str
    pruned: bool

    def after(self, upto: int) -> int:
        """How many of its batches come after one."""
        return max(0, self.last_seq - max(upto, self.first_seq - 1))


@dataclass(frozen=True)
class Offer:
    """What an output has.

    Attributes:
        store: UUID of its store.
        last_seq: Number of its newest batch; 0 where it has none.
        files: Its closed files, in the order of their batches.
        at: Id of the batch with the number that was asked for; empty where it does not say.
    """

    store: str
    last_seq: int
    files: tuple[ClosedFile, ...] = ()
    at: str = ""


@dataclass(frozen=True)
class Whole:
    """Step: fetch a closed file."""

    file: ClosedFile


@dataclass(frozen=True)
class Part:
    """Step: fetch the batches after `since`, up to `upto`, or all that there are by then where it is 0."""

    since: int
    upto: int = 0


Step = Whole | Part


def parsed(document: object) -> Offer:
    """An answer to `GET /dumps`.

    Args:
        document: The answer as JSON gave it.

    Raises:
        Unprocessable: It is no such answer; says what is wrong.
    """
    if not isinstance(document, dict) or document.get("v") != VERSION:
        raise Unprocessable("the list of its files is of a form that is not known here")
    files = document.get("files")
    if not isinstance(files, list) or len(files) > MAX_FILES:
        raise Unprocessable(f"the list of its files is no list of at most {MAX_FILES}")
    found = sorted((_file(each) for each in files), key=lambda file: file.first_seq)
    at = _text(document, "at", UUID) if document.get("at") else ""
    return Offer(_text(document, "store", UUID), _number(document, "last_seq"), tuple(found), at)


def next_step(offer: Offer, upto: int) -> Step | None:
    """What to fetch next for a data set that has everything up to `upto`; None where nothing is left to be had."""
    reached = upto
    for file in offer.files:
        joins = file.first_seq <= reached + 1
        if file.last_seq <= upto:
            continue
        if not file.pruned:
            # Between two files may be one that is not listed yet; then the output gives both.
            is_whole = joins and file.sha256 and 2 * file.after(upto) > file.after(0)
            return Whole(file) if is_whole else Part(upto, file.last_seq)
        reached = file.last_seq if joins else reached
    return Part(upto) if reached < offer.last_seq else None


def lost(offer: Offer, upto: int) -> int:
    """How many batches after `upto` are gone: their files were pruned before the data set had them."""
    return sum(file.after(upto) for file in offer.files if file.pruned)


def _file(document: object) -> ClosedFile:
    if not isinstance(document, dict):
        raise Unprocessable("a file in its list is no object")
    file = ClosedFile(
        name=_text(document, "name", _NAME),
        first_seq=_number(document, "first_seq"),
        last_seq=_number(document, "last_seq"),
        size_bytes=_number(document, "bytes"),
        sha256=_text(document, "sha256", _SHA256) if document.get("sha256") else "",
        pruned=document.get("pruned") is True,
    )
    if not 1 <= file.first_seq <= file.last_seq:
        raise Unprocessable(f"{file.name} in its list has batches {file.first_seq} to {file.last_seq}")
    return file


def _text(document: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Unprocessable(f"{name} in the list of its files does not match {pattern.pattern}")
    return value


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise Unprocessable(f"{name} in the list of its files is no whole number")
    return value
