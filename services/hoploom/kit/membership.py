"""One service instance's view of the mesh: who it is, what state it is in, and whom it can ask.

`setup` (http_app) puts a `Mesh` into the application, `run` (lifecycle) brings it to life. Handlers reach it by
`kit.mesh(request)`.
"""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiohttp import web

from hoploom import __version__
from hoploom.kit import credentials
from hoploom.kit.balance import Directory, ServiceClient
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.kit.leading import Leadership, Member
from hoploom.kit.names import Names
from hoploom.kit.ports import FurtherPort
from hoploom.kit.session import Session
from hoploom.kit.settings import Settings
from hoploom.kit.tags import Route
from hoploom.kit.term import Term

Probe = Callable[[], Awaitable[None]]
Loop = Callable[[web.Application], Coroutine[Any, Any, None]]


# Longer than two looks at the agent; a text that changed at every look would be a write to Consul each time.
AWAY_S = 10.0


class State(Enum):
    """Where an instance stands between its start and its end."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


@dataclass
class InFlight:
    """Counts requests that are being answered."""

    _counts: Counter[str] = field(default_factory=Counter)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._counts.total()

    def __str__(self) -> str:
        """How many there are, and to which routes."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._counts.items()))
        return f"{self.count} requests in flight" + (f" ({kinds})" if kinds else "")

    @contextmanager
    def one(self, kind: str) -> Iterator[None]:
        """One more request of a kind, such as `POST /results`, is being answered meanwhile."""
        self._counts[kind] += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._counts[kind] -= 1
            if not self._counts[kind]:
                del self._counts[kind]
            if not self._counts:
                self._idle.set()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight; False when that took longer than `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.count:
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True


@dataclass
class Mesh:
    """Identity, state and neighbours of this instance. Its shape is the kit's own; read it, do not change it."""

    name: str
    routes: tuple[Route, ...] = ()
    ready: tuple[Probe, ...] = ()
    inbound: bool = True
    agent: bool = True
    further: tuple[FurtherPort, ...] = ()
    settings: Settings = field(default_factory=Settings)
    state: State = State.STARTING
    port: int = 0
    in_flight: InFlight = field(default_factory=InFlight)
    loops: list[Loop] = field(default_factory=list)
    drain_steps: list[Loop] = field(default_factory=list)
    left_steps: list[Loop] = field(default_factory=list)
    health_routes: list[web.RouteDef] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    reports: list[Callable[[], str]] = field(default_factory=list)
    standing_by: Callable[[], str] = lambda: ""
    spawn: Callable[[Coroutine[Any, Any, None]], object] | None = None
    token: str = field(default="", repr=False)
    consul_seen_s: float = float("-inf")
    lag_s: float = 0.0
    _consul: ConsulApi | None = None
    _http: HttpClient | None = None
    _directory: Directory | None = None
    _session: Session | None = None
    _leadership: Leadership | None = None

    def __post_init__(self) -> None:
        """Take a new id: an id that was used before may still carry maintenance mode or another's checks."""
        self.instance_id = f"{self.name}-{uuid.uuid4().hex[:8]}"
        self.booted_at_us = wall_us()

    @property
    def id(self) -> str:
        """Id of this instance in Consul, new at every start."""
        return f"{self.settings.service_prefix}{self.instance_id}"

    def further_id(self, further: FurtherPort) -> str:
        """Id of a further port in Consul."""
        return f"{self.id}-{further.port.name}"

    @property
    def ids(self) -> tuple[str, ...]:
        """What this instance has entered in Consul: itself, and each further port."""
        return (self.id, *map(self.further_id, self.further))

    @property
    def routed_ports(self) -> tuple[int, ...]:
        """The ports that Fabio routes to."""
        return (
            *((self.port,) if self.routes else ()),
            *(each.number for each in self.further if each.routes),
        )

    @property
    def names(self) -> Names:
        """How its name, its keys and its routes are written in the engines."""
        return Names(self.settings.prefix, self.settings.service_prefix, self.settings.route_prefix)

    @property
    def dc(self) -> str:
        """Datacenter that this instance runs in."""
        return self.settings.dc

    @property
    def home_dc(self) -> str:
        """Datacenter whose word holds in all of them."""
        return self.settings.home_dc or self.dc

    @property
    def address(self) -> str:
        """Address that others reach this instance by."""
        return self.settings.advertise or self.settings.host

    def check_address(self) -> None:
        """Raises ConfigError where the address is one that nobody can reach."""
        if self.address in ("0.0.0.0", "::", "*"):
            raise ConfigError(f"others cannot reach this instance at {self.address}: name its address with --advertise")

    @property
    def consul(self) -> ConsulApi:
        """The local agent."""
        if self._consul is None:
            token = credentials.read(self.settings.consul_token_file)
            self._consul = ConsulApi(self.settings.consul_addr, token, self.names)
        return self._consul

    @consul.setter
    def consul(self, consul: ConsulApi) -> None:
        self._consul = consul

    @property
    def session(self) -> Session:
        """The Consul session of this process; kept from its first use on."""
        if self._session is None:
            self._session = Session(lambda: self.consul, self.id, self.alive_check)
            if self.spawn is not None:
                self.spawn(self._session.run())
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether anybody has asked for the session."""
        return self._session is not None

    def leading(self, role: str, *, fenced: bool = True) -> AbstractAsyncContextManager[Term]:
        """Lead a role for the time of an `async with`; see `leading.Leadership.leading`."""
        return self.leadership.leading(role, fenced=fenced)

    @property
    def leadership(self) -> Leadership:
        """The roles of this process."""
        if self._leadership is None:
            member = Member(self.consul, self.session, {"instance": self.id, "url": self.url})
            self._leadership = Leadership(self.settings.roles_prefix, member, self._started)
            self.reports.append(self._leadership.report)
        return self._leadership

    def _started(self, work: Coroutine[Any, Any, None]) -> None:
        assert self.spawn is not None, "roles are led within the lifecycle"
        self.spawn(work)

    @property
    def leads(self) -> bool:
        """Whether anybody here has asked for a role."""
        return self._leadership is not None

    @property
    def url(self) -> str:
        """Where others reach this instance; empty where nobody can."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}" if self.inbound else ""

    @property
    def alive_check(self) -> str:
        """Id of the check that says that this process lives."""
        return f"{self.id}:alive"

    @property
    def http(self) -> HttpClient:
        """The pooled HTTP client of this process."""
        if self._http is None:
            self._http = HttpClient()
        return self._http

    @http.setter
    def http(self, http: HttpClient) -> None:
        self._http = http

    @property
    def shown(self) -> dict[str, str]:
        """The headers by which this instance shows another one of its mesh who it is; never for anybody else."""
        return credentials.header(self.token)

    def client(self, service: str, *, elsewhere: bool = False) -> ServiceClient:
        """A client that asks healthy instances of a service directly; see `balance.Directory.client`."""
        return self.directory.client(service, elsewhere=elsewhere)

    @property
    def directory(self) -> Directory:
        """The services that this instance asks."""
        if self._directory is None:
            spawn, token = lambda: self.spawn, lambda: self.token
            self._directory = Directory(self.consul, self.http, self.settings.fabio_addr, spawn, token)
        return self._directory

    def through_fabio(self) -> ServiceClient:
        """A client that goes through Fabio, as workers and people do."""
        return ServiceClient.through(self.http, self.settings.fabio_addr)

    def described(self) -> Mapping[str, str]:
        """Metadata for the registration: version, boot time, datacenter, and what the service added."""
        allocation = os.environ.get("NOMAD_ALLOC_ID", "")
        return {
            "version": self.settings.version_tag or __version__,
            "booted_at_us": str(self.booted_at_us),
            "dc": self.dc,
            **({"allocation": allocation} if allocation else {}),
            # Prometheus asks there where there is one.
            **({"health_port": str(self.settings.health_port)} if self.settings.health_port else {}),
            **self.meta,
        }

    def consul_note(self) -> str:
        """In words, that the agent is away; empty while it is not, or without one. Never a reason to be unready."""
        if not self.agent:
            return ""
        away_s = boottime_s() - self.consul_seen_s
        if away_s == float("inf"):
            return "Consul not heard yet"
        return f"Consul away for {away_s:.0f} s" if away_s > AWAY_S else ""

    async def close(self) -> None:
        """Close the clients."""
        if self._http is not None:
            await self._http.close()
        if self._consul is not None:
            await self._consul.close()


MESH = web.AppKey("hoploom_mesh", Mesh)
