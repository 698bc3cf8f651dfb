"""Further ports: what they may be called, and how one is entered, held and left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from hoploom.kit import ports
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_app import setup
from hoploom.kit.ports import Port
from hoploom.kit.settings import Settings, load


@contextlib.asynccontextmanager
async def listens(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
    yield port or 4711


def test_a_port_has_a_flag_and_an_environment_name() -> None:
    further = ports.read("orders", [Port("grpc", listens), Port("admin", listens)])
    kind = ports.settings_class(further)
    found = load(kind, "orders", ["--grpc-port", "9091"], {"HOPLOOM_ADMIN_PORT": "9092"})
    assert [getattr(found, each.port.setting) for each in further] == [9091, 9092]
    with pytest.raises(ConfigError, match="--grpc-port: must be a port from 0 to 65535, not 65536"):
        load(kind, "orders", ["--grpc-port", "65536"], {})


def test_whoever_has_no_further_port_has_the_kits_own_settings() -> None:
    assert ports.settings_class(()) is Settings


WRONG: list[tuple[str, list[Port], str]] = [
    ("has no name", [Port("", listens)], "lower-case letters and digits, not ''"),
    ("has a name that is no flag", [Port("Grpc_1", listens)], "not 'Grpc_1'"),
    ("is there twice", [Port("grpc", listens), Port("grpc", listens)], "a setting grpc_port already"),
    ("is the health port", [Port("health", listens)], "a setting health_port already"),
    ("has a route that Fabio misreads", [Port("grpc", listens, ["/a proto=gprc"])], "Fabio knows no proto=gprc"),
]


@pytest.mark.parametrize(("what", "wanted", "said"), WRONG, ids=[each[0] for each in WRONG])
def test_refuses_one_that(what: str, wanted: list[Port], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        setup(web.Application(), name="orders", ports=wanted)
    assert said in str(refused.value), what


def test_whom_nobody_can_reach_has_none() -> None:
    with pytest.raises(ConfigError, match="no further ports"):
        setup(web.Application(), name="orders", inbound=False, ports=[Port("grpc", listens)])


async def test_is_entered_and_left_by_one_task_and_its_end_is_waited_for() -> None:
    tasks = []

    @contextlib.asynccontextmanager
    async def serve(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
        tasks.append(asyncio.current_task())
        async with asyncio.TaskGroup():
            yield 4711
        tasks.append(asyncio.current_task())

    [further] = ports.read("orders", [Port("grpc", serve)])
    held = asyncio.create_task(ports.hold(web.Application(), further, Settings()))
    await further.listens.wait()
    assert further.number == 4711
    await ports.close([further], 5.0)
    assert tasks == [held, held]


@pytest.mark.parametrize("error", [OSError("in use"), RuntimeError("Failed to bind")])
async def test_one_that_cannot_listen_names_its_flag(error: Exception) -> None:
    @contextlib.asynccontextmanager
    async def serve(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
        if port:
            raise error
        yield port

    [further] = ports.read("orders", [Port("grpc", serve)])
    settings = ports.settings_class([further])(grpc_port=9091)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=f"on 127.0.0.1 port 9091: {error} .choose another with --grpc-port"):
        await ports.hold(web.Application(), further, settings)


async def test_one_with_a_bug_ends_the_process() -> None:
    @contextlib.asynccontextmanager
    async def serve(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
        yield 1 // port

    [further] = ports.read("orders", [Port("grpc", serve)])
    with pytest.raises(ZeroDivisionError):
        await ports.hold(web.Application(), further, Settings())


LEFT = [("has a bug", ZeroDivisionError(), "was not closed as it should be"), ("hangs", None, "still calls in flight")]


@pytest.mark.parametrize(("what", "error", "said"), LEFT, ids=[each[0] for each in LEFT])
async def test_an_end_that(what: str, error: Exception | None, said: str, caplog: pytest.LogCaptureFixture) -> None:
    @contextlib.asynccontextmanager
    async def serve(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
        yield 4711
        if error:
            raise error
        await asyncio.Event().wait()

    [further] = ports.read("orders", [Port("grpc", serve)])
    held = asyncio.create_task(ports.hold(web.Application(), further, Settings()))
    await further.listens.wait()
    await ports.close([further], 0.01)
    held.cancel()
    await asyncio.wait({held})
    assert said in caplog.text, what
