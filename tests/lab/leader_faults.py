"""What may happen in a run of leaders: to them, to Consul, and Consul set back to a snapshot."""

from collections.abc import Callable

from lab.arena import Arena
from lab.faults import Faults, consul_faults, process_faults
from lab.nemesis import Kind, Undo
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


def leader_faults(arena: Arena) -> Faults:
    """Faults by name for a `Nemesis`; a candidate's are against its name, Consul's against any word."""
    candidate = arena.candidates.__getitem__
    return {**process_faults(candidate), **consul_faults(arena.cluster), "restore": lambda _: _restored(arena)}


def named(arena: Arena) -> Callable[[str], str]:
    """Who "leader" is now; other names are what they are."""
    return lambda target: arena.candidates.look()[-1].proc if target == LEADER else target


def raise_epoch(arena: Arena) -> None:
    """What the restore playbook does: from now on every token is larger than any before."""
    arena.epoch += 1
    put = str(arena.epoch).encode()
    until("a higher epoch", lambda: arena.cluster.raw("PUT", f"/v1/kv/{EPOCH}", put), 20)


def _restored(arena: Arena) -> Undo:
    snapshot = arena.cluster.snapshot()

    def restore() -> None:
        # What Consul took since then is not in the snapshot.
        if snapshot and arena.harvest() and arena.cluster.restore(snapshot):
            raise_epoch(arena)

    return restore
