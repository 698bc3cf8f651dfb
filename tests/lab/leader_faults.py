"""What may happen to leaders and to the Consul that they hang on; each fault can be undone at any time, and twice."""

import signal
from collections.abc import Callable, Mapping

from lab.arena import Arena
from lab.candidates import Candidate
from lab.consul_cluster import Agent
from lab.nemesis import Undo
from waiting import until

LEADER = "leader"
EPOCH = "hoploom/epoch"


def leader_faults(arena: Arena) -> Mapping[str, Callable[[str], Undo]]:
    """Faults by name for a `Nemesis`; a candidate's are against its name, Consul's against any word."""
    candidate, cluster = arena.candidates.__getitem__, arena.cluster
    return {
        "kill": lambda name: _killed(candidate(name)),
        "stop": lambda name: _stopped(candidate(name)),
        "clock ahead": lambda name: _jumped(candidate(name), signal.SIGUSR1, signal.SIGUSR2),
        "clock back": lambda name: _jumped(candidate(name), signal.SIGUSR2, signal.SIGUSR1),
        "server kill": lambda _: _server_killed(cluster.leader()),
        "server stop": lambda _: _server_stopped(cluster.leader()),
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


def _killed(one: Candidate) -> Undo:
    one.kill()
    return lambda: None if one.lives else one.start()


def _stopped(one: Candidate) -> Undo:
    one.send(signal.SIGSTOP)
    return lambda: one.send(signal.SIGCONT)


def _jumped(one: Candidate, there: signal.Signals, back: signal.Signals) -> Undo:
    one.send(there)
    return lambda: one.send(back)


def _server_killed(server: Agent) -> Undo:
    server.kill()
    return server.start


def _server_stopped(server: Agent) -> Undo:
    server.pause(on=True)
    return lambda: server.pause(on=False)


def _agent_stopped(agent: Agent) -> Undo:
    agent.stop()
    return agent.start


def _restored(arena: Arena) -> Undo:
    snapshot = arena.cluster.snapshot()

    def restore() -> None:
        # What Consul took since then is not in the snapshot.
        arena.harvest()
        arena.cluster.restore(snapshot)
        raise_epoch(arena)

    return restore
