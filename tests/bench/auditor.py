"""What the auditor costs the manager that leads it: of few routes, and of a thousand at two real Fabios.

It runs in this process, so its processor time is this process's, less that of a member that audits nothing.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from engine_processes import ConsulAgent, FabioRouter, ask
from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from hoploom.kit import Mesh
from hoploom.manager.auditing.auditor import Auditor
from hoploom.manager.auditing.flipping import Pace
from members import served_member

LENGTH_S, ROUTES, OF_A_SERVICE = 60.0, 1000, 5
PACE = Pace(flip_s=10.0, stall_s=10.0)


def measure(scale: float) -> list[Figure]:
    """One run; `scale` shortens its parts."""
    paths = {name: engine.path for name, engine in engines.ensure(["consul", "fabio"], report=lambda _: None).items()}
    with tempfile.TemporaryDirectory() as folder:
        agent = ConsulAgent(paths["consul"], Path(folder) / "consul")
        routers = [FabioRouter(paths["fabio"], Path(folder) / name, name, agent) for name in ("a", "b")]
        try:
            agent.start()
            for each in routers:
                each.start()
            return asyncio.run(_figures(agent, max(30.0, LENGTH_S * scale)))
        finally:
            for each in routers:
                each.stop()
            agent.stop()


async def _figures(agent: ConsulAgent, length_s: float) -> list[Figure]:
    async with served_member(agent.url) as mesh:
        nothing = await _busy(length_s)
        few, few_s = await _audited(mesh, length_s)
        await asyncio.to_thread(_register, agent)
        many, many_s = await _audited(mesh, 2 * length_s)
    anchor = ("a member alone", nothing)
    return [
        at_most("few routes", few - nothing, "% of a core", 1.0, anchor),
        at_most(f"{ROUTES} routes", many - nothing, "% of a core", 3.0, anchor),
        at_most("median time to follow, few routes", few_s, "s", 1.0),
        at_most(f"median time to follow, {ROUTES} routes", many_s, "s", 10.0),
    ]


async def _audited(mesh: Mesh, length_s: float) -> tuple[float, float]:
    """The part of a core while it audits, and the median time to follow."""
    auditor = Auditor(mesh, PACE)

    async def lead() -> None:
        async with mesh.leading("auditor") as term:
            await auditor.run(term)

    task = asyncio.create_task(lead())
    await asyncio.sleep(2 * PACE.flip_s)
    cost = await _busy(length_s)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return cost, max(each.p50_s or 0.0 for each in auditor.standing.routers)


async def _busy(length_s: float) -> float:
    """Processor time of this process in so many seconds, % of a core."""
    began_s = time.process_time()
    await asyncio.sleep(length_s)
    return 100 * (time.process_time() - began_s) / length_s


def _register(agent: ConsulAgent) -> None:
    for number in range(ROUTES):
        name = f"s{number // OF_A_SERVICE}"
        assert ask("PUT", f"{agent.url}/v1/agent/service/register", {
            "ID": f"i{number}", "Name": name, "Address": "127.0.0.1", "Port": 20_000 + number,
            "Tags": [f"urlprefix-/{name}"], "Check": {"TTL": "1h", "Status": "passing"},
        }) is not None  # fmt: skip
