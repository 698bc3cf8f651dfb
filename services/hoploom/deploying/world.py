"""Carries the commands of a deploy's course out: at Nomad, at each datacenter's routers, at its gate."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hoploom.deploying.gate import Look, Policy, Verdict, Watcher, judge, target
from hoploom.deploying.happenings import (
    Broken,
    Clear,
    Cleared,
    Command,
    Event,
    GivenUp,
    GiveUp,
    Hush,
    Hushed,
    Promote,
    Promoted,
    Revert,
    Share,
    Shared,
    Submit,
    Submitted,
)
from hoploom.deploying.job_records import Job
from hoploom.deploying.job_source import JobSource
from hoploom.deploying.looking import Looker, deployment_of, number_of, sight
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.sight import Sight
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import HoploomError, Unavailable

_LOOKS, _POLL_S = 100, 0.1


class ShownAfter(Protocol):
    """When all routers of a datacenter followed."""

    @property
    def after_s(self) -> float:
        """Seconds since it was written."""


class Shares(Protocol):
    """The weights of one datacenter; `routing.weights.Weights` is one."""

    async def share(self, service: str, tag: str, weight: float, *, expected: int = 0) -> ShownAfter:
        """Give all instances with a tag this share."""

    async def nothing(self, service: str, tag: str) -> ShownAfter:
        """Give them nothing, though they are listed."""

    async def clear(self, service: str) -> ShownAfter:
        """Take our lines away."""


@dataclass(frozen=True)
class Submission:
    """What is submitted, and what it has to meet unchanged."""

    job: Mapping[str, Any]
    source: JobSource
    modify_index: int


@dataclass(frozen=True)
class Change:
    """One version for another.

    Attributes:
        new: The new version.
        before: The job as it was before that.
        submission: What makes it; None where it has been submitted.
    """

    new: str
    before: Job
    submission: Submission | None = None


class World:
    """One service with all that moves it."""

    def __init__(self, nomad: NomadApi, looker: Looker, shares: Mapping[str, Shares], change: Change) -> None:
        """Know who has the job, who looks at the instances, who shares by datacenter, and what is to change."""
        self._nomad, self._looker, self._shares = nomad, looker, shares
        self._service, self._new = looker.service, change.new
        self._before, self._submission = change.before, change.submission

    async def sight(self) -> Sight:
        """The service as it is now; raises Unavailable."""
        return await sight(self._looker, self._nomad, self._before, self._new)

    def instances(self, dc: str) -> list[Instance]:
        """Those of a datacenter at the last sight."""
        return [each for each in self._looker.found if each.dc == dc]

    async def carry(self, command: Command) -> Event | None:
        """Carry a command out; what comes of it."""
        try:
            return await self._carried(command)
        except HoploomError as error:
            return Broken(command, str(error), unknown=isinstance(error, Unavailable))

    async def _carried(self, command: Command) -> Event | None:
        match command:
            case Hush(dc):
                return Hushed(dc, (await self._shares[dc].nothing(self._service, self._new)).after_s)
            case Share(dc, share):
                shown = await self._shares[dc].share(self._service, self._new, share)
                return Shared(dc, share, shown.after_s)
            case Clear(dc):
                await self._shares[dc].clear(self._service)
                return Cleared(dc)
        return await self._at_nomad(command)

    async def _at_nomad(self, command: Command) -> Event | None:
        match command:
            case Submit():
                return Submitted(await self._submit())
            case Promote():
                await self._with_deployment(self._nomad.promote)
                return Promoted()
            case GiveUp():
                await self._with_deployment(self._nomad.fail)
                return GivenUp()
            case Revert():
                await self._revert()
        return None

    async def _submit(self) -> int:
        if self._submission is None:
            raise Unavailable("it has been submitted already")
        await self._nomad.submit(self._submission.job, self._submission.source, self._submission.modify_index)
        for _ in range(_LOOKS):
            # A follower may be behind its leader.
            if (number := await self._number()) >= 0:
                return number
            await asyncio.sleep(_POLL_S)
        raise Unavailable(f"Nomad took {self._before.id} and does not show it")

    async def _number(self) -> int:
        return number_of(await self._nomad.versions(self._before.id), self._before, self._new)

    async def _with_deployment(self, do: Callable[[str], Awaitable[None]]) -> None:
        """Do something with the deployment of the new version, while anything may become of it."""
        found = await deployment_of(self._nomad, self._before.id, await self._number())
        if found and found.is_open:
            await do(found.id)

    async def _revert(self) -> None:
        await self._nomad.revert(self._before.id, self._before.number)


class Gate:
    """What the requests of one datacenter say of the new version."""

    def __init__(self, watcher: Watcher, policy: Policy, new: str) -> None:
        """Watch by a policy, from `begin` on."""
        self._watcher, self._policy, self._new = watcher, policy, new
        self._since: Look | None = None
        # Two looks at a time would find the counters going backwards, as after a restart.
        self._one = asyncio.Lock()

    async def begin(self, instances: Sequence[Instance]) -> None:
        """Count from now on."""
        self._since = await self._look(instances)

    async def judged(self, instances: Sequence[Instance]) -> Verdict | None:
        """What has been counted since; None before the beginning."""
        if self._since is None:
            return None
        since = self._since
        now = await self._look(instances)
        new = {target(each) for each in instances if self._new in each.tags}
        old = {target(each) for each in instances} - new
        return judge(since, now, new, old, self._policy)

    async def _look(self, instances: Sequence[Instance]) -> Look:
        async with self._one:
            self._watcher.instances = tuple(instances)
            return await self._watcher.look()
