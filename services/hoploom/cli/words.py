"""Options as fping and scamper take them: clusters of letters, values glued on or behind, names with two dashes. Pure.

argparse says its refusals in its own words and takes any unique beginning of a name; these tools do neither, and who
comes from them should find what he knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hoploom.kit.errors import ConfigError


class BadWord(ConfigError):
    """An option that does not exist, or lacks its value; nothing was done."""


class Flag(NamedTuple):
    """One option.

    Attributes:
        letter: What one dash takes; empty for none.
        name: What two dashes take; also the key of its value.
        value: What its value is called in the help; empty for an option without one.
        text: What it does, for the help.
    """

    letter: str
    name: str
    value: str
    text: str


class Given(NamedTuple):
    """What a command line holds.

    Attributes:
        values: The value of each option that is given, by name; the last one counts. Empty for one without a value.
        operands: All else, in order.
    """

    values: dict[str, str]
    operands: list[str]


def parse(words: Sequence[str], flags: Sequence[Flag]) -> Given:
    """Take a command line apart; options may stand behind operands, `--` ends them.

    Args:
        words: The command line without the command's name.
        flags: The options that there are.

    Raises:
        BadWord: An option does not exist, lacks its value, or was given one that it does not take.
    """
    given = Given({}, [])
    left = iter(words)
    for word in left:
        if word == "--":
            given.operands.extend(left)
        elif word.startswith("--"):
            _long(word[2:], left, flags, given)
        elif word.startswith("-") and word != "-":
            _cluster(word[1:], left, flags, given)
        else:
            given.operands.append(word)
    return given


def usage(flags: Sequence[Flag]) -> list[str]:
    """The options for the help, a line or more each."""
    lines = []
    for flag in flags:
        long = f"--{flag.name}={flag.value}" if flag.value else f"--{flag.name}"
        head = f"   -{flag.letter}, {long}" if flag.letter else f"       {long}"
        first, *more = flag.text.split("\n")
        lines += [f"{head:<26} {first}", *(f"{'':<26} {each}" for each in more)]
    return lines


def number(least: float, most: float) -> Callable[[str, str], float]:
    """A reader of an option's decimal number within a range: of name and text it makes the value, or a BadWord."""

    def convert(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise BadWord(f"--{name} needs a number, not {text!r}") from None
        if not (math.isfinite(value) and least <= value <= most):
            raise BadWord(f"--{name} is {least:g} to {most:g}, not {text}")
        return value

    return convert


def whole(least: int, most: int) -> Callable[[str, str], int]:
    """A reader of an option's whole number within a range, as `number`."""

    def convert(name: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise BadWord(f"--{name} needs a whole number, not {text!r}") from None
        if not least <= value <= most:
            raise BadWord(f"--{name} is {least:,} to {most:,}, not {text}")
        return value

    return convert


def nonempty(name: str, text: str) -> str:
    """An option's text, which has to say something."""
    if not text:
        raise BadWord(f"--{name} needs a value")
    return text


def _long(word: str, left: Iterator[str], flags: Sequence[Flag], given: Given) -> None:
    name, glued, value = word.partition("=")
    flag = next((each for each in flags if each.name == name), None)
    if flag is None:
        raise BadWord(f"invalid option -- '{name}'")
    if glued and not flag.value:
        raise BadWord(f"option takes no arguments -- '{name}'")
    given.values[flag.name] = value if glued or not flag.value else _value(left, name)


def _cluster(letters: str, left: Iterator[str], flags: Sequence[Flag], given: Given) -> None:
    for at, letter in enumerate(letters, start=1):
        flag = next((each for each in flags if each.letter == letter), None)
        if flag is None:
            raise BadWord(f"invalid option -- '{letter}'")
        if flag.value:
            given.values[flag.name] = letters[at:] or _value(left, letter)
            return
        given.values[flag.name] = ""


def _value(left: Iterator[str], name: str) -> str:
    for word in left:
        return word
    raise BadWord(f"option requires an argument -- '{name}'")
