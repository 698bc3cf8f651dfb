"""Managers and workers as processes: cut off, killed, stopped, copied; the long run is `python3 tests lab ads`."""

import json
import shutil
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine_processes import ask
from hoploom import engines
from hoploom.manager.enrolment.records import WorkerRecord, packed, worker_key
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from hoploom.wire.enrolment import Enrolled
from lab.ads_run import Plan, run
from lab.ads_world import AdManagers
from lab.namespace import in_namespace, needs_root
from lab.process import always
from waiting import eventually


@needs_root
def test_managers_know_the_same_workers_and_none_that_is_dead(tmp_path: Path) -> None:
    found = run(tmp_path, Plan())
    print(found)
    assert found.wrong == []
    assert 0 < found.passed_on <= found.bound


async def _copied(consul: Path, folder: Path) -> None:
    """Two real workers with copies of one card at one manager, until both have stopped."""
    with AdManagers(consul, folder, 1) as world, ExitStack() as stack:
        url = world.urls[0]
        await eventually("the manager", lambda: world.name(0), 40)
        first = Pi(folder / "pi-a", url)
        first.join(world)
        stack.callback(first.process.kill)
        first.process.start()
        await eventually("the worker", lambda: _row(world, {"clash": False, "boot": 1}), 60)
        second = first.copy(folder / "pi-b")
        stack.callback(second.process.kill)
        # The card was copied while the worker ran: both have begun with the same count.
        (second.identity / "boot").write_text("0\n")
        second.process.start()
        await eventually("the clash", lambda: _row(world, {"clash": True, "status": "warning"}), 60)
        # Both before either stops: who is alone is told of no other.
        for each in (first, second):
            await eventually("word of it in its log", each.names_the_clash, 60)
        for each in (first, second):
            each.process.send(signal.SIGTERM)
        await eventually("their leave", lambda: _row(world, {"clash": False, "status": "left"}), 60)
        await world.http.close()


async def _row(world: AdManagers, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The worker on the manager's page, once it is as wanted."""
    found = await world.workers(0)
    return next((each for each in found if wanted.items() <= each.items()), None)


class Pi:
    """A small machine with a worker on it."""

    def __init__(self, folder: Path, url: str) -> None:
        """Run nothing yet."""
        folder.mkdir()
        self._folder, self._url, self.identity = folder, url, folder / "identity"
        words = ["--mesh-url", url, "--identity-dir", str(self.identity), "--spool-dir", str(folder / "spool")]
        self.process = always("worker", [sys.executable, "-m", "hoploom.ping_service", *words], folder)

    def join(self, world: AdManagers) -> None:
        """Have joined this mesh."""
        folder = IdentityFolder(self.identity)
        credential = world.worker("pi", key=folder.key()).next().credential
        answer = Enrolled(name="pi", number=1, credential=credential, ttl_s=3600)
        folder.write(Enrolment(mesh_url=self._url, answer=answer))
        record = WorkerRecord(name="pi", number=1, key=folder.key().public, invited_us=1, enrolled_us=2)
        assert ask("PUT", f"{world.agent.url}/v1/kv/{worker_key('pi')}", json.loads(packed(record))) is True

    def copy(self, folder: Path) -> "Pi":
        """Another machine with a copy of this one's card."""
        made = Pi(folder, self._url)
        shutil.copytree(self.identity, made.identity)
        return made

    def names_the_clash(self) -> bool:
        """Whether its log says what a person has to do."""
        return "another machine sends under this worker's name" in self.process.log.read_text()


@needs_root
def test_two_copies_of_one_card_are_named_by_the_manager_and_to_both(tmp_path: Path) -> None:
    consul = engines.ensure(["consul"], report=print)["consul"].path
    in_namespace(lambda: _copied(consul, tmp_path))
