"""The fleet's matrix is read in the background, and what was known stays when it cannot be."""

import asyncio

import pytest

from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager.fleet.measured import Measured
from hoploom.manager.measures import fleet_look
from hoploom.manager.measures.fleet_look import FleetLook

MEASURED = Measured("fleet-1", ("a",), ())


class Source:
    """Tells one answer after another."""

    def __init__(self, *answers: Measured | Exception) -> None:
        self.answers = list(answers)

    async def read(self) -> Measured:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "found", "why_not"),
    [
        pytest.param([MEASURED], MEASURED, "", id="what was read is there"),
        pytest.param([MEASURED, Unavailable("gone")], MEASURED, "gone", id="what was known stays and is old"),
        pytest.param([MEASURED, NotFound("never")], None, "never", id="where there is none there is none"),
        pytest.param([Unavailable("gone")], None, "gone", id="nothing was ever known"),
        pytest.param([Unavailable("gone"), MEASURED], MEASURED, "", id="it comes back"),
    ],
)  # fmt: skip
async def test_a_look(answers: list[Measured | Exception], found: Measured | None, why_not: str) -> None:
    look = FleetLook(Source(*answers).read)
    for _ in answers:
        await look.look()
    known = await look.now()
    assert (known.found, known.why_not) == (found, why_not)


async def test_who_asks_first_waits_a_moment_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_look, "FIRST_S", 0.0)

    async def never() -> Measured:
        await asyncio.Event().wait()
        raise AssertionError("it never comes")

    look = FleetLook(never)
    assert (await look.now()).found is None


async def test_it_is_read_while_somebody_asks_and_not_else() -> None:
    at_s, reads = [0.0], 0

    async def read() -> Measured:
        nonlocal reads
        reads += 1
        return MEASURED

    look = FleetLook(read, lambda: at_s[0])
    running = asyncio.get_running_loop().create_task(look.run())
    for now_s, expected in ((0.0, 1), (1.0, 1), (100.0, 2)):
        at_s[0] = now_s
        await look.now()
        await _settled()
        assert reads == expected
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


