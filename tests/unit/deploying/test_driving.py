"""A deploy from its lock to its end: what holds while it is planned."""

import asyncio
from typing import Any

import pytest

from hoploom.deploying import driving
from hoploom.deploying.driving import Engines, Order
from hoploom.deploying.happenings import Tell
from hoploom.deploying.job_records import Job
from hoploom.deploying.plan import Survey, Wish
from hoploom.deploying.record import Record
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul

JOB = Job("orders", "service", 3, 812, True, False, ("dc1",), (), "1.4.0")
ORDER = Order("orders", Wish("1.4.1"))


class Consul(FakeConsul):
    """Counts renewals."""

    renewed = 0

    async def session_renew(self, session_id: str) -> bool:
        self.renewed += 1
        return await super().session_renew(session_id)


def engines(consul: FakeConsul) -> Engines:
    nobody: Any = None
    return Engines(consul, nobody, nobody, nobody, nobody, "hoploom")


async def test_the_lock_is_kept_while_an_archive_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.deploying.lock.RENEW_EVERY_S", 0.001)
    consul, nobody = Consul(), Any

    async def slow(drive: driving._Drive, record: Record) -> int:
        async with asyncio.timeout(5):
            while consul.renewed < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return 0

    monkeypatch.setattr(driving._Drive, "anew", slow)
    assert await driving.deploy(engines(consul), ORDER, nobody) == 0  # type: ignore[arg-type]
    assert consul.renewed >= 2


async def test_who_lost_the_lock_before_anything_was_changed_changes_nothing() -> None:
    nobody: Any = None
    drive = driving._Drive(engines(FakeConsul()), ORDER, nobody, nobody)
    drive.ousted("bob@deb01")
    with pytest.raises(Unavailable, match="bob@deb01's by now: nothing was changed"):
        await drive._run(nobody, nobody, nobody, nobody, [])
    assert not drive.has_begun


@pytest.mark.parametrize(("settle_s", "looks", "open_words"), [(5.0, 3, ""), (0.0, 1, "going on")])
async def test_what_nomad_is_still_taking_back_is_waited_for_and_not_for_ever(
    settle_s: float, looks: int, open_words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def surveyed(_: Engines, __: Order) -> tuple[Any, Survey]:
        nonlocal asked
        asked += 1
        return None, Survey("orders", JOB, open_words="going on" if asked < 3 else "")

    monkeypatch.setattr(driving, "SETTLE_S", settle_s)
    monkeypatch.setattr(driving, "_LOOK_S", 0.001)
    monkeypatch.setattr(driving, "_surveyed", surveyed)
    nobody: Any = None
    _, found = await driving._Drive(engines(FakeConsul()), ORDER, nobody, nobody)._settled()
    assert (asked, found.open_words) == (looks, open_words)


@pytest.mark.parametrize("code", [0, 1])
async def test_what_was_deployed_stays_deployed_where_the_lock_cannot_be_given_back(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    consul, told = FakeConsul(), list[Tell]()

    class Ears:
        def tell(self, tell: Tell) -> None:
            told.append(tell)

    async def away(drive: driving._Drive, record: Record) -> int:
        drive.has_begun = consul.away = True
        return code

    monkeypatch.setattr(driving._Drive, "anew", away)
    listener: Any = Ears()
    assert await driving.deploy(engines(consul), ORDER, listener) == code
    assert [each.what for each in told] == ["lock"]
