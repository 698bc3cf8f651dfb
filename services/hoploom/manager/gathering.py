"""What all outputs together say of something, kept in memory: pages read it and never wait for an output.

While somebody looks, every output is asked now and then, and answers mostly that nothing is new (304). Whoever is away
keeps what it said last, and is named. Of outputs that took the same batch both count it: this is the live picture.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeVar

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import Answer, HttpClient

log = logging.getLogger(__name__)
LOOKED_AT_S: Final = 30.0
"""After the last question something is renewed for so long."""

FIRST_S: Final = 1.0
"""How long the first question waits; then the page says that it is being gathered."""

NOT_MODIFIED: Final = 304

KeyT = TypeVar("KeyT")
KeyT_contra = TypeVar("KeyT_contra", contravariant=True)
SourceT = TypeVar("SourceT")
WholeT = TypeVar("WholeT")
WholeT_co = TypeVar("WholeT_co", covariant=True)


@dataclass(frozen=True)
class Pace:
    """How often outputs are asked, and how much is kept.

    Attributes:
        look_s: Seconds from a look to the next at least.
        share: A look that took a second is followed by one after so many: what is large is renewed less often.
        kept: So many are kept; those that nobody asks for go first.
        timeout_s: Seconds in which an output has to answer.
    """

    look_s: float
    share: float
    kept: int
    timeout_s: float


@dataclass(frozen=True)
class Output:
    """One output, as it is asked."""

    http: HttpClient
    instance: Instance
    headers: Mapping[str, str]
    timeout_s: float

    async def get(self, path: str, tag: str = "") -> Answer | None:
        """What it answers; None where it says that nothing is new.

        Args:
            path: Path with query.
            tag: `ETag` of its last answer; empty asks for all.

        Raises:
            Unavailable: It does not answer, or refuses.
        """
        headers = {**self.headers, **({"If-None-Match": tag} if tag else {})}
        url = f"{self.instance.url}{path}"
        answer = await self.http.request("GET", url, headers=headers, timeout_s=self.timeout_s)
        if answer.status == NOT_MODIFIED:
            return None
        if not answer.ok:
            raise Unavailable(f"{url} refuses: {answer.reason()}")
        return answer


class Trade(Protocol[KeyT_contra, SourceT, WholeT_co]):
    """What is gathered: what one output says of it, and how that becomes a whole."""

    def source(self, key: KeyT_contra) -> SourceT:
        """What is known of an output that has said nothing yet."""

    async def ask(self, output: Output, key: KeyT_contra, source: SourceT) -> bool:
        """Bring the source up to date: whether something changed; raises Unavailable or BadRequest."""

    def join(self, key: KeyT_contra, sources: Sequence[SourceT]) -> WholeT_co:
        """The whole; in a thread."""


@dataclass(frozen=True, eq=False)
class Gathered(Generic[WholeT]):
    """What all outputs together know.

    Attributes:
        whole: Of what they said.
        version: Grows when something of it has changed; 0 before anything was heard.
        heard_at_s: When outputs were asked last, by `boottime_s`.
        silent: Outputs that do not answer, and stores of those that are gone; what they said last counts.
    """

    whole: WholeT
    version: int = 0
    heard_at_s: float = 0.0
    silent: tuple[str, ...] = ()


@dataclass
class _Known(Generic[SourceT, WholeT]):
    """Something that somebody looks at."""

    found: Gathered[WholeT]
    sources: dict[str, SourceT] = field(default_factory=dict)
    asked_at_s: float = 0.0
    due_at_s: float = 0.0
    first: asyncio.Event = field(default_factory=asyncio.Event)


class Gathering(Generic[KeyT, SourceT, WholeT]):
    """All of one trade that this manager has."""

    def __init__(self, mesh: kit.Mesh, token: str, trade: Trade[KeyT, SourceT, WholeT], pace: Pace) -> None:
        """Know nothing yet.

        Args:
            mesh: This instance.
            token: The mesh's.
            trade: What is gathered.
            pace: How often, and how much of it.
        """
        self._mesh, self._headers = mesh, credentials.header(token)
        self._trade, self.pace = trade, pace
        self._known: OrderedDict[KeyT, _Known[SourceT, WholeT]] = OrderedDict()
        self._wanted = asyncio.Event()
        # Of all together: one that is forgotten and gathered anew is no version that was drawn before.
        self._versions = count(1)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    async def of(self, key: KeyT, *, waits: bool = True) -> Gathered[WholeT]:
        """What is known of it; waits at most `FIRST_S`, and only while nothing is known."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Known(Gathered(self._trade.join(key, [])))
        self._known.move_to_end(key)
        known.asked_at_s = boottime_s()
        while len(self._known) > self.pace.kept:
            self._known.popitem(last=False)
        self._wanted.set()
        if waits and not known.found.version:
            try:
                await asyncio.wait_for(known.first.wait(), FIRST_S)
            except TimeoutError:
                log.info("what outputs say of %s is still being gathered", key)
        return known.found

    async def run(self) -> None:
        """Renew what somebody looks at, for ever."""
        while True:
            await self.refresh()
            now_s = boottime_s()
            attended = [each for each in self._known.values() if each.asked_at_s >= now_s - LOOKED_AT_S]
            self._wanted.clear()
            wait_s = min((each.due_at_s for each in attended), default=float("inf")) - now_s
            try:
                await asyncio.wait_for(self._wanted.wait(), None if wait_s == float("inf") else max(0.0, wait_s))
            except TimeoutError:
                pass

    async def refresh(self) -> None:
        """Ask all outputs about what somebody looks at and is due."""
        for key, known in list(self._known.items()):
            began_s = boottime_s()
            if known.due_at_s > began_s or known.asked_at_s < began_s - LOOKED_AT_S:
                continue
            try:
                await self._refresh(key, known)
            except Unavailable as error:
                log.info("which outputs there are is not known now: %s", error)
            now_s = boottime_s()
            known.due_at_s = now_s + max(self.pace.look_s, self.pace.share * (now_s - began_s))

    async def _refresh(self, key: KeyT, known: _Known[SourceT, WholeT]) -> None:
        outputs = {each.meta.get("store", each.id): each for each in await self._mesh.client("output").everyone()}
        for store in outputs:
            known.sources.setdefault(store, self._trade.source(key))
        changes = await asyncio.gather(*(self._ask(each, key, known.sources[store]) for store, each in outputs.items()))
        whole, version = known.found.whole, known.found.version
        if any(changes) or not version:
            version = next(self._versions)
            whole = await asyncio.to_thread(self._trade.join, key, list(known.sources.values()))
        # A store whose instance is restarted is away for a moment under another id, and what it said still holds.
        answered = {store for store, change in zip(outputs, changes, strict=True) if change is not None}
        away = known.sources.keys() - answered
        silent = tuple(sorted(outputs[store].id if store in outputs else store for store in away))
        known.found = Gathered(whole, version, boottime_s(), silent)
        known.first.set()

    async def _ask(self, instance: Instance, key: KeyT, source: SourceT) -> bool | None:
        """Whether something changed; None where the output does not answer."""
        output = Output(self._mesh.http, instance, self._headers, self.pace.timeout_s)
        try:
            return await self._trade.ask(output, key, source)
        except (Unavailable, BadRequest) as error:
            log.info("what %s says is as it was: %s", instance.id, error)
            return None


def attach(app: Any, key: Any, token: str, trade: Trade[Any, Any, Any], pace: Pace) -> None:
    """Gather what pages ask for.

    Args:
        app: The manager, on the mesh.
        key: Under which the application has its `Gathering`.
        token: The mesh's.
        trade: What is gathered.
        pace: How often, and how much of it.
    """

    async def start(app: Any) -> None:
        app[key] = Gathering(kit.mesh(app), token, trade, pace)

    async def run(app: Any) -> None:
        await app[key].run()

    app.on_startup.append(start)
    kit.background(app, run)
