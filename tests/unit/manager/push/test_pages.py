"""Live pages are told when there is something else to see, and only then."""

import asyncio
from collections.abc import Iterable

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.push.hub import Hub
from hoploom.manager.push.pages import EVERY_S, follow
from hoploom.wire.push import PAGE, encoded
from lab.virtual_time import run


class Listeners(Hub):
    """So many pages; remembers when they were told."""

    def __init__(self, pages: int) -> None:
        super().__init__(0)
        self._pages, self.heard = pages, list[tuple[float, bytes, str | None]]()

    @property
    def unnamed(self) -> int:
        return self._pages

    def say(self, message: bytes, to: str | None = None) -> None:
        self.heard.append((asyncio.get_running_loop().time(), message, to))


def told(pages: int, shown: Iterable[str]) -> tuple[list[float], int]:
    """At which looks, and how many there were; `away` stands for a look that fails."""
    hub, left, looks = Listeners(pages), list(shown), 0

    async def look() -> bytes:
        nonlocal looks
        looks += 1
        if (found := left.pop(0)) == "away":
            raise Unavailable("away")
        return found.encode()

    async def body() -> None:
        try:
            async with asyncio.timeout(EVERY_S * (len(left) + 0.5)):
                await follow(hub, look)
        except TimeoutError:
            pass

    run(body())
    assert {(message, to) for _, message, to in hub.heard} <= {(encoded(PAGE), "")}
    return [at_s / EVERY_S for at_s, _, _ in hub.heard], looks


@pytest.mark.parametrize(
    ("pages", "shown", "when"),
    [(1, "aabba", [1, 3, 5]), (1, ["a", "away", "a", "b"], [1, 4]), (0, "ab", [])],
    ids=["when it is another", "also after a look that failed", "nobody looks"],
)
def test_pages_are_told_when_they_are_old(pages: int, shown: Iterable[str], when: list[float]) -> None:
    found, looks = told(pages, shown)
    assert found == when and (looks > 0) == (pages > 0)
