"""Which of the locked packages go into an archive: read from the lock, its notes on who needs whom, and the extras."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import ConfigError

Version = tuple[int, int]
_HEAD = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)(?: ; (.+?))? \\")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_VIA = re.compile(r"#(?: via| )\s+(\S+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLAUSE = re.compile(r"python_full_version (<|>=) '3\.(\d+)'")
# Archives are for the hosts' own Python, which is CPython.
_CPYTHON = re.compile(r"(?:platform_python_implementation|implementation_name) != 'PyPy'")
_OURS = re.compile(r"hoploom\[([a-z,]+)\]")


@dataclass(frozen=True)
class Requirement:
    """One pinned package.

    Attributes:
        name: Its normalized name.
        version: The version.
        marker: For which Pythons, as the lock says it; empty for all.
        hashes: Of the files that may be it: `sha256:...`.
        via: Normalized names of the packages that need it.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: frozenset[str]


def read(lock: str) -> list[Requirement]:
    """The requirements of a lock made by `uv pip compile --generate-hashes`, in its order."""
    blocks: list[list[str]] = []
    for line in lock.splitlines():
        if _HEAD.fullmatch(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line.strip())
    return [_requirement(block) for block in blocks]


def _requirement(block: Sequence[str]) -> Requirement:
    head = _HEAD.fullmatch(block[0])
    assert head, "a block begins with its head"
    hashes = tuple(found[1] for line in block if (found := _HASH.match(line)))
    via = frozenset(normalized(found[1]) for line in block if (found := _VIA.match(line)))
    return Requirement(normalized(head[1]), head[2], head[3] or "", hashes, via)


def normalized(name: str) -> str:
    """A package's name as all spell it the same (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def roots(project: Mapping[str, Any], extra: str, without: Iterable[str] = ()) -> set[str]:
    """Names of what the project itself asks for.

    Args:
        project: The table `project` of pyproject.toml.
        extra: The extra that is wanted beside the dependencies.
        without: Extras that are left out, though the wanted one contains them.
    """
    texts = list(project["dependencies"])
    waiting = [extra]
    while waiting:
        for text in project["optional-dependencies"][waiting.pop()]:
            if ours := _OURS.match(text):
                waiting += [each for each in ours[1].split(",") if each not in without]
            else:
                texts.append(text)
    return {normalized(found[0]) for text in texts if (found := _NAME.match(text))}


def closure(locked: Iterable[Requirement], wanted: set[str], python: Version) -> list[Requirement]:
    """What is wanted, and all that it needs, for one Python.

    Args:
        locked: The whole lock.
        wanted: Normalized names to begin with.
        python: Version such as (3, 11).

    Raises:
        ConfigError: A marker is of a kind that is not known here, or the lock does not have what is wanted.
    """
    here = [each for each in locked if holds(each.marker, python)]
    names: set[str] = set()
    more = {each.name for each in here} & wanted
    if more != wanted:
        raise ConfigError(f"the lock lacks {', '.join(sorted(wanted - more))}: make it anew from pyproject.toml")
    while more:
        names |= more
        more = {each.name for each in here if each.via & names} - names
    return [each for each in here if each.name in names]


def holds(marker: str, python: Version) -> bool:
    """Whether a marker of the lock is true for a Python.

    Raises:
        ConfigError: It compares something else than Python's version, or CPython with PyPy.
    """
    if not marker:
        return True
    clauses = [_CLAUSE.fullmatch(each) for each in marker.split(" and ") if not _CPYTHON.fullmatch(each)]
    if not all(clauses):
        raise ConfigError(f"the lock has a marker that is not understood: {marker}")
    return all(((3, int(each[2])) > python) == (each[1] == "<") for each in clauses if each)


def text(requirements: Iterable[Requirement]) -> str:
    """The requirements as pip reads them, with their hashes and without markers."""
    lines = [
        " \\\n".join([f"{each.name}=={each.version}", *(f"    --hash={sha256}" for sha256 in each.hashes)])
        for each in requirements
    ]
    return "\n".join(lines) + "\n"
