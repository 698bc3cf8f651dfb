"""The half of a worker behind the probing, as a process of its own that may be killed: it seals, spools and sends.

It notes in a ledger what it seals, before, and what the spool has taken and an output has acknowledged, after; a killed
process leaves that on record.
Faults make it break a rule, so that the checks are seen red.
"""

import argparse
import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hoploom.kit.balance import ServiceClient
from hoploom.kit.http_client import HttpClient
from hoploom.kit.service_list import Addresses
from hoploom.ping_service import outbox
from hoploom.ping_service import spool as spool_module
from hoploom.ping_service.identity import Identity
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
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, digest, pack, unpack
from lab.made_batches import made
from unit.wire.batches import make

SEALED, KEPT, ACKED = "sealed", "kept", "acked"


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


class NotedOutbox(Outbox):
    """An outbox that notes what an output has acknowledged, before it forgets it."""

    ledger: Ledger

    async def stored(self, name: Name) -> None:
        """As an outbox does."""
        self.ledger.note(ACKED, name.batch)
        await super().stored(name)


async def live(settings: Settings, urls: Sequence[str], ledger: Ledger, most: int) -> None:
    """Make batches as fast as they are taken, at most so many, and send them, for ever.

    Args:
        settings: Where the spool is, what it may hold, and how often it is synced.
        urls: The outputs'; each send goes to any of them, and to another where the first does not answer.
        ledger: Where to note.
        most: Batches to make.
    """
    http = HttpClient()
    client = LeaseClient(_client(http, urls), Identity("lab", "secret"), "lab")
    station = Station(settings, client)
    spool = NotedSpool(settings.spool_folder(), settings.spool_bytes)
    spool.ledger = ledger
    waiting, sealed = NotedOutbox(spool, station.clock, boot_id()), asyncio.Queue[Sealed](MAX_SEALED)
    waiting.ledger = ledger
    await waiting.open(10.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(Spooling(station, waiting, sealed).run())
        for _ in range(SENDERS):
            group.create_task(submit(station, waiting))
        for _ in range(most):
            while station.full:
                await station.news()
            batch = made(str(uuid.uuid4()))
            ledger.note(SEALED, batch.batch, digest(batch).hex())
            await sealed.put(Sealed(batch, counts=True))


def _client(http: HttpClient, urls: Sequence[str]) -> ServiceClient:
    """A client of outputs that nobody watches over."""
    return ServiceClient(http, [Addresses(lambda: urls)])


def remove_early() -> None:
    """Break a rule: forget a segment before the output has it."""
    body = Outbox.body

    async def hasty(whole: Outbox, waiting: object) -> bytes:
        found = await body(whole, waiting)  # type: ignore[arg-type]
        await whole.stored(waiting.name)  # type: ignore[attr-defined]
        return found

    Outbox.body = hasty  # type: ignore[assignment]


def recut() -> None:
    """Break a rule: what is sent again is not what was sealed."""
    restamped = batch_codec.restamped

    def changed(body: bytes, boot_id: str, sent_monotonic_us: int) -> bytes:
        found = unpack(restamped(body, boot_id, sent_monotonic_us), MEDIA_TYPE_ZSTD)
        return pack(make(7, 3, batch=found.batch))

    batch_codec.restamped, outbox.FRESH_S = changed, -1.0


def never_sync() -> None:
    """Break a rule: leave it to the system when something comes to the disk."""
    os.fsync = lambda _: None  # type: ignore[assignment]


def no_folder_sync() -> None:
    """Break a rule: leave it to the system when a name comes to the disk."""
    sync = spool_module._sync
    spool_module._sync = lambda path: None if path.is_dir() else sync(path)


FAULTS: Mapping[str, Callable[[], None]] = {
    each.__name__: each for each in (remove_early, recut, never_sync, no_folder_sync)
}


def main(folder: str, urls: str, ledger: str, most: int = 10**9, sync_s: float = 0.0, fault: str = "") -> None:
    """Live until killed; `urls` with blanks between them."""
    # Nobody answers well here; that is no news.
    logging.disable(logging.CRITICAL)
    if fault:
        FAULTS[fault]()
    settings = Settings(worker="lab", spool_dir=folder, spool_bytes=2**30, sync_s=sync_s)
    asyncio.run(live(settings, urls.split(), Ledger(Path(ledger)), most))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for each in ("folder", "urls", "ledger"):
        parser.add_argument(each)
    parser.add_argument("--most", type=int, default=10**9)
    parser.add_argument("--sync-s", type=float, default=0.0)
    parser.add_argument("--fault", default="", choices=["", *FAULTS])
    main(**vars(parser.parse_args()))
