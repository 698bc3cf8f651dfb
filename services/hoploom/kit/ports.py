"""Further ports of an instance, gRPC beside HTTP say: each a service of its own in Consul, with routes and a check.

    kit.setup(app, name="orders", routes=["/orders"],
              ports=[kit.Port("grpc", greeter, routes=["/example.Greeter proto=grpc"])])

The kit chooses the number (`--grpc-port`), registers `orders-grpc`, takes it out of every table together with the first
port, and lets what is in flight at both end before either is closed. What is spoken there is the application's matter.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, fields, make_dataclass

from aiohttp import web

from hoploom.kit import tags
from hoploom.kit.errors import ConfigError
from hoploom.kit.settings import Settings, setting
from hoploom.kit.tags import Route

log = logging.getLogger(__name__)
Serve = Callable[[web.Application, str, int], AbstractAsyncContextManager[int]]
"""`async with serve(app, host, port) as number`: listens there (0: at a free port) and says where.

Its end takes no more calls, waits for those in flight, and closes; it is cut short after `drain_s`.
"""
# It becomes part of a flag, of an environment name and of the name of a service.
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")


@dataclass(frozen=True)
class Port:
    """One more port.

    Attributes:
        name: Behind the service's: "grpc" makes `orders-grpc`, `--grpc-port` and `HOPLOOM_GRPC_PORT`.
        serve: What listens there.
        routes: What Fabio routes there, as `setup` has them; "/example.Greeter proto=grpc" is by the service of gRPC.
    """

    name: str
    serve: Serve
    routes: Sequence[str] = ()

    @property
    def setting(self) -> str:
        """Name of the setting that says its number."""
        return f"{self.name}_port"


@dataclass
class FurtherPort:
    """A further port of a running instance; `number` is 0 until it listens."""

    port: Port
    routes: tuple[Route, ...]
    number: int = 0
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    leaves: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


def read(service: str, ports: Iterable[Port]) -> tuple[FurtherPort, ...]:
    """The ports that a service wants.

    Raises:
        ConfigError: A name is taken or no name, or a route is malformed.
    """
    taken, found = {each.name for each in fields(Settings)}, list[FurtherPort]()
    for port in ports:
        if not _NAME.fullmatch(port.name):
            raise ConfigError(f"{service}: the name of a port is lower-case letters and digits, not {port.name!r}")
        if port.setting in taken:
            raise ConfigError(f"{service}: there is a setting {port.setting} already; give the port another name")
        taken.add(port.setting)
        tags.check_service_name(f"{service}-{port.name}")
        found.append(FurtherPort(port, tuple(tags.parse(f"{tags.PREFIX}{each}") for each in port.routes)))
    return tuple(found)


def settings_class(further: Iterable[FurtherPort]) -> type[Settings]:
    """The kit's own settings, with the number of each further port."""
    meaning = "Port to listen on for {}; 0 takes a free one."
    more = [(each.port.setting, int, setting(0, meaning.format(each.port.name))) for each in further]
    return make_dataclass("Settings", more, bases=(Settings,), frozen=True) if more else Settings


async def hold(app: web.Application, further: FurtherPort, settings: Settings) -> None:
    """Listen at a further port until it `leaves`; one task enters and leaves, as whoever serves there may need it.

    Raises:
        ConfigError: It cannot listen there.
    """
    # A service with settings of its own may leave the number to the machine.
    wanted = int(getattr(settings, further.port.setting, 0))
    try:
        async with further.port.serve(app, settings.host, wanted) as further.number:
            further.listens.set()
            await further.leaves.wait()
    except Exception as error:
        if further.leaves.is_set():
            # Also a bug of it must not cost the requests in flight elsewhere: the rest of the stop order goes on.
            log.exception("the port %s was not closed as it should be", further.port.name)
        elif isinstance(error, OSError | RuntimeError):
            # RuntimeError is gRPC's word for a port that it cannot bind.
            flag = further.port.setting.replace("_", "-")
            where = f"cannot listen on {settings.host} port {wanted}"
            raise ConfigError(f"{where}: {error} (choose another with --{flag})") from error
        else:
            raise
    finally:
        further.closed.set()


async def close(further: Iterable[FurtherPort], most_s: float) -> None:
    """Have them take no more calls, end those in flight, and close; at most `most_s` seconds for all."""
    for each in further:
        each.leaves.set()
    try:
        async with asyncio.timeout(most_s):
            for each in further:
                await each.closed.wait()
    except TimeoutError:
        log.warning("after %s s still calls in flight at the port %s", most_s, each.port.name)
