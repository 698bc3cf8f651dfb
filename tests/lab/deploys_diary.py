"""What was done to a mesh and what was seen there, by the second: from this is read why a request failed."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

EVERY_S = 0.5
"""How often is looked: a tenth of what a check waits. Each look takes a millisecond of a processor."""

Look = Callable[[], Mapping[str, str]]
_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) p=\d+ u=\S+ n=\S+ \w+\| (.*)$")


class Happened(NamedTuple):
    """Something that was done or seen.

    Attributes:
        at_s: When, in seconds since 1970.
        words: What.
    """

    at_s: float
    words: str


class Diary:
    """All that was done and seen in one world; may be written by several threads."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._all: list[Happened] = []

    def note(self, words: str, at_s: float | None = None) -> None:
        """Write something down, as of now where no moment is given."""
        self._all.append(Happened(time.time() if at_s is None else at_s, words))

    def between(self, from_s: float, to_s: float) -> tuple[Happened, ...]:
        """What happened between two moments (seconds since 1970)."""
        return tuple(each for each in sorted(self._all) if from_s <= each.at_s < to_s)

    @contextmanager
    def watching(self, look: Look) -> Iterator[None]:
        """Write down how what is seen changes, while this is entered.

        Args:
            look: Gives what is seen now, each thing with its state; OSError where nothing answers, which is a state.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(look, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, look: Look, ended: threading.Event) -> None:
        before = _seen(look)
        while not ended.wait(EVERY_S):
            now = _seen(look)
            for line in changes(before, now):
                self.note(line)
            before = now


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """How two looks differ, a line for each thing."""
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if old != new:
            yield f"{name}: {new or 'gone'}"


def played(log: Path) -> Iterator[Happened]:
    """The tasks of a playbook that changed something, by its log (ANSIBLE_LOG_PATH); nothing where there is none."""
    return _tasks(log.read_text(encoding="utf-8", errors="replace").splitlines()) if log.exists() else iter(())


def _tasks(lines: Iterable[str]) -> Iterator[Happened]:
    task = ""
    for line in lines:
        if not (found := _LINE.match(line)):
            continue
        at_s = time.mktime(time.strptime(found[1], "%Y-%m-%d %H:%M:%S")) + int(found[2]) / 1000
        words = found[3]
        if words.startswith("TASK ["):
            task = words[6:].partition("]")[0]
        elif words.startswith("changed: ["):
            yield Happened(at_s, f"{words[10:].partition(']')[0]}: {task}")


def _seen(look: Look) -> Mapping[str, str]:
    try:
        return look()
    except OSError as error:
        return {"looking": f"nobody answers ({error})"}
