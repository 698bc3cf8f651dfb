"""The half of a worker behind the probing, as a process of its own that may be killed: it seals, spools and sends.

It notes in a ledger what it seals, before, and what the spool has taken, after; a killed process leaves that on record.
Faults make it break a rule, so that the checks are seen red.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hoploom.kit.balance import ServiceClient
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service.lease_client import LeaseClient
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.probing import Sealed, boot_id
from hoploom.ping_service.segment import Name
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.spooling import MAX_SEALED, Spooling
from hoploom.ping_service.station import Station
from hoploom.ping_service.submitting import SENDERS, submit
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, digest, pack, unpack
from unit.wire.batches import make

SEALED, KEPT = "sealed", "kept"


class Ledger:
    """Lines that outlive the process: each is one write."""

    def __init__(self, path: Path) -> None:
        """Append to a file that may be there."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, what: str, batch: str, content: str = "") -> None:
        """Write one line."""
        os.write(self._descriptor, f"{what} {batch} {content}".strip().encode() + b"\n")


class NotedSpool(Spool):
    """A spool that notes what it has taken."""

    ledger: Ledger

    def write(self, bodies: Mapping[Name, bytes]) -> None:
        """As a spool does."""
        super().write(bodies)
        for name in bodies:
            self.ledger.note(KEPT, name.batch)


def batch() -> Batch:
    """A batch that nobody has made before."""
    rows = random.randint(1, 100)
    return make(random.randrange(1000), rows, batch=str(uuid.uuid4()), boot_id=boot_id())


async def live(folder: Path, url: str, ledger: Ledger, most: int, max_bytes: int) -> None:
    """Make batches as fast as they are taken, at most so many, and send them, for ever.

    Args:
        folder: The spool's folder.
        url: The output's.
        ledger: Where to note.
        most: Batches to make.
        max_bytes: What the spool may hold.
    """
    http = HttpClient()
    station = Station(Settings(worker="lab"), LeaseClient(ServiceClient.through(http, url), "secret", "lab"))
    spool = NotedSpool(folder, max_bytes)
    spool.ledger = ledger
    outbox, sealed = Outbox(spool, station.clock, boot_id()), asyncio.Queue[Sealed](MAX_SEALED)
    await outbox.open(10.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(Spooling(station, outbox, sealed).run())
        for _ in range(SENDERS):
            group.create_task(submit(station, outbox))
        for _ in range(most):
            while station.full:
                await station.news()
            made = batch()
            ledger.note(SEALED, made.batch, digest(made).hex())
            await sealed.put(Sealed(made, counts=True))


def remove_early() -> None:
    """Break a rule: forget a segment before the output has it."""
    body = Outbox.body

    async def hasty(outbox: Outbox, waiting: object) -> bytes:
        found = await body(outbox, waiting)  # type: ignore[arg-type]
        await outbox.stored(waiting.name)  # type: ignore[attr-defined]
        return found

    Outbox.body = hasty  # type: ignore[assignment]


def recut() -> None:
    """Break a rule: what is sent again is not what was sealed."""
    restamped = batch_codec.restamped

    def changed(body: bytes, boot_id: str, sent_monotonic_us: int) -> bytes:
        found = unpack(restamped(body, boot_id, sent_monotonic_us), MEDIA_TYPE_ZSTD)
        return pack(make(7, 3, batch=found.batch))

    batch_codec.restamped = changed


def never_sync() -> None:
    """Break a rule: leave it to the system when something comes to the disk."""
    os.fsync = lambda _: None  # type: ignore[assignment]


def no_folder_sync() -> None:
    """Break a rule: leave it to the system when a name comes to the disk."""
    Spool._sync_folder = _nothing  # type: ignore[method-assign, assignment]


def _nothing(_: Spool) -> None:
    """Do nothing."""


FAULTS: Mapping[str, Callable[[], None]] = {
    each.__name__: each for each in (remove_early, recut, never_sync, no_folder_sync)
}


def main(folder: str, url: str, ledger: str, most: int = 10**9, max_bytes: int = 2**30, fault: str = "") -> None:
    """Live until killed."""
    # Nobody answers well here; that is no news.
    logging.disable(logging.CRITICAL)
    # A forked process goes on with the luck of its parent.
    random.seed()
    if fault:
        FAULTS[fault]()
    asyncio.run(live(Path(folder), url, Ledger(Path(ledger)), most, max_bytes))


def breed() -> None:
    """Fork such a process for each line of arguments (JSON) that comes, and answer its id: all is imported by then."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
        else:
            main(**json.loads(line))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        breed()
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__)
    for each in ("folder", "url", "ledger"):
        parser.add_argument(each)
    parser.add_argument("--most", type=int, default=10**9)
    parser.add_argument("--max-bytes", type=int, default=2**30)
    parser.add_argument("--fault", default="", choices=["", *FAULTS])
    main(**vars(parser.parse_args()))
