"""A process that wants to lead a role, and says what it believes and does: `python leader_victim.py --role r ...`.

A leader's effects go to two resources: to the lab's sink, with the token, and into Consul's KV store, in a transaction
that asks for the lock. Between its last look at its term and the effect it is busy for a while, as a process is that
computes, waits for a disk or is not scheduled: a stop there is the dangerous one. `--fenced false` takes the guard from
the writes to KV. SIGUSR1 sets its wall clock a day ahead, SIGUSR2 a day back.
"""

import asyncio
import json
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hoploom import kit
from hoploom.kit import lifecycle
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.term import Term
from lab import wall_clock
from lab.history import INFO, OK, Recorder
from lab.leaders import EFFECTS

SINK_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class VictimSettings(kit.Settings):
    """One victim of the lab."""

    role: str = kit.setting("lab", "Role that it wants to lead.")
    proc: str = kit.setting("victim", "Its lasting name in the history.")
    boot: int = kit.setting(1, "Which life of it this is.")
    history: Path = kit.setting(Path("history"), "The run's history.")
    sink: str = kit.setting("", "Address of the lab's sink.")
    every_s: float = kit.setting(0.02, "Pause between two effects.", unit="seconds")
    busy_s: float = kit.setting(0.02, "Time between its look at its term and the effect.", unit="seconds")
    fenced: bool = kit.setting(True, "Whether writes to KV ask for the lock.")


class Leader:
    """What the victim does while it leads."""

    def __init__(self, settings: VictimSettings) -> None:
        """Open the history."""
        self._settings = settings
        self._recorder = Recorder(settings.history, settings.proc, settings.boot)
        self._count = 0

    async def lead(self, app: web.Application, term: Term) -> None:
        """One term: an effect on both resources, again and again."""
        token, role = str(term.token), self._settings.role
        self._recorder.note(OK, "acquire", role, kit.mesh(app).session.id, token)
        try:
            while self._believes(term):
                await asyncio.to_thread(self._on_sink, token)
                with suppress(Unavailable):
                    await self._in_kv(app, term)
                await asyncio.sleep(self._settings.every_s)
        finally:
            self._recorder.note(OK, "end", role, token=token)

    def _believes(self, term: Term) -> bool:
        now_s, deadline_s = boottime_s(), term.deadline_s
        good = term.valid
        if good:
            times = {"now": now_s, "deadline": deadline_s}
            self._recorder.note(OK, "believe", self._settings.role, times, str(term.token))
        return good

    def _on_sink(self, token: str) -> None:
        """Works for a while and then acts, in a thread: what is under way there, no cancelling stops."""
        one = self._settings
        time.sleep(one.busy_s)
        effect = json.dumps({"role": one.role, "token": token, "proc": one.proc, "boot": one.boot}).encode()
        try:
            with urllib.request.urlopen(one.sink, effect, timeout=SINK_TIMEOUT_S):
                return
        except urllib.error.HTTPError as error:
            # Refused, which the sink has noted itself.
            error.close()
        except OSError:
            self._recorder.note(INFO, "effect", one.role, token=token)

    async def _in_kv(self, app: web.Application, term: Term) -> None:
        one = self._settings
        key = f"{EFFECTS}/{one.role}/{one.proc}-{one.boot}-{self._count:06}"
        self._count += 1
        value = json.dumps({"proc": one.proc, "boot": one.boot, "token": str(term.token)}).encode()
        if one.fenced:
            await term.write([{"Verb": "set", "Key": key, "Value": value}])
        else:
            await kit.mesh(app).consul.kv_put(key, value)


    async def stand_by(self, app: web.Application) -> None:
        """Say when it could lead."""
        await kit.mesh(app).session.ready()
        self._recorder.note(OK, "standby", self._settings.role)


async def _wall_clock(_: web.Application) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, wall_clock.jump, wall_clock.DAY_S)
    loop.add_signal_handler(signal.SIGUSR2, wall_clock.jump, -wall_clock.DAY_S)


def make_app(settings: VictimSettings) -> web.Application:
    """The victim as a member of the mesh."""
    app, leader = web.Application(), Leader(settings)
    kit.setup(app, name="victim", leader={settings.role: leader.lead})
    kit.background(app, leader.stand_by)
    kit.background(app, _wall_clock)
    return app


if __name__ == "__main__":
    lifecycle.main(make_app, VictimSettings, "victim")
