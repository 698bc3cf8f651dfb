"""From start to stop: listen, register, serve, and leave without failing a request.

The stop order, each step bounded: hand over (`on_drain`) -> maintenance mode, `Connection: close` -> gone from every
passing Fabio -> nothing in flight -> listener closed -> what nobody asks for any more is given up (`on_left`) ->
deregistered, session ended -> stores and clients closed. One task group owns every background task; when one of them
fails, the process ends and the scheduler starts another.
A member without an agent (`setup(agent=False)`) neither listens nor registers; all else is the same.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from hoploom.kit import logs, metrics, notify, ports, registration, routed
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_app import health_app
from hoploom.kit.membership import MESH, Loop, Mesh, State
from hoploom.kit.settings import Settings, load

log = logging.getLogger(__name__)
S = TypeVar("S", bound=Settings)
UNROUTED_CAP_S = 5.0
HAND_OVER_CAP_S = 5.0
TELL_CAP_S = 2.0
LEFT_CAP_S = 2.0
# A router may have picked this instance just before it let go of it; its request arrives within milliseconds.
SETTLE_S = 0.1
# Fabio keeps idle connections for 15 s; ours must be kept longer, or a request meets a closing connection.
KEEPALIVE_S = 75.0
# Open connections get this long when the listener has closed; nothing is in flight any more by then.
SHUTDOWN_S = 1.0
_LAG = metrics.gauge("hoploom_event_loop_lag_seconds", "How late the event loop last woke.")
_LAG_EVERY_S = 0.25


def run(app: web.Application, settings: Settings | None = None) -> None:
    """Serve an application that `setup` has put on the mesh until SIGTERM or SIGINT, then drain.

    Args:
        app: The application.
        settings: Its settings; None reads the kit's own from flags, environment and file.

    A wrong setting ends the process with one sentence and exit code 2.
    """
    mesh, wrong = app[MESH], list[BaseException]()
    try:
        mesh.settings = settings or load(ports.settings_class(mesh.further), mesh.name)
        logs.configure(mesh.settings.log_level, mesh.settings.log_format, mesh.id)
        asyncio.run(serve(app))
    except* ConfigError as found:
        # A background task may find it too, and then it comes in a group.
        wrong = _leaves(found)
    if wrong:
        print(f"{mesh.name}: " + "; ".join(map(_plain(mesh.name), wrong)), file=sys.stderr)
        sys.exit(2)


def main(make_app: Callable[[S], web.Application], cls: type[S], program: str) -> None:
    """The whole of a service's `__main__`: read its settings, make its application, run it.

    A wrong setting ends the process with one sentence and exit code 2.
    """
    try:
        settings = load(cls, program)
        app = make_app(settings)
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    # What was imported stays: looking through it again takes the collector 40 ms, in which nobody is answered.
    gc.freeze()
    run(app, settings)


def background(app: web.Application, loop: Loop) -> None:
    """Run `await loop(app)` beside the server for as long as it serves."""
    app[MESH].loops.append(loop)


def on_drain(app: web.Application, step: Loop) -> None:
    """Run `await step(app)` first when stopping: hand over what this instance holds. At most 5 s.

    Requests still come, before and after: what answers them has to stay. What they need is given up by `on_left`.
    """
    app[MESH].drain_steps.append(step)


def on_left(app: web.Application, step: Loop) -> None:
    """Run `await step(app)` when nobody asks this instance any more: give up what its answers needed. At most 2 s."""
    app[MESH].left_steps.append(step)


def health_routes(app: web.Application, routes: list[web.RouteDef]) -> None:
    """Answer these routes on the health port too."""
    app[MESH].health_routes.extend(routes)


async def serve(app: web.Application) -> None:
    """Serve until a signal asks to stop; returns after the drain."""
    mesh, stop = app[MESH], asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if mesh.agent:
        mesh.check_address()
    async with contextlib.AsyncExitStack() as stack:
        runner = await _runner(stack, app)
        if mesh.agent:
            await _listen(runner, mesh.settings, "port")
            mesh.port = int(runner.addresses[0][1])
        if mesh.settings.health_port:
            await _listen(await _runner(stack, health_app(app)), mesh.settings, "health_port")
        await _live(app, stop, runner)
    log.info("stopped")


async def _live(app: web.Application, stop: asyncio.Event, runner: web.AppRunner) -> None:
    mesh = app[MESH]
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.append(group.create_task(work))

        for further in mesh.further:
            spawn(ports.hold(app, further, mesh.settings))
            await further.listens.wait()
        mesh.spawn, mesh.state = spawn, State.SERVING
        keeper = group.create_task(_books(mesh))
        spawn(notify.keep(mesh))
        spawn(_watch_lag(mesh))
        if mesh.has_session:
            spawn(mesh.session.run())
        for loop in mesh.loops:
            spawn(loop(app))
        await stop.wait()
        await drain(app, keeper, runner)
        # Whoever still asks for a watch now must not keep the group open.
        mesh.spawn = None
        for task in tasks:
            task.cancel()


async def drain(app: web.Application, keeper: asyncio.Task[None], runner: web.AppRunner) -> None:
    """Leave the mesh in the stop order; every step is bounded, and a step that fails is logged and passed."""
    mesh = app[MESH]
    log.info("draining: %s", mesh.in_flight)
    await _hand_over(app)
    keeper.cancel()
    mesh.state = State.DRAINING
    # Without routes too: other services ask this instance directly and watch the same list.
    if mesh.inbound and await _maintained(mesh):
        if mesh.routed_ports and not await routed.until_gone(mesh, UNROUTED_CAP_S):
            log.warning("still listed by a Fabio after %s s; going on", UNROUTED_CAP_S)
        await asyncio.sleep(SETTLE_S)
    await asyncio.gather(_finish(mesh, runner), ports.close(mesh.further, mesh.settings.drain_s))
    await _steps(app, mesh.left_steps, LEFT_CAP_S)
    if mesh.agent:
        await asyncio.gather(*(_told(mesh.consul.deregister(service_id)) for service_id in mesh.ids))
    if mesh.has_session:
        await _told(mesh.session.destroy())


async def _maintained(mesh: Mesh) -> bool:
    """Into maintenance mode with everything that it has entered; whether Consul took any of it."""
    tell = partial(mesh.consul.maintenance, enable=True, reason="draining")
    return any(await asyncio.gather(*(_told(tell(service_id)) for service_id in mesh.ids)))


async def _no_books() -> None:
    """Stands for the keeping of a registration where there is no agent."""


def _books(mesh: Mesh) -> Coroutine[Any, Any, None]:
    if not mesh.agent:
        return _no_books()
    # A wrong address or token file is said here, before any task runs.
    _ = mesh.consul
    return registration.keep(mesh)


async def _finish(mesh: Mesh, runner: web.AppRunner) -> None:
    """Let the last handlers return, close the listener, and let the last bytes of their answers out."""
    clock, most_s = asyncio.get_running_loop().time, mesh.settings.drain_s
    until = clock() + most_s
    if not await mesh.in_flight.idle(most_s):
        log.warning("after %s s still %s", most_s, mesh.in_flight)
    for site in list(runner.sites):
        await site.stop()
    # A file or a large body is sent after its handler has returned, and is not counted any more by then.
    if runner.server:
        # Kept connections on which nothing is asked; a shutdown alone would wait for each of them in vain.
        runner.server.pre_shutdown()
        await runner.server.shutdown(max(SHUTDOWN_S, until - clock()))


async def _hand_over(app: web.Application) -> None:
    async def first(app: web.Application) -> None:
        if app[MESH].leads:
            await app[MESH].leadership.hand_over()

    await _steps(app, [first, *app[MESH].drain_steps], HAND_OVER_CAP_S)


async def _steps(app: web.Application, steps: Sequence[Loop], cap_s: float) -> None:
    try:
        async with asyncio.timeout(cap_s):
            for step in steps:
                await _one_step(app, step)
    except TimeoutError:
        log.warning("hand-over was cut short after %s s", cap_s)


async def _one_step(app: web.Application, step: Loop) -> None:
    try:
        await step(app)
    except Unavailable as error:
        log.warning("hand-over was cut short: %s", error)
    except Exception:
        # Also a bug of one step must not cost the requests in flight: the rest of the stop order goes on.
        log.exception("hand-over failed")


async def _told(call: Coroutine[Any, Any, None]) -> bool:
    try:
        await asyncio.wait_for(call, TELL_CAP_S)
    except (TimeoutError, Unavailable) as error:
        log.warning("leaving without telling Consul: %s", str(error) or "no answer in time")
        return False
    return True


async def _runner(stack: contextlib.AsyncExitStack, app: web.Application) -> web.AppRunner:
    """Open what the application needs; closed with the stack."""
    # Undoing encodings is what bombs are made for; `http_app` refuses them.
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=SHUTDOWN_S,
        auto_decompress=False,
    )
    # First, so that what has been opened is closed when a later store cannot be.
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    return runner


async def _listen(runner: web.AppRunner, settings: Settings, setting: str) -> None:
    host, port = settings.host, int(getattr(settings, setting))
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        reason = error.strerror or str(error)
        flag = setting.replace("_", "-")
        raise ConfigError(f"cannot listen on {host} port {port}: {reason} (choose another with --{flag})") from error


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for each in group.exceptions:
        found.extend(_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    return found


def _plain(name: str) -> Callable[[BaseException], str]:
    return lambda error: str(error).removeprefix(f"{name}: ")


async def _watch_lag(mesh: Mesh) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + _LAG_EVERY_S
        await asyncio.sleep(_LAG_EVERY_S)
        mesh.lag_s = max(0.0, clock() - due)
        _LAG.set(mesh.lag_s)
