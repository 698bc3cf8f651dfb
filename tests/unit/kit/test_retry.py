"""The retry policies: how often, and for which errors."""

import pytest

from hoploom.kit import retry
from hoploom.kit.errors import NotFound, Unavailable


class Failing:
    """Fails so many times, then answers."""

    def __init__(self, times: int, error: Exception) -> None:
        self.calls, self._times, self._error = 0, times, error

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return "answer"


async def test_once_more_tries_twice() -> None:
    work = Failing(1, Unavailable("away"))
    assert await retry.once_more()(work) == "answer"
    assert work.calls == 2


async def test_once_more_raises_the_error_itself_after_the_second() -> None:
    work = Failing(9, Unavailable("away"))
    with pytest.raises(Unavailable, match="away"):
        await retry.once_more()(work)
    assert work.calls == 2


async def test_a_refusal_is_not_repeated() -> None:
    work = Failing(9, NotFound("no such order"))
    with pytest.raises(NotFound):
        await retry.once_more()(work)
    assert work.calls == 1


async def test_patience_ends_and_raises_the_error_itself() -> None:
    work = Failing(9, Unavailable("away"))
    with pytest.raises(Unavailable):
        await retry.patiently(0.0)(work)
    assert work.calls == 1
