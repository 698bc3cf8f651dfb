"""What goes wrong with leaders, by chance: a while of trouble over an `election_world`, then time to recover."""

import asyncio
from dataclasses import dataclass

from hoploom.kit.belief import MARGIN_S, TTL_S
from hoploom.kit.election import HOLD_OFF_S
from hoploom.kit.errors import Unavailable
from locks import lock, unlock
from unit.kit.election_world import FENCED, OUTSIDE, Leaders, Process
from unit.kit.processes import BEGIN_S

TROUBLE_S = 40.0
EVERY_S = (1.5, 4.0, 8.0)
"""Mean times between two troubles, one of them for each history: where there are many, nobody leads for long."""

QUIET_S = 67.0
"""Twice the TTL of `consul lock`, its lock-delay, a watch whose answer is lost, the hold-off: 30 + 15 + 12 + 10 s."""

STEP_S = 0.1
ROLES = (FENCED, OUTSIDE)
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Held:
    """A time in which `consul lock` held a role's lock; world time."""

    role: str
    from_s: float
    to_s: float


class Trouble:
    """One seeded history."""

    def __init__(self, seed: int) -> None:
        """Prepare it."""
        self.leaders = Leaders(seed)
        self.world, self.chance = self.leaders.world, self.leaders.world.chance
        self.recovered_s = float("inf")
        self._every_s = self.chance.choice(EVERY_S)
        self._held: list[Held] = []

    def live(self) -> list[str]:
        """Trouble, and then time to recover; returns what must not have happened."""
        self._next()
        self.world.run(BEGIN_S + TROUBLE_S)
        self._heal()
        mended_s = self.world.now_s
        if self.world.run(mended_s + QUIET_S, lambda: self.leaders.led_since(mended_s)):
            self.recovered_s = self.world.now_s - mended_s
        stuck = [] if self.recovered_s < QUIET_S else [f"a role has no leader {QUIET_S} s after all trouble"]
        return [*self.leaders.findings(), *self._intruded(), *stuck]

    def _intruded(self) -> list[str]:
        """Calls while the command held the lock, longer than a former leader may believe."""
        return [
            f"{call} while `consul lock` held it"
            for call in self.leaders.calls
            for held in self._held
            if held.role == call.role and held.from_s + HOLD_OFF_S < call.at_s < held.to_s
        ]

    def _heal(self) -> None:
        self.world.note("all is well again")
        for process in self.leaders.processes:
            process.loop.stopped = process.link.cut = False
            process.link.mend()

    def _next(self) -> None:
        if self.world.now_s > BEGIN_S + TROUBLE_S:
            return
        process = self.chance.choice(self.leaders.processes)
        kinds = [self._kill, self._stop, self._stop, self._cut, self._cut, self._slow, self._slow, self._elect]
        kinds += [self._by_hand, self._by_hand, self._end_session, self._jump, self._leave, self._command]
        kinds += [self._usurp, self._usurp, self._hand_over_late]
        if not process.loop.dead:
            self.chance.choice(kinds)(process)
        self.world.after(self.chance.expovariate(1 / self._every_s), self._next)

    def _kill(self, process: Process) -> None:
        self.leaders.kill(process)

    def _leave(self, process: Process) -> None:
        process.leave()

    def _stop(self, process: Process) -> None:
        for_s = self.chance.choice([0.3, 0.7, 2.0, 5.0, 9.0, 15.0, 25.0])
        self.world.note(f"{process.life} is stopped for {for_s} s")
        process.loop.stopped = True

        def on() -> None:
            process.loop.stopped = process.loop.dead

        self.world.after(for_s, on)

    def _usurp(self, _: Process, patience_s: float = 3.0) -> None:
        """Who calls the outside is cut off, and its lock is freed by hand, when it has just been confirmed."""
        leader = self._leader(OUTSIDE)
        if patience_s > 0.0 and leader.believes_for_s < TTL_S - MARGIN_S - STEP_S:
            self.world.after(STEP_S, lambda: self._usurp(leader, patience_s - STEP_S))
            return
        self._cut(leader, 20.0)
        what = self.chance.choice(["delete", "release"])
        self.leaders.server.call_soon(self.leaders.consul.by_hand, _lock_of(OUTSIDE), what)
        if self.chance.random() < 0.5:
            # Nor does the next one stay.
            self.world.after(self.chance.uniform(0.2, 6.0), self.chance.choice(self._but(leader)).leave)

    def _hand_over_late(self, _: Process) -> None:
        """The leader leaves; one of the others tries late, when the next may lead already, and be gone again."""
        leader = self._leader(OUTSIDE)
        leader.leave()
        self.chance.choice(self._but(leader)).link.slowest_s = 4.0
        self.world.after(self.chance.uniform(0.3, 3.0), lambda: self._usurp(leader))

    def _leader(self, role: str) -> Process:
        """Who led last; anybody where that one is gone."""
        last = [each.life for each in self.leaders.begun if each.role == role][-1:]
        among = [each for each in self.leaders.processes if each.life in last and not each.loop.dead]
        return among[0] if among else self.chance.choice(self.leaders.processes)

    def _but(self, leader: Process) -> list[Process]:
        return [each for each in self.leaders.processes if each is not leader]

    def _cut(self, process: Process, for_s: float = 0.0) -> None:
        for_s = for_s or self.chance.uniform(0.5, 25.0)
        self.world.note(f"{process.life} is cut off for {for_s:.1f} s")
        process.link.cut = True

        def on() -> None:
            process.link.cut = False

        self.world.after(for_s, on)

    def _slow(self, process: Process) -> None:
        link = process.link
        link.loss, link.repeats, link.slowest_s = self.chance.choice([0.0, 0.3]), 0.3, self.chance.choice([0.1, 2, 12])
        self.world.note(f"{process.life}: loss {link.loss}, up to {link.slowest_s} s late")
        self.world.after(self.chance.uniform(3.0, 20.0), link.mend)

    def _elect(self, _: Process) -> None:
        seconds, forget = self.chance.uniform(0.2, 6.0), self.chance.random() < 0.5
        self.world.note(f"Consul elects for {seconds:.1f} s")
        self.leaders.server.call_soon(lambda: self.leaders.consul.elect(seconds, forget_delays=forget))

    def _by_hand(self, _: Process) -> None:
        role, what = self.chance.choice(ROLES), self.chance.choice(["delete", "put", "release"])
        self.world.note(f"the lock of {role} by hand: {what}")
        self.leaders.server.call_soon(self.leaders.consul.by_hand, _lock_of(role), what)

    def _end_session(self, process: Process) -> None:
        session_id = process.mesh.session.id if process.mesh.has_session else ""
        self.world.note(f"the session of {process.life} is ended")
        self.leaders.server.call_soon(self.leaders.consul.end_session, session_id)

    def _jump(self, process: Process) -> None:
        process.loop.wall_ahead_us += self.chance.choice([-DAY_US, DAY_US])

    def _command(self, _: Process) -> None:
        role, for_s = self.chance.choice(ROLES), self.chance.uniform(0.5, 25.0)
        server = self.leaders.server
        server.call_soon(lambda: server.create_task(self._consul_lock(role, for_s)))

    async def _consul_lock(self, role: str, for_s: float) -> None:
        """As the command does it: a session of its own, the lock, its child, and the lock is deleted at its end."""
        consul, key = self.leaders.consul, _lock_of(role)
        try:
            session_id = await consul.session_create({"TTL": "15s", "LockDelay": "15s"})
            while not await lock(consul, key, b"", session_id):
                await asyncio.sleep(0.5)
                if not await consul.session_renew(session_id):
                    return
            began_s = self.world.now_s
            self.world.note(f"consul lock holds {role}")
            await self._child(role, session_id, for_s)
            self._held.append(Held(role, began_s, self.world.now_s))
            if await unlock(consul, key, b"", session_id):
                consul.by_hand(key, "delete")
            await consul.session_destroy(session_id)
        except Unavailable:
            self.world.note(f"consul lock of {role} gives up")

    async def _child(self, role: str, session_id: str, for_s: float) -> None:
        """Runs until it is done or the lock is lost."""
        until_s, consul = min(self.world.now_s + for_s, BEGIN_S + TROUBLE_S), self.leaders.consul
        while self.world.now_s < until_s and await consul.session_renew(session_id):
            entry = await consul.kv_get(_lock_of(role))
            if entry is None or entry.session != session_id:
                break
            await asyncio.sleep(0.5)


def _lock_of(role: str) -> str:
    return f"hoploom/roles/{role}/.lock"
