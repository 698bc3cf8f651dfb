"""The overlay over a real Consul: two input processes, a pause posted at one, a long poll at the other."""

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine_processes import Child, ConsulAgent, ask, free_ports
from hoploom.wire.overlay_record import KEY
from waiting import until

TIMEOUT_S = 30


@dataclass
class Input:
    """An input process."""

    url: str
    child: Child

    def overlay(self, known: int = -1, wait_s: int = 0) -> dict[str, Any] | None:
        """The overlay by `GET`; None for 304."""
        status, answer = self.ask("GET", f"?known={known}&wait_s={wait_s}")
        assert status in (200, 304), answer
        return answer["overlay"] if status == 200 else None

    def pause(self, *, paused: bool) -> dict[str, Any]:
        """Pause or resume everything."""
        status, answer = self.ask("POST", "/pause", {"v": 1, "paused": paused})
        assert status == 200, answer
        found: dict[str, Any] = answer["overlay"]
        return found

    def has_read(self) -> bool:
        """Whether it knows the overlay."""
        return self.ask("GET", "/summary")[0] == 200

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; (0, None) where nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer operator-secret"}
        request = urllib.request.Request(f"{self.url}/api/v1/overlay{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None
        except OSError:
            return 0, None


class Poll(threading.Thread):
    """A long poll beside the test."""

    def __init__(self, at: Input, known: int) -> None:
        super().__init__(daemon=True)
        self._at, self._known = at, known
        self.found: dict[str, Any] | None = None
        self.ended_s = 0.0
        self.start()
        until("the poll has arrived", self._has_arrived, 10, every_s=0.02)

    def _has_arrived(self) -> bool:
        # The question itself is one of those in flight.
        with urllib.request.urlopen(f"{self._at.url}/health", timeout=TIMEOUT_S) as answer:
            return b" 2 requests in flight" in answer.read()

    def run(self) -> None:
        self.found = self._at.overlay(self._known, 25)
        self.ended_s = time.monotonic()

    def end(self) -> float:
        """When it ended, by the monotonic clock."""
        self.join(TIMEOUT_S)
        assert self.ended_s, "the poll did not end"
        return self.ended_s


@pytest.fixture
def consul(engine_paths: dict[str, Path], tmp_path: Path) -> Iterator[ConsulAgent]:
    agent = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


@pytest.fixture
def inputs(consul: ConsulAgent, tmp_path: Path) -> Iterator[list[Input]]:
    (tmp_path / "operator").write_text("operator-secret\n")
    command = [sys.executable, "-m", "hoploom.input_service", "--log-format", "text", "--consul-addr", consul.url,
               "--operator-token-file", str(tmp_path / "operator")]
    found = []
    try:
        for port in free_ports(2):
            child = Child([*command, "--port", str(port)], tmp_path / f"input-{port}.log")
            child.start()
            found.append(Input(f"http://127.0.0.1:{port}", child))
        for each in found:
            until("the overlay is read", each.has_read, 20)
        yield found
    finally:
        for each in found:
            each.child.stop()


@pytest.mark.timed(0.5)
def test_a_pause_at_one_instance_wakes_the_long_poll_at_the_other_within_a_second(inputs: list[Input]) -> None:
    here, there = inputs
    took_s = []
    version = 0
    for paused in (True, False) * 5:
        poll = Poll(there, version)
        began_s = time.monotonic()
        document = here.pause(paused=paused)
        took_s.append(poll.end() - began_s)
        assert poll.found == document
        version = document["version"]
    print(f"a change reached the other instance's long poll after at most {max(took_s):.3f} s")
    assert max(took_s) < 1.0
    assert version == 10


@pytest.mark.timed(0.5)
def test_an_instance_that_stops_ends_its_long_polls_and_is_not_held_up(inputs: list[Input]) -> None:
    here, there = inputs
    poll = Poll(there, 0)
    began_s = time.monotonic()
    stopping = threading.Thread(target=there.child.stop)
    stopping.start()
    assert poll.end() - began_s < 1.0
    assert poll.found is None
    stopping.join(TIMEOUT_S)
    # Its longest time to wait for requests in flight is 10 s.
    assert time.monotonic() - began_s < 8.0
    assert here.pause(paused=True)["paused"]


def test_what_a_restored_consul_has_forgotten_is_put_back(inputs: list[Input], consul: ConsulAgent) -> None:
    here, there = inputs
    with urllib.request.urlopen(f"{consul.url}/v1/snapshot", timeout=TIMEOUT_S) as answer:
        snapshot = answer.read()
    here.ask("POST", "/opt-outs", {"v": 1, "block": "192.0.2.0/24"})
    document = here.pause(paused=True)
    until("the other knows", lambda: there.overlay() == document, 5)
    restore = urllib.request.Request(f"{consul.url}/v1/snapshot", snapshot, method="PUT")
    urllib.request.urlopen(restore, timeout=TIMEOUT_S).close()
    until("it is in Consul again", lambda: ask("GET", f"{consul.url}/v1/kv/{KEY}"), 20)
    assert here.overlay() == there.overlay() == document
    assert there.pause(paused=False)["version"] == document["version"] + 1
    until("both resume", lambda: here.overlay() == there.overlay() != document, 5)


def test_a_pause_outlives_consul_and_is_known_while_it_is_away(inputs: list[Input], consul: ConsulAgent) -> None:
    here, there = inputs
    document = here.pause(paused=True)
    until("the other knows", lambda: there.overlay() == document, 5)
    consul.stop()
    assert here.overlay() == there.overlay() == document
    assert here.ask("POST", "/pause", {"v": 1, "paused": False})[0] == 503
    assert there.overlay(document["version"] + 1) is None, "cut off, it does not take back what another may have said"
    consul.start()

    def resumed() -> bool:
        return here.ask("POST", "/pause", {"v": 1, "paused": False})[0] == 200

    until("changes are taken again", resumed, 20)
    until("the other follows", lambda: (there.overlay() or document)["paused"] is False, 20)
