"""One manager serves, and the others stand by, where somebody asks for that."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.errors import TooMany
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager import active_passive
from waiting import eventually

Put = Callable[..., web.Application]
LOCK = "hoploom/roles/manager/.lock"
Manager = TestClient[web.Request, web.Application]


def made(*, alone: bool) -> web.Application:
    app = web.Application()
    kit.setup(app, name="manager", leader={"manager": active_passive.lead})
    if alone:
        active_passive.attach(app)
    return app


async def _states(managers: list[Manager], path: str) -> list[int]:
    found = []
    for each in managers:
        async with each.get(path) as answer:
            found.append(answer.status)
    return sorted(found)


@pytest.mark.parametrize(
    ("alone", "ready"), [(True, [200, TooMany.status]), (False, [200, 200])], ids=["active-passive", "all serve"]
)
async def test_only_the_leader_is_ready_and_nothing_is_wrong_with_the_other(
    on_mesh: Put, fake_consul: FakeConsul, alone: bool, ready: list[int]
) -> None:
    """429 is a warning to Consul: a check that is critical for long would take the other one out."""
    # Who led last said that it left, so nobody has to be waited for.
    await fake_consul.kv_put(LOCK, b'{"v": 1, "left": "manager-0"}')
    async with AsyncExitStack() as stack:
        managers = [
            await stack.enter_async_context(TestClient(TestServer(on_mesh(made(alone=alone), background=True))))
            for _ in range(2)
        ]

        async def settled() -> bool:
            return await _states(managers, "/ready") == ready

        await eventually("one leads", settled)
        assert await _states(managers, "/routed") == [200, 200]
        assert await _states(managers, "/health") == [200, 200]


def test_the_setting_has_a_variable_in_the_job() -> None:
    job = Path(__file__).resolve().parents[3] / "nomad" / "manager.nomad.hcl"
    text = job.read_text(encoding="utf-8")
    assert "HOPLOOM_ACTIVE_PASSIVE      = var.active_passive" in text
    assert "HOPLOOM_DEVELOPMENT         = var.development" in text
