"""From start to stop: the stop order step by step, each step bounded, and how a process ends."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from hoploom import kit
from hoploom.kit import lifecycle, ports, routed
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH, Mesh, State
from hoploom.kit.settings import Settings

OnMesh = Callable[[web.Application], web.Application]
# As they are in production: the tests shorten them.
HAND_OVER_CAP_S, SETTLE_S = lifecycle.HAND_OVER_CAP_S, lifecycle.SETTLE_S


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Put the root logger back as it was: `run` configures it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Agent(FakeConsul):
    """A fake that writes down what it is told."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self.steps, self.registered = steps, asyncio.Event()

    async def register(self, service: Mapping[str, Any]) -> None:
        await super().register(service)
        self.steps.append("registered")
        self.registered.set()

    async def maintenance(self, service_id: str, *, enable: bool, reason: str = "") -> None:
        self.steps.append("maintenance")
        await super().maintenance(service_id, enable=enable, reason=reason)

    async def deregister(self, service_id: str) -> None:
        self.steps.append("deregistered")
        await super().deregister(service_id)


class Stage:
    """An application whose whole surroundings write their steps into one list."""

    def __init__(self, *, routes: tuple[str, ...] = ("/orders",), inbound: bool = True) -> None:
        self.steps: list[str] = []
        self.app = web.Application()
        kit.setup(self.app, name="orders", routes=routes, inbound=inbound)
        self.mesh: Mesh = self.app[MESH]
        self.agent = Agent(self.steps)
        self.mesh.consul, self.mesh.state = self.agent, State.SERVING
        self.mesh.settings = Settings(drain_s=0.01)

    @property
    def sites(self) -> "list[Stage]":
        """The runner's only listener is this too."""
        return [self]

    @property
    def server(self) -> "Stage":
        """And so is its server."""
        return self

    async def stop(self) -> None:
        """The listener's part of the stop order."""
        self.steps.append("listener closed")

    def pre_shutdown(self) -> None:
        self.steps.append("idle connections closed")

    async def shutdown(self, timeout_s: float) -> None:
        """The last answers' part of it."""
        assert 0 < timeout_s <= max(self.mesh.settings.drain_s, lifecycle.SHUTDOWN_S)
        self.steps.append("answers sent")

    async def drain(self) -> None:
        """Register, and drain."""
        await self.agent.register({"ID": self.mesh.id, "Name": "orders", "Address": "", "Port": 1})
        self.steps.clear()
        keeper = asyncio.create_task(asyncio.Event().wait())
        await lifecycle.drain(self.app, cast("asyncio.Task[None]", keeper), cast(web.AppRunner, self))
        await asyncio.wait({keeper})
        assert keeper.cancelled(), "nobody registers it again"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()

    async def until_gone(mesh: Mesh, cap_s: float) -> bool:
        assert mesh.state is State.DRAINING
        assert cap_s == lifecycle.UNROUTED_CAP_S
        made.steps.append("gone from every Fabio")
        return True

    monkeypatch.setattr(routed, "until_gone", until_gone)
    monkeypatch.setattr(lifecycle, "SETTLE_S", 0.0)
    monkeypatch.setattr(lifecycle, "HAND_OVER_CAP_S", 0.01)
    return made


async def test_the_stop_order(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hand_over(app: web.Application) -> None:
        assert app[MESH].state is State.SERVING, "handed over while still routed to"
        stage.steps.append("handed over")

    async def idle(timeout_s: float) -> bool:
        assert timeout_s == stage.mesh.settings.drain_s
        stage.steps.append("nothing in flight")
        return True

    async def give_up(_: web.Application) -> None:
        stage.steps.append("given up")

    kit.on_drain(stage.app, hand_over)
    kit.on_left(stage.app, give_up)
    monkeypatch.setattr(stage.mesh.in_flight, "idle", idle)
    await stage.drain()
    assert stage.steps == [
        "handed over",
        "maintenance",
        "gone from every Fabio",
        "nothing in flight",
        "listener closed",
        "idle connections closed",
        "answers sent",
        "given up",
        "deregistered",
    ]


async def test_without_routes_other_services_are_told_all_the_same(stage: Stage) -> None:
    stage.mesh.routes = ()
    await stage.drain()
    assert stage.steps == ["maintenance", "listener closed", "idle connections closed", "answers sent", "deregistered"]


async def test_an_instance_that_nobody_can_reach_only_deregisters(stage: Stage) -> None:
    stage.mesh.routes, stage.mesh.inbound = (), False
    await stage.drain()
    assert stage.steps == ["listener closed", "idle connections closed", "answers sent", "deregistered"]


async def test_without_consul_it_still_waits_for_requests_and_closes(stage: Stage) -> None:
    await stage.agent.register({"ID": stage.mesh.id, "Name": "orders", "Address": "", "Port": 1})
    stage.steps.clear()
    stage.agent.away = True
    keeper = asyncio.create_task(asyncio.Event().wait())
    await lifecycle.drain(stage.app, cast("asyncio.Task[None]", keeper), cast(web.AppRunner, stage))
    assert "listener closed" in stage.steps


BROKEN: list[tuple[str, Exception | None, str]] = [
    ("meets something away", Unavailable("the successor does not answer"), "the successor does not answer"),
    ("has a bug", ZeroDivisionError(), "hand-over failed"),
    ("takes too long", None, "cut short after 0.01 s"),
]


@pytest.mark.parametrize(("what", "error", "said"), BROKEN, ids=[each[0] for each in BROKEN])
async def test_a_hand_over_that(
    what: str, error: Exception | None, said: str, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def hand_over(_: web.Application) -> None:
        if error:
            raise error
        await asyncio.Event().wait()

    kit.on_drain(stage.app, hand_over)
    await stage.drain()
    assert said in caplog.text, what
    assert stage.steps[-1] == "deregistered", "the rest of the order goes on"


async def test_requests_in_flight_are_waited_for_and_not_for_ever(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with stage.mesh.in_flight.one("GET /dump"):
        await stage.drain()
    assert "still 1 requests in flight (1 GET /dump)" in caplog.text
    assert stage.steps[-4:] == ["listener closed", "idle connections closed", "answers sent", "deregistered"]


async def test_a_silent_agent_is_not_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(lifecycle, "TELL_CAP_S", 0.01)
    monkeypatch.setattr(Agent, "maintenance", silent)
    await stage.drain()
    assert "no answer in time" in caplog.text
    assert stage.steps == ["listener closed", "idle connections closed", "answers sent", "deregistered"]


async def test_serves_until_sigterm_and_leaves_nothing_behind(stage: Stage) -> None:
    served = asyncio.create_task(lifecycle.serve(stage.app))
    await stage.agent.registered.wait()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{stage.mesh.port}/health") as answer,
    ):
        assert answer.status == 200
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    assert stage.steps == ["registered", "maintenance", "gone from every Fabio", "deregistered"]
    assert await stage.agent.service(stage.mesh.id) is None


async def test_a_further_port_is_drained_in_the_order_of_the_first(stage: Stage) -> None:
    @contextlib.asynccontextmanager
    async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
        stage.steps.append("listens")
        yield 4711
        assert app[MESH].state is State.DRAINING
        stage.steps.append("further port closed")

    stage.mesh.further = ports.read("orders", [kit.Port("grpc", serve, ["/x.Orders proto=grpc"])])
    served = asyncio.create_task(lifecycle.serve(stage.app))
    while stage.steps.count("registered") < 2:
        stage.agent.registered.clear()
        await stage.agent.registered.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    begun, order = stage.steps[:3], stage.steps[3:]
    assert begun == ["listens", "registered", "registered"]
    assert order == [*["maintenance"] * 2, "gone from every Fabio", "further port closed", *["deregistered"] * 2]


def test_a_further_port_that_is_taken_ends_with_a_sentence(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    @contextlib.asynccontextmanager
    async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
        if not port:
            raise RuntimeError("Failed to bind")
        yield port

    stage.mesh.further = ports.read("orders", [kit.Port("grpc", serve)])
    with pytest.raises(SystemExit) as ended:
        kit.run(stage.app, Settings())
    assert ended.value.code == 2
    assert "choose another with --grpc-port" in capsys.readouterr().err


async def test_stores_are_closed_after_everything_else(stage: Stage) -> None:
    async def store(_: web.Application) -> Any:
        stage.steps.append("store opened")
        yield
        stage.steps.append("store closed")

    stage.app.cleanup_ctx.append(store)
    served = asyncio.create_task(lifecycle.serve(stage.app))
    await stage.agent.registered.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    assert stage.steps[0] == "store opened"
    assert stage.steps[-2:] == ["deregistered", "store closed"]


async def test_a_file_is_sent_to_its_end(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    size, closed, stop = 20_000_000, asyncio.Event(), web.TCPSite.stop
    (tmp_path / "dump").write_bytes(bytes(size))

    async def dump(_: web.Request) -> web.FileResponse:
        return web.FileResponse(tmp_path / "dump")

    async def stop_and_tell(site: web.TCPSite) -> None:
        await stop(site)
        closed.set()

    stage.app.router.add_get("/dump", dump)
    stage.mesh.settings = Settings(drain_s=10.0)
    monkeypatch.setattr(lifecycle, "SHUTDOWN_S", 0.001)
    monkeypatch.setattr(web.TCPSite, "stop", stop_and_tell)
    served = asyncio.create_task(lifecycle.serve(stage.app))
    await stage.agent.registered.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.mesh.port)
    writer.write(b"GET /dump HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    os.kill(os.getpid(), signal.SIGTERM)
    await closed.wait()
    assert len(await reader.read(-1)) == size
    writer.close()
    await served


async def test_background_work_runs_beside_and_is_cancelled_at_the_end(stage: Stage) -> None:
    ended = asyncio.Event()

    async def work(app: web.Application) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    kit.background(stage.app, work)
    served = asyncio.create_task(lifecycle.serve(stage.app))
    await stage.agent.registered.wait()
    assert not ended.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    assert ended.is_set()


async def test_background_work_that_fails_ends_the_process(stage: Stage) -> None:
    async def work(_: web.Application) -> None:
        raise ZeroDivisionError

    kit.background(stage.app, work)
    with pytest.raises(ExceptionGroup) as caught:
        await lifecycle.serve(stage.app)
    assert caught.group_contains(ZeroDivisionError)


async def test_a_store_that_cannot_open_closes_what_was_opened_before(stage: Stage) -> None:
    async def first(_: web.Application) -> Any:
        yield
        stage.steps.append("first closed")

    async def second(_: web.Application) -> Any:
        if stage.steps == []:
            raise ConfigError("the folder is not there")
        yield

    stage.app.cleanup_ctx.extend([first, second])
    with pytest.raises(ConfigError, match="the folder is not there"):
        await lifecycle.serve(stage.app)
    assert stage.steps == ["first closed"]


@pytest.fixture
def taken_port() -> Any:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.mark.parametrize("name", ["port", "health_port"])
def test_a_taken_port_ends_with_a_sentence_that_names_the_flag(
    name: str, taken_port: int, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        kit.run(stage.app, Settings(**{name: taken_port}))  # type: ignore[arg-type]
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1 port {taken_port}" in said
    assert f"--{name.replace('_', '-')})" in said
    assert "Traceback" not in said


WRONG = [
    ("a Consul address without http", Settings(consul_addr="localhost:8500"), "the Consul address must be like"),
    ("a token file that is not there", Settings(consul_token_file="/nonexistent/t"), "cannot read the token file"),
    ("an address that nobody can reach", Settings(host="0.0.0.0"), "others cannot reach this instance"),
    ("an unknown log level", Settings(log_level="loud"), "the log level must be one of"),
]


@pytest.mark.parametrize(("what", "settings", "sentence"), WRONG, ids=[each[0] for each in WRONG])
def test_a_wrong_setting_ends_with_one_sentence(
    what: str, settings: Settings, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = web.Application()
    kit.setup(app, name="orders")
    with pytest.raises(SystemExit) as ended:
        kit.run(app, settings)
    assert ended.value.code == 2, what
    said = capsys.readouterr().err
    assert said.startswith(f"orders: {sentence}")
    assert "Traceback" not in said


def test_background_work_may_find_a_wrong_setting_too(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    async def work(_: web.Application) -> None:
        raise ConfigError("the probe needs CAP_NET_RAW: see README")

    kit.background(stage.app, work)
    with pytest.raises(SystemExit) as ended:
        kit.run(stage.app, Settings(log_level="error"))
    assert ended.value.code == 2
    assert capsys.readouterr().err == "orders: the probe needs CAP_NET_RAW: see README\n"


def test_wrong_flags_are_said_once_with_the_name(
    monkeypatch: pytest.MonkeyPatch, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["orders", "--port", "x"])
    with pytest.raises(SystemExit):
        kit.run(stage.app)
    assert capsys.readouterr().err.startswith("orders: --port: must be a whole number")


@pytest.mark.parametrize("job", ["input", "manager", "output", "ping"])
def test_the_scheduler_waits_longer_than_the_whole_stop_order(job: str) -> None:
    text = (deploy_root() / "nomad" / f"{job}.nomad.hcl").read_text(encoding="utf-8")
    found = re.search(r'kill_timeout\s*=\s*"(\d+)s"', text)
    assert found
    whole_s = (
        HAND_OVER_CAP_S
        + lifecycle.UNROUTED_CAP_S
        + SETTLE_S
        + Settings().drain_s
        + 2 * lifecycle.TELL_CAP_S
        + lifecycle.SHUTDOWN_S
    )
    assert whole_s < int(found[1]) <= 30


async def test_a_kept_connection_on_which_nothing_is_asked_is_not_waited_for(stage: Stage) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stage.mesh.settings = Settings(drain_s=600.0)
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        async with asyncio.timeout(30.0):
            await lifecycle._finish(stage.mesh, runner)
    finally:
        writer.close()
        await runner.cleanup()


async def test_without_an_agent_it_works_and_leaves_and_neither_listens_nor_registers() -> None:
    app, opened = web.Application(), list[str]()
    kit.setup(app, name="ping", agent=False)
    app[MESH].settings = Settings(consul_addr="http://127.0.0.1:1", consul_token_file="/nowhere", host="0.0.0.0")
    working = asyncio.Event()

    async def store(_: web.Application) -> Any:
        opened.append("opened")
        yield
        opened.append("closed")

    async def work(_: web.Application) -> None:
        working.set()
        await asyncio.Event().wait()

    async def leave(_: web.Application) -> None:
        opened.append("given back")

    app.cleanup_ctx.append(store)
    kit.background(app, work)
    kit.on_drain(app, leave)
    served = asyncio.create_task(lifecycle.serve(app))
    await working.wait()
    assert (app[MESH].port, app[MESH].url, app[MESH].consul_note()) == (0, "", "")
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    assert opened == ["opened", "given back", "closed"]
