"""What systemd hears: that the service is up, that its loop turns, and how it does."""

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from hoploom import kit
from hoploom.kit import notify
from hoploom.kit.errors import ConfigError
from hoploom.kit.membership import MESH, State
from hoploom.kit.notify import Overseer


@pytest.fixture
def heard() -> Iterator[socket.socket]:
    """What systemd listens on; its path is short enough for a socket."""
    with (
        tempfile.TemporaryDirectory(prefix="notify-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found,
    ):
        found.bind(str(Path(folder, "s")))
        found.setblocking(False)
        yield found


READ: list[tuple[str, dict[str, str], Overseer]] = [
    ("nobody asked", {}, Overseer()),
    ("systemd without a watchdog", {"NOTIFY_SOCKET": "/s"}, Overseer("/s", 0.0)),
    ("with one", {"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, Overseer("/s", 30.0)),
    ("one for another process", {"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "8"}, Overseer("/s")),
]


@pytest.mark.parametrize(("environ", "expected"), [each[1:] for each in READ], ids=[each[0] for each in READ])
def test_what_systemd_asked_for(environ: Mapping[str, str], expected: Overseer) -> None:
    assert Overseer.of(environ, 7) == expected


def test_a_watchdog_time_that_is_none_is_said() -> None:
    with pytest.raises(ConfigError, match="no number"):
        Overseer.of({"WATCHDOG_USEC": "soon"}, 7)


@pytest.mark.parametrize(("watchdog_s", "every_s"), [(0.0, 5.0), (30.0, 5.0), (3.0, 1.0)])
def test_two_words_may_be_late(watchdog_s: float, every_s: float) -> None:
    assert Overseer("/s", watchdog_s).every_s == every_s


def test_a_status_is_one_line_of_bounded_length() -> None:
    assert notify.status("a\nREADY=1\n b") == "STATUS=a READY=1 b"
    assert len(notify.status("x" * 1000)) == len("STATUS=") + notify.MAX_STATUS


def test_a_socket_without_a_file_and_one_that_is_gone() -> None:
    name = f"@hoploom-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind("\0" + name[1:])
        Overseer(name).tell("READY=1", "STATUS=up")
        assert found.recv(100) == b"READY=1\nSTATUS=up"
    Overseer(name).tell("WATCHDOG=1")
    Overseer().tell("WATCHDOG=1")


async def test_a_service_says_that_it_is_up_and_goes_on_saying_that_it_lives(heard: socket.socket) -> None:
    app, loop = web.Application(), asyncio.get_running_loop()
    kit.setup(app, name="ping", agent=False)
    mesh = app[MESH]
    mesh.state = State.SERVING
    mesh.reports.append(lambda: "probing c1")
    keeping = asyncio.create_task(notify.keep(mesh, Overseer(heard.getsockname(), 0.003)))
    said = [await loop.sock_recv(heard, 500) for _ in range(4)]
    keeping.cancel()
    assert said == [b"READY=1", *[b"WATCHDOG=1\nSTATUS=probing c1"] * 3]
