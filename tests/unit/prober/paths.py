"""Small internets, path by path, for the tests of the machine of a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.wire.addresses import column, parse, texts
from lab.trace_world import Drive, Reply, World

MS = 1_000_000
PLAIN = TraceSettings()
EXPIRED, UNREACHABLE, ECHO = (11, 0), (3, 1), (0, 0)


@dataclass(frozen=True)
class Path:
    """One target and the routers before it.

    Attributes:
        routers: Address of each, empty for a silent one.
        target: Its address.
        says: Type and code of its answer, None for silence.
        by: Who says so, empty for itself.
        initial_ttl: TTL that the target's answers begin with.
        is_quoting: Whether that answer quotes the probe's TTL.
    """

    routers: Sequence[str]
    target: str = "192.0.2.9"
    says: tuple[int, int] | None = ECHO
    by: str = ""
    initial_ttl: int = 64
    is_quoting: bool = False

    def reply(self, ttl: int) -> Reply | None:
        hops = len(self.routers)
        if ttl <= hops:
            router = self.routers[ttl - 1]
            kind = EXPIRED if "." in router else (3, 0)
            return Reply(20 * MS, parse(router), *kind, 256 - ttl, 1) if router else None
        if self.says is None:
            return None
        away = hops if self.by else hops + 1
        quoted = ttl - away + 1 if self.is_quoting else -1
        return Reply(30 * MS, parse(self.by or self.target), *self.says, self.initial_ttl + 1 - away, quoted)


def routers(count: int, prefix: str = "10.0.0.") -> list[str]:
    return [f"{prefix}{hop}" for hop in range(1, count + 1)]


Loses = Callable[[int, int, int], bool]


def nothing(_target: int, _ttl: int, _time: int) -> bool:
    return False


def world(*paths: Path, loses: Loses = nothing) -> World:
    times: dict[tuple[int, int], int] = {}

    def ask(targets: NDArray[np.int32], ttls: NDArray[np.uint8]) -> list[list[Reply]]:
        found = []
        for target, ttl in zip(targets.tolist(), ttls.tolist(), strict=True):
            time = times[target, ttl] = times.get((target, ttl), 0) + 1
            reply = paths[target].reply(ttl)
            found.append([] if reply is None or loses(target, ttl, time) else [reply])
        return found

    return ask


def trace(
    *paths: Path, asked: TraceSettings = PLAIN, known: StopSet | None = None, loses: Loses = nothing
) -> tuple[Drive, TraceColumns]:
    drive = Drive(column(each.target for each in paths), asked, world(*paths, loses=loses), known)
    return drive, drive.run()


def hops(found: TraceColumns, target: int = 0) -> list[tuple[int, str]]:
    rows = found.hop_target == target
    return list(zip(found.hop_ttl[rows].tolist(), texts(found.hop_address[rows]), strict=True))


def path_of(*addresses: str) -> list[tuple[int, str]]:
    return list(enumerate(addresses, 1))
