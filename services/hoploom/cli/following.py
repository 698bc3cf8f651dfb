"""A campaign that is under way, as a person follows it: how far it is, who could not probe, and what became of it."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.local import view
from hoploom.local.mesh import LocalMesh
from hoploom.prober.privileges import LOOPBACK_ONLY
from hoploom.wire.standing import is_finished

_POLL_S = 0.2
_SAY_EVERY_S = 5.0
# Without any progress for so long, somebody should be told why.
_PATIENCE_S = 20.0
_WHOLE_S = 10.0
"""So long is an output waited for that has what is done; Nomad has another one up within five seconds."""


async def follow(mesh: LocalMesh, campaign: Mapping[str, Any], wanted: int) -> int:
    """Show the progress until every group that has begun is finished, and as many as are wanted have begun.

    A campaign that was stopped is not waited for.

    Returns:
        How many groups have mapped all of it.
    """
    columns = (TextColumn("mapping"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    moved_at = said_at = time.monotonic()
    last = -1
    with Progress(*columns, console=screen.err, disable=not screen.err.is_terminal, transient=True) as bar:
        task = bar.add_task("mapping", total=campaign["targets"])
        while True:
            found = await _progress(mesh, campaign["id"])
            groups = found.get("groups", {})
            done, total = sum(each["done"] for each in groups.values()), campaign["targets"] * max(1, len(groups))
            bar.update(task, completed=done, total=total)
            now = time.monotonic()
            is_over = bool(found) and is_finished(found)
            if is_over and (len(groups) >= wanted or now - moved_at > _PATIENCE_S):
                return max(1, len(groups))
            if found and found["campaign"].get("stopped_us"):
                screen.say_aside("stopped", f"by {found['campaign']['stopped_by']}: --restart begins it anew")
                return max(1, len(groups))
            if done != last:
                last, moved_at = done, now
            elif now - moved_at > _PATIENCE_S:
                await require_workers(mesh, beyond_loopback=False)
                moved_at = now
            if now - said_at > _SAY_EVERY_S and not screen.err.is_terminal:
                said_at = now
                screen.say_aside("mapping", f"{done:,} of {total:,}")
            await asyncio.sleep(_POLL_S)


async def _progress(mesh: LocalMesh, campaign_id: str) -> dict[str, Any]:
    try:
        url, headers = f"{mesh.fabio_url}/api/v1/campaigns/{campaign_id}", credentials.header(mesh.secrets["operator"])
        answer = await mesh.http.request("GET", url, headers=headers)
    except Unavailable:
        return {}
    found: dict[str, Any] = answer.json() if answer.ok else {}
    return found


async def require_workers(mesh: LocalMesh, *, beyond_loopback: bool) -> None:
    """Raises Unavailable with the workers' own reason when none of them can work, or none as far as is asked."""
    workers = [each for each in (await view.look(mesh))["instances"] if each["service"] == "ping"]
    if not any(each["health"] == "passing" for each in workers):
        reasons = "; ".join(sorted({each["note"] for each in workers})) or "none is registered"
        raise Unavailable(f"no worker can probe: {reasons}")
    if beyond_loopback and all(LOOPBACK_ONLY in each["note"] for each in workers):
        raise Unavailable("no worker can probe more than loopback here: `hoploom doctor` says what would allow it")


async def summary(mesh: LocalMesh, campaign_id: str) -> dict[str, int]:
    """The sums of all groups, from every output instance through the manager.

    It is asked again for a while where not all targets are in them that are done: an instance that is just not healthy
    is not asked, and one that has just gone does not answer.

    Raises:
        Unavailable: Nobody gives them.
    """
    deadline = time.monotonic() + _WHOLE_S
    while True:
        is_last = time.monotonic() > deadline
        try:
            found = await _summary(mesh, campaign_id)
        except Unavailable:
            if is_last:
                raise
        else:
            lacking = _lacking(found)
            if lacking and is_last:
                screen.say_aside("note", f"{lacking:,} targets more are done: the output that has them is away")
            if not lacking or is_last:
                return _sums(found["summary"].values())
        await asyncio.sleep(_POLL_S)


async def _summary(mesh: LocalMesh, campaign_id: str) -> dict[str, Any]:
    url, headers = f"{mesh.fabio_url}/api/v1/summary/{campaign_id}", credentials.header(mesh.secrets["operator"])
    answer = await mesh.http.request("GET", url, headers=headers, timeout_s=30.0)
    if not answer.ok:
        raise BadRequest(f"no summary: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found


def _lacking(found: Mapping[str, Any]) -> int:
    """How many targets are done and not summed up."""
    # What a worker distrusts itself was dealt with, too.
    told = {group: each.get("targets", 0) + each.get("suspect", 0) for group, each in found["summary"].items()}
    return sum(max(0, each["done"] - told.get(group, 0)) for group, each in found.get("groups", {}).items())


def _sums(groups: Iterable[Mapping[str, int]]) -> dict[str, int]:
    each_of, names = list(groups), ("answered", "lost", "unreachable", "failed", "duplicates", "hops")
    # A manager of the version before knows no hops.
    return {name: sum(each.get(name, 0) for each in each_of) for name in names}
