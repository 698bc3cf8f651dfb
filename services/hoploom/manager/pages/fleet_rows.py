"""The fleet as rows of a table: every instance in Consul and every worker that is heard, filtered and sorted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.manager.registry import LEFT, SILENT, Seen
from hoploom.manager.seeing.seen import InstanceSeen, SeenMesh

STATES = ("critical", SILENT, "warning", LEFT, "passing")
"""Worst first."""

SORTS: Mapping[str, Callable[[Row], Any]] = {
    "state": lambda row: (STATES.index(row.state), row.name),
    "name": lambda row: row.name,
    "service": lambda row: (row.service, row.name),
    "dc": lambda row: (row.dc, row.name),
    "version": lambda row: (row.version, row.name),
    "rate": lambda row: (-(row.sent_pps or 0), row.name),
    "spool": lambda row: (-(row.spool_bytes or 0), row.name),
    "heard": lambda row: (-(row.heard_s or 0.0), row.name),
}


@dataclass(frozen=True)
class Condition:
    """One thing that is so of an instance, or is not (as Kubernetes says it of its own).

    Attributes:
        name: Such as "Registered".
        holds: Whether it is so; None where that is not known.
        why: In words.
    """

    name: str
    holds: bool | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One instance or worker.

    Attributes:
        name: How its page is called: a worker elsewhere by its name, else the instance by its id.
        service: Of which service it is.
        worker: Name of the worker that it is; empty for others.
        place: Where it is, for people: a worker's place by its owner, else its node.
        where: Its address and port; empty for one that nobody can connect to.
        dc: Datacenter; empty where none is told.
        version: Of its program.
        state: One of `STATES`.
        reason: Why, in Consul's words or in its own.
        instance: As Consul has it; None for one that Consul here does not know.
        sent_pps: Packets a second lately; None where it does not tell.
        max_pps: The most that it may send, 0 for any number.
        spool_bytes: Results that wait; None where it does not tell.
        spool_oldest_s: Age of the oldest of them.
        leases: How many it holds.
        heard_s: Seconds since it was heard itself; None where only Consul speaks of it.
        clash: Whether two machines have its name.
    """

    name: str
    service: str
    worker: str = ""
    place: str = ""
    where: str = ""
    dc: str = ""
    version: str = ""
    state: str = "passing"
    reason: str = ""
    instance: InstanceSeen | None = None
    sent_pps: int | None = None
    max_pps: int = 0
    spool_bytes: int | None = None
    spool_oldest_s: int = 0
    leases: int = 0
    heard_s: float | None = None
    clash: bool = False


@dataclass(frozen=True)
class Wish:
    """Which rows somebody wants to see.

    Attributes:
        text: Part of a name, place, node or version.
        service: Only of this one; empty for all.
        state: Only these; empty for all.
        dc: Only of this one; empty for all.
        sort: One of `SORTS`.
    """

    text: str = ""
    service: str = ""
    state: str = ""
    dc: str = ""
    sort: str = "state"


def rows(seen: SeenMesh) -> list[Row]:
    """Every instance and every worker, each once."""
    workers = {each.id: each for each in seen.workers}
    found = [
        _instance(each, workers.pop(each.name, None) if each.is_elsewhere else None) for each in seen.instances.found
    ]
    # Heard of, and not in this datacenter's Consul: of another datacenter, or not entered yet.
    return [*found, *(_heard(each) for each in workers.values())]


def conditions(seen: SeenMesh, row: Row) -> list[Condition]:
    """Registered, Passing, Routed (where it asked for routes), Leading and Draining, of one row."""
    each = row.instance
    if each is None:
        return [Condition("Registered", False, "not in the Consul of this datacenter")]
    roles = seen.leading.get(each.id, ())
    return [
        Condition("Registered", holds=True),
        Condition("Passing", each.health == "passing", each.note),
        *([_routed(seen, each)] if each.routes else []),
        Condition("Leading", bool(roles), ", ".join(roles)),
        Condition("Draining", each.draining, "it leaves" if each.draining else ""),
    ]


def _routed(seen: SeenMesh, each: InstanceSeen) -> Condition:
    tables = [table for table in seen.tables.found if not table.away]
    if not tables:
        return Condition("Routed", None, "no router's table is known")
    there = sum(each.target in table.targets for table in tables)
    return Condition("Routed", there == len(tables), f"listed by {there} of {len(tables)} routers")


def chosen(found: Iterable[Row], wish: Wish) -> list[Row]:
    """The rows that are wished for, in the order that is."""
    text = wish.text.casefold()
    return sorted(
        (
            row
            for row in found
            if (not wish.service or row.service == wish.service)
            and (not wish.state or row.state == wish.state)
            and (not wish.dc or row.dc == wish.dc)
            and (not text or text in "\n".join((row.name, row.worker, row.place, row.where, row.version)).casefold())
        ),
        key=SORTS[wish.sort],
    )


def worst(found: Sequence[Row], most: int) -> list[Row]:
    """Those that need somebody first, and so many of them at most."""
    return chosen(found, Wish())[:most]


def _instance(each: InstanceSeen, heard: Seen | None) -> Row:
    state = heard.status if heard and heard.status in (SILENT, LEFT) else each.health
    return Row(
        name=each.name or each.id,
        service=each.service,
        worker=each.worker,
        place=(heard.body.place if heard else "") or each.node,
        where=each.target,
        dc=each.dc,
        version=each.version,
        state=state,
        reason=each.note or (heard.body.note if heard else ""),
        instance=each,
        **_told(heard),
    )


def _heard(each: Seen) -> Row:
    return Row(
        name=each.id,
        service="ping",
        worker=each.id,
        place=each.body.place,
        version=each.body.version,
        state=each.status,
        reason=each.body.note,
        **_told(each),
    )


def _told(heard: Seen | None) -> dict[str, Any]:
    if heard is None:
        return {}
    body = heard.body
    return {
        "sent_pps": body.sent_pps,
        "max_pps": body.max_rate_pps,
        "spool_bytes": body.spool_bytes,
        "spool_oldest_s": body.spool_oldest_s,
        "leases": body.leases,
        "heard_s": heard.heard_s,
        "clash": heard.clash,
    }
