"""What may happen to leaders and to the Consul that they hang on; each fault can be undone at any time, and twice."""

import signal
from collections.abc import Callable, Mapping

from lab.arena import Arena
from lab.consul_cluster import Agent
from lab.nemesis import Kind, Undo
from lab.process import Process
from waiting import until

LEADER = "leader"
EPOCH = "hoploom/epoch"
FAULTS = [
    Kind("kill", (LEADER, "p1"), 2.0, 0.2, 2.0),
    Kind("stop", (LEADER,), 2.0, 3.0, 9.0),
    Kind("clock ahead", (LEADER, "p0", "p2"), 0.5),
    Kind("server kill", ("",), 0.5, 1.0, 3.0),
    Kind("server stop", ("",), 0.5, 1.0, 3.0),
    Kind("agent stop", ("",), 0.5, 0.5, 4.0),
    Kind("restore", ("",), 0.5, 1.0, 4.0),
]
"""Everything that a machine without rights can do to them."""


def leader_faults(arena: Arena) -> Mapping[str, Callable[[str], Undo]]:
    """Faults by name for a `Nemesis`; a candidate's are against its name, Consul's against any word."""
    candidate, cluster = arena.candidates.__getitem__, arena.cluster
    return {
        "kill": lambda name: _killed(candidate(name)),
        "stop": lambda name: _stopped(candidate(name)),
        "clock ahead": lambda name: _jumped(candidate(name), signal.SIGUSR1, signal.SIGUSR2),
        "clock back": lambda name: _jumped(candidate(name), signal.SIGUSR2, signal.SIGUSR1),
        "server kill": lambda _: _server_killed(cluster.leading()),
        "server stop": lambda _: _server_stopped(cluster.leading()),
        "agent stop": lambda _: _agent_stopped(cluster.clients[0]),
        "restore": lambda _: _restored(arena),
    }


def named(arena: Arena) -> Callable[[str], str]:
    """Who "leader" is now; other names are what they are."""
    return lambda target: arena.candidates.look()[-1].proc if target == LEADER else target


def raise_epoch(arena: Arena) -> None:
    """What the restore playbook does: from now on every token is larger than any before."""
    arena.epoch += 1
    put = str(arena.epoch).encode()
    until("a higher epoch", lambda: arena.cluster.raw("PUT", f"/v1/kv/{EPOCH}", put), 20)


def _killed(one: Process) -> Undo:
    one.kill()
    return one.start


def _stopped(one: Process) -> Undo:
    one.send(signal.SIGSTOP)
    return lambda: one.send(signal.SIGCONT)


def _jumped(one: Process, there: signal.Signals, back: signal.Signals) -> Undo:
    one.send(there)
    return lambda: one.send(back)


# Two servers may be away already, and then nobody leads: whoever waited for a leader here would keep them away.
def _server_killed(server: Agent | None) -> Undo:
    if server is None:
        return _nothing
    server.kill()
    return server.start


def _server_stopped(server: Agent | None) -> Undo:
    if server is None:
        return _nothing
    server.pause(on=True)
    return lambda: server.pause(on=False)


def _nothing() -> None:
    """There is nothing to undo."""


def _agent_stopped(agent: Agent) -> Undo:
    agent.stop()
    return agent.start


def _restored(arena: Arena) -> Undo:
    snapshot = arena.cluster.snapshot()

    def restore() -> None:
        # What Consul took since then is not in the snapshot.
        if snapshot and arena.harvest() and arena.cluster.restore(snapshot):
            raise_epoch(arena)

    return restore
