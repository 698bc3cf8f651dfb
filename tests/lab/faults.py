"""What may happen to processes and to the Consul that they hang on; each fault can be undone at any time, and twice."""

import signal
from collections.abc import Callable, Mapping

from lab.consul_cluster import Agent, ConsulCluster
from lab.nemesis import Undo
from lab.process import Process

Faults = Mapping[str, Callable[[str], Undo]]


def process_faults(by_name: Callable[[str], Process]) -> Faults:
    """Faults against a process of that name."""
    return {
        "kill": lambda name: _killed(by_name(name)),
        "stop": lambda name: _signalled(by_name(name), signal.SIGSTOP, signal.SIGCONT),
        "clock ahead": lambda name: _signalled(by_name(name), signal.SIGUSR1, signal.SIGUSR2),
        "clock back": lambda name: _signalled(by_name(name), signal.SIGUSR2, signal.SIGUSR1),
    }


def consul_faults(cluster: ConsulCluster) -> Faults:
    """Faults against whichever server leads, or against the agent beside the processes, by any name."""
    return {
        "server kill": lambda _: _server_killed(cluster.leading()),
        "server stop": lambda _: _server_stopped(cluster.leading()),
        "agent stop": lambda _: _agent_stopped(cluster.clients[0]),
        "agent kill": lambda _: _agent_killed(cluster.clients[0]),
    }


def _killed(one: Process) -> Undo:
    one.kill()
    return one.start


def _signalled(one: Process, there: signal.Signals, back: signal.Signals) -> Undo:
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


def _agent_killed(agent: Agent) -> Undo:
    agent.kill()
    return agent.start
