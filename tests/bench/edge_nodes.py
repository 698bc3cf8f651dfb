"""What 500 workers elsewhere cost a Consul and a Fabio: entering them all, at rest, and while some change their minds.

Beside the same two with no worker, in the same minute. Processor time is that of the agents, of one core.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from edge_world import World, enrol, projecting
from engine_processes import ConsulAgent, FabioRouter
from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from hoploom.kit.consul_api import ConsulApi
from hoploom.manager import projecting as module
from members import served_member
from waiting import eventually

WORKERS, LENGTH_S = 500, 30.0
CHANGES_EVERY_S = 0.2
"""One worker changes its status so often in the last part: 300 changes a minute."""


def measure(scale: float) -> list[Figure]:
    """One run; `scale` shortens its parts."""
    paths = {name: engine.path for name, engine in engines.ensure(["consul", "fabio"], report=lambda _: None).items()}
    with tempfile.TemporaryDirectory() as folder:
        agent = ConsulAgent(paths["consul"], Path(folder) / "consul")
        router = FabioRouter(paths["fabio"], Path(folder) / "fabio", "n1", agent)
        try:
            agent.start()
            router.start()
            return asyncio.run(_figures(agent, router, max(5.0, LENGTH_S * scale)))
        finally:
            router.stop()
            agent.stop()


async def _figures(agent: ConsulAgent, router: FabioRouter, length_s: float) -> list[Figure]:
    world, pids = World(), (agent.pid, router.pid)
    async with served_member(agent.url) as mesh, projecting(mesh, world.ears):
        none = await _cost(pids, length_s)
        names = [f"pi-{number:03}" for number in range(WORKERS)]
        for name in names:
            world.hear(name, version="0.1.0")
        await enrol(mesh.consul, *names)
        began_s = time.monotonic()
        await eventually("all in Consul", lambda: _passing(mesh.consul, WORKERS), 60)
        entered_s = time.monotonic() - began_s
        before = _written()
        rest = await _cost(pids, length_s)
        at_rest = _written() - before
        changing = asyncio.get_running_loop().create_task(_change(world, names))
        before = _written()
        busy = await _cost(pids, length_s)
        changed = (_written() - before) / length_s * 60
        changing.cancel()
    anchors = [("Consul without any", none[0]), ("Fabio without any", none[1])]
    return [
        at_most("500 workers entered after", entered_s, "s", 30),
        at_most("writes at rest", at_rest, "operations", 0),
        at_most("Consul at rest", rest[0], "% of a core", none[0] + 2, anchors[0]),
        at_most("Fabio at rest", rest[1], "% of a core", none[1] + 2, anchors[1]),
        at_most("writes at 300 changes a minute", changed, "a minute", 330),
        at_most("Consul at 300 changes a minute", busy[0], "% of a core", none[0] + 10, anchors[0]),
        at_most("Fabio at 300 changes a minute", busy[1], "% of a core", none[1] + 10, anchors[1]),
    ]


async def _passing(consul: ConsulApi, count: int) -> bool:
    return len((await consul.instances("ping"))[1]) == count


async def _change(world: World, names: list[str]) -> None:
    statuses = dict.fromkeys(names, "passing")
    while True:
        for name in names:
            statuses[name] = "warning" if statuses[name] == "passing" else "passing"
            world.hear(name, status=statuses[name], version="0.1.0")
            await asyncio.sleep(CHANGES_EVERY_S)


async def _cost(pids: tuple[int, ...], length_s: float) -> list[float]:
    before = [_busy_s(pid) for pid in pids]
    await asyncio.sleep(length_s)
    return [100 * (_busy_s(pid) - began) / length_s for pid, began in zip(pids, before, strict=True)]


def _busy_s(pid: int) -> float:
    """Processor time of a process; see proc_pid_stat(5)."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _written() -> float:
    return float(module.WRITES._value.get())
