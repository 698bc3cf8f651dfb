r"""One line of Fabio's route commands: read as Fabio 1.7.2 reads it, and written. Pure.

A line that Fabio cannot read costs the whole table: it keeps the last one, for every service, until the line is gone.
Some it reads, and not as they were meant: see `judging`.

Source: Fabio 1.7.2, route/parse_new.go; Go's strconv.ParseFloat, strings.TrimSpace and RE2's \s.
"""

import math
import re
from dataclasses import dataclass

SPACE = "[\t\n\f\r ]"
# What Go's strings.TrimSpace takes away; Python's strip() takes 0x1c-0x1f as well.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class Add:
    """`route add SVC SRC DST [weight W] [tags "A,B"] [opts "K=V ..."]`: requests for `src` may go to `dst`."""

    service: str
    src: str
    dst: str
    weight: float = 0.0
    tags: tuple[str, ...] = ()
    opts: str = ""


@dataclass(frozen=True)
class Delete:
    """`route del`: targets of a service, of a service below a source, one target, or by tags (of a service or all)."""

    service: str = ""
    src: str = ""
    dst: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weigh:
    """`route weight [SVC] SRC weight W [tags "A,B"]`: all matching targets together get this share.

    `weight` of 0 or less is no share at all: such targets are given an even part of what the others leave.
    """

    service: str
    src: str
    weight: float
    tags: tuple[str, ...] = ()


Command = Add | Delete | Weigh


class Unreadable(ValueError):
    """Fabio refuses its whole table over this line; the text says why, `cure` what to write."""

    def __init__(self, problem: str, cure: str) -> None:
        """Keep both halves of the sentence apart."""
        super().__init__(problem)
        self.cure = cure


def _pattern(text: str) -> re.Pattern[str]:
    word = "([^\t\n\f\r ]+)"
    return re.compile(text.replace(" ", f"{SPACE}+").replace("WORD", word).replace("QUOTED", '"([^"]*)"'))


_ADD = _pattern("route add WORD WORD WORD(?: weight WORD)?(?: tags QUOTED)?(?: opts QUOTED)?")
_DELETE = _pattern("route del WORD(?: WORD(?: WORD)?)?")
_DELETE_OF = _pattern("route del WORD tags QUOTED")
_DELETE_TAGS = _pattern("route del tags QUOTED")
_WEIGH = _pattern("route weight WORD WORD weight WORD(?: tags QUOTED)?")
_WEIGH_SOURCE = _pattern("route weight WORD weight WORD tags QUOTED")
_KIND = re.compile(f"route{SPACE}+(add|del|weight)")
_HEX = re.compile(r"[+-]?0[xX](_?[0-9a-fA-F])*\.?[0-9a-fA-F]*(_[0-9a-fA-F]+)*[pP][+-]?\d+(_\d+)*", re.ASCII)
_INFINITE = frozenset({"inf", "infinity"})

_SHAPES = {
    "add": 'write: route add SERVICE SRC DST weight 0.1 tags "a,b" opts "strip=/x" (the last three as needed, in '
    "this order)",
    "del": 'write: route del SERVICE [SRC [DST]], route del SERVICE tags "a,b", or route del tags "a,b"',
    "weight": 'write: route weight SERVICE SRC weight 0.1 tags "a,b", or without SERVICE or without tags, not both',
}


def number(text: str) -> float:
    """A weight as Go reads it.

    Raises:
        Unreadable: It is no number for Go, or one beyond its range.
    """
    sign_free = text.lstrip("+-") if text[:2] not in ("++", "--", "+-", "-+") else text
    try:
        if not text.isascii() or any(each in text for each in "\v\x1c\x1d\x1e\x1f") or text.lower() in ("+nan", "-nan"):
            raise ValueError(text)
        found = float.fromhex(text.replace("_", "")) if _HEX.fullmatch(text) else float(text)
    except (ValueError, OverflowError):
        raise Unreadable(f"{text!r} is no number", "write a share such as 0.05") from None
    if math.isinf(found) and sign_free.lower() not in _INFINITE:
        raise Unreadable(f"{text!r} is beyond what a number may be", "write a share such as 0.05")
    return found


def command(text: str) -> Command:
    """Read one line, without the blanks around it; no comment and no blank line.

    Raises:
        Unreadable: Fabio refuses its whole table over it.
    """
    kind = _KIND.match(text)
    if kind is None:
        problem = "it does not begin with `route add`, `route del` or `route weight`"
        raise Unreadable(problem, "put # before a remark")
    read = {"add": _add, "del": _delete, "weight": _weigh}[kind[1]]
    found = read(text)
    if found is None:
        raise Unreadable(f"it is no `route {kind[1]}` that Fabio can read", _SHAPES[kind[1]])
    return found


def _add(text: str) -> Add | None:
    found = _ADD.fullmatch(text)
    if not found:
        return None
    service, src, dst, weight, tags, opts = found.groups(default="")
    return Add(service, src, dst, number(weight) if weight else 0.0, _tags(tags), " ".join(opts.split()))


def _delete(text: str) -> Delete | None:
    if found := _DELETE_OF.fullmatch(text):
        return Delete(found[1], tags=_tags(found[2]))
    if found := _DELETE_TAGS.fullmatch(text):
        return Delete(tags=_tags(found[1]))
    if found := _DELETE.fullmatch(text):
        service, src, dst = found.groups(default="")
        return Delete(service, src, dst)
    return None


def _weigh(text: str) -> Weigh | None:
    if found := _WEIGH.fullmatch(text):
        service, src, weight, tags = found.groups(default="")
        return Weigh(service, src, number(weight), _tags(tags))
    if found := _WEIGH_SOURCE.fullmatch(text):
        return Weigh("", found[1], number(found[2]), _tags(found[3]))
    return None


def _tags(text: str) -> tuple[str, ...]:
    return tuple(each.strip(BLANKS) for each in text.split(",")) if text else ()


def write(wanted: Command) -> str:
    """The line that Fabio reads as this command.

    Raises:
        ValueError: No line does: a word is empty or has a blank, a tag a comma or a quote.
    """
    text = " ".join(_words(wanted))
    try:
        found: Command | None = command(text)
    except Unreadable:
        found = None
    if found != wanted:
        raise ValueError(f"no line of Fabio's says {wanted}")
    return text


def _words(wanted: Command) -> list[str]:
    match wanted:
        case Add(service, src, dst, weight, tags, opts):
            weighed = ["weight", _said(weight)] if weight else []
            return ["route add", service, src, dst, *weighed, *_quoted("tags", ",".join(tags)), *_quoted("opts", opts)]
        case Delete(service, src, dst, tags):
            return ["route del", *filter(None, (service, src, dst)), *_quoted("tags", ",".join(tags))]
        case Weigh(service, src, weight, tags):
            quoted = _quoted("tags", ",".join(tags))
            return ["route weight", *filter(None, [service]), src, "weight", _said(weight), *quoted]


def _said(weight: float) -> str:
    return repr(float(weight)).removesuffix(".0")


def _quoted(word: str, text: str) -> list[str]:
    return [word, f'"{text}"'] if text else []
