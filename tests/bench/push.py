"""Idle connections: what one takes, how quickly all are told something, and how they come back when a manager stops.

Memory is the slope between 2,000 and 8,000 connections of one process, beside aiohttp's own streams and bare protocols.
All is on loopback: servers are processes of their own, and all clients are in this one.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine_processes import ConsulAgent, FabioRouter, ask, free_ports
from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.manager.push.opening import raise_limit, retry_s
from lab.push_clients import Crowd
from lab.push_server import HOST, MUCH, SAID
from waiting import until

FEW, MANY, RETURNING = 2_000, 8_000, 10_000
ROUNDS = 20
STORM_S = 10.0
USER_BYTES = 1_800
FLOOR_WRITES = 200_000
_FLOOR = "writes of one process to one socket"


def measure(scale: float = 1.0) -> list[Figure]:
    """All figures, with that part of the usual number of connections."""
    raise_limit()
    few, many, returning = (max(200, round(each * scale)) for each in (FEW, MANY, RETURNING))
    return [*_memory(few, many), *_broadcasts(many), _storm(returning), _through_fabio(few // 4, many // 4)]


class _Server:
    """A server of one kind in its own process."""

    def __init__(self, kind: str) -> None:
        [self.port] = free_ports(1)
        command = [sys.executable, "-m", "lab.push_server", kind, str(self.port)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(command, env=environ)
        until("the server listens", self._answers, 20, every_s=0.05)

    def post(self, path: str) -> dict[str, Any]:
        """Have it do something; what it says of it."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        connection.request("POST", path)
        body = connection.getresponse().read()
        connection.close()
        return json.loads(body) if body else {}

    def pss_bytes(self) -> int:
        """Its memory."""
        return _pss_bytes(self.process.pid)

    def cpu_s(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
            connection.connect()
        except OSError:
            return False
        connection.close()
        return True


@contextmanager
def _served(kind: str) -> Iterator[tuple[_Server, Crowd]]:
    server = _Server(kind)
    crowd = Crowd(server.port)
    try:
        yield server, crowd
    finally:
        crowd.close()
        server.process.terminate()
        server.process.wait(30)


def _memory(few: int, many: int) -> list[Figure]:
    """Bytes of each more connection: of the process, and of the kernel for both ends, which are on this machine."""
    found = {kind: _slope(kind, few, many) for kind in ("protocol", "sse", "hub")}
    (user, kernel, connect_us), sse, bare = found["hub"], found["sse"][0], found["protocol"][0]
    return [
        at_most("memory of a connection", user, "bytes", USER_BYTES, ("a bare protocol", bare)),
        at_most("memory of a connection, than aiohttp's", user, "bytes", USER_BYTES, ("aiohttp's own SSE", sse)),
        at_most("kernel memory of a connection, both ends", kernel, "bytes", 16_384),
        at_most("CPU of a handshake", connect_us, "us", 2_000),
    ]


def _slope(kind: str, few: int, many: int) -> tuple[float, float, float]:
    with _served(kind) as (server, crowd):
        crowd.join(few)
        pss, slab, cpu_s = server.pss_bytes(), _slab_bytes(), server.cpu_s()
        crowd.join(many - few)
        after = (server.pss_bytes() - pss, _slab_bytes() - slab, 1e6 * (server.cpu_s() - cpu_s))
        user, kernel, connect_us = (each / (many - few) for each in after)
        return user, kernel, connect_us


def _pss_bytes(pid: int) -> int:
    """Memory of a process; what it shares with others counts in parts (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1_024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _slab_bytes() -> int:
    """What the kernel has allotted for its objects, sockets among them."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return 1_024 * next(int(line.split()[1]) for line in lines if line.startswith("Slab:"))


def _broadcasts(many: int) -> list[Figure]:
    """One message to all, again and again; then with one among them who reads nothing."""
    floor = _floor()
    with _served("hub") as (server, crowd):
        crowd.join(many)
        said = list[dict[str, Any]]()

        def say() -> None:
            said.append(server.post("/say"))

        last_ms = [1_000 * crowd.read(SAID, say) for _ in range(ROUNDS)]
        rates = [each["count"] / each["took_s"] for each in said]
        cpu_us = statistics.median(1e6 * each["cpu_s"] / each["count"] for each in said)
        slow_ms, without_ms, dropped = _with_a_slow_one(server, crowd)
    median_ms = statistics.median(last_ms)
    rate = at_least("messages a second", statistics.median(rates), "/s", 50_000, (_FLOOR, floor))
    return [
        replace(rate, raw=tuple(round(each) for each in rates)),
        at_most("CPU of a message", cpu_us, "us", 20),
        replace(at_most(f"the last of {many} is told", median_ms, "ms", 1_000), raw=tuple(last_ms)),
        at_most("4 kB to all beside one who reads nothing, longest", slow_ms, "ms", 3_000, ("without", without_ms)),
        at_least("who reads nothing is dropped", dropped, "connections", 1),
    ]


def _with_a_slow_one(server: _Server, crowd: Crowd) -> tuple[float, float, int]:
    """The longest time until all others have 4 kB, while one fills its buffers; the same without; how many went."""
    answer = dict[str, Any]()

    def say() -> None:
        answer.update(server.post("/say?much"))

    without_ms = max(1_000 * crowd.read(MUCH[-8:], say) for _ in range(ROUNDS // 4))
    crowd.deafen()
    before, longest_ms = len(crowd), 0.0
    for _ in range(ROUNDS):
        longest_ms = max(longest_ms, 1_000 * crowd.read(MUCH[-8:], say, without=1))
        if answer["count"] < before:
            break
    return longest_ms, without_ms, before - int(answer["count"])


def _floor() -> float:
    """Messages a second that one process writes to one socket whose other end is read now and then: the calls alone."""
    with socket.create_server((HOST, 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        other, _ = listener.accept()
    began_s, fd = time.perf_counter(), one.fileno()
    for number in range(FLOOR_WRITES):
        os.write(fd, SAID)
        if not number % 64:
            other.recv(65_536)
    took_s = time.perf_counter() - began_s
    one.close()
    other.close()
    return FLOOR_WRITES / took_s


def _storm(count: int) -> Figure:
    """One manager sends all away, with its hint when to come back; until the other one has answered the last."""
    with _served("hub") as (first, crowd), _served("hub") as (_, others):
        crowd.join(count)
        first.post("/drain")
        crowd.until_all_ended()
        took_s = others.join(count, retry_s(count))
    return at_most(f"{count} come back to another manager", took_s, "s", STORM_S, ("spread over", retry_s(count)))


def _through_fabio(few: int, many: int) -> Figure:
    """What a router in between takes for each more connection, beside its two sockets."""
    paths = engines.ensure(["consul", "fabio"], report=lambda _: None)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        agent = ConsulAgent(paths["consul"].path, Path(folder, "consul"))
        stack.callback(agent.stop)
        agent.start()
        server, _ = stack.enter_context(_served("hub"))
        check = {"TTL": "600s", "Status": "passing"}
        record = {"Name": "manager", "Address": HOST, "Port": server.port, "Tags": ["urlprefix-/push"], "Check": check}
        ask("PUT", f"{agent.url}/v1/agent/service/register", record)
        fabio = FabioRouter(paths["fabio"].path, Path(folder, "fabio"), "a", agent)
        stack.callback(fabio.stop)
        fabio.start()
        until("Fabio routes to it", lambda: fabio.targets("manager"), 20)
        crowd = Crowd(int(fabio.url.rpartition(":")[2]))
        stack.callback(crowd.close)
        crowd.join(few)
        before = _pss_bytes(fabio.pid)
        crowd.join(many - few)
        added = (_pss_bytes(fabio.pid) - before) / (many - few)
    return at_most("memory that Fabio takes for a connection", added, "bytes", 131_072)
