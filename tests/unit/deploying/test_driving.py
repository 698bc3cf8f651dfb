"""A deploy from its lock to its end: what holds while it is planned."""

import asyncio
from typing import Any

import pytest

from hoploom.deploying import driving
from hoploom.deploying.driving import Engines, Order
from hoploom.deploying.lock import Record
from hoploom.deploying.plan import Wish
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul

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
