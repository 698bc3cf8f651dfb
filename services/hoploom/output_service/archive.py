"""Looks after a store's files while it is open: begins the next one, closes those before, lets those go that may.

What is known of closed files and of who has them stands in the table `meta` of the file that is written to, so it comes
along from file to file. It is noted there before a pruned file goes and after a closed one is there, so that a crash in
between costs nothing: what is half done is seen in the folder, and done.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable
from hoploom.output_service import closing, confirmations, disk, folder, hop_feed, pruning
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.confirmations import Confirmed
from hoploom.output_service.opening import CLOSED, CONFIRMED
from hoploom.output_service.pruning import Policy
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store

log = logging.getLogger(__name__)
LOOK_S = 1.0
"""So long may a file be too large; at 50 MB a second that is little of it."""

AGAIN_S = 30.0
_DAY_S, _HOUR_S, _MB = 86_400, 3600, 1_000_000
_FILES = metrics.gauge("hoploom_output_files", "Files of results, the one that is written to among them.")
_BYTES = metrics.gauge("hoploom_output_files_bytes", "What all files of results take on the disk.")
_FREE = metrics.gauge("hoploom_output_disk_free_bytes", "What is free on the disk that results are stored on.")
_WAITING = metrics.gauge(
    "hoploom_output_oldest_unconfirmed_seconds", "Age of the oldest closed file that no data set of the policy has."
)
_ROTATIONS = metrics.counter("hoploom_output_rotations_total", "Files that were begun after another.")
_PRUNES = metrics.counter("hoploom_output_prunes_total", "Closed files that were removed.", ("confirmed",))


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a file is closed, and when it goes.

    Attributes:
        rotate_bytes: Size at which the next file is begun.
        rotate_age_s: Age at which it is, in seconds, unless it is empty.
        policy: Which closed files go.
    """

    rotate_bytes: float
    rotate_age_s: float
    policy: Policy

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """As the settings say.

        Raises:
            ConfigError: A data set is named that there cannot be.
        """
        names = tuple(name for text in settings.prune_confirmed_by.split(",") if (name := text.strip()))
        for name in names:
            if not confirmations.NAME.fullmatch(name):
                raise ConfigError(f"--prune-confirmed-by: {name!r} is no name of a data set")
        return cls(settings.rotate_bytes, settings.rotate_age_s, Policy(names, settings.keep_days))


class Archive:
    """The files of one open store; used in the loop alone."""

    def __init__(self, store: Store, limits: Limits) -> None:
        """Take over what the store knows of its files."""
        self._store, self._limits = store, limits
        # One word after another: what is known decides what is taken.
        self._confirming = asyncio.Lock()
        self.confirmed: Mapping[str, Confirmed] = store.confirmed
        # Notes that the disk had no room for yet.
        self._unkept: dict[str, str] = {}

    async def run(self) -> None:
        """Look after the files, for ever."""
        while True:
            try:
                await self.step()
                pause_s = LOOK_S
            except (Unavailable, OSError) as error:
                log.warning("the files stay as they are for %s s: %s", AGAIN_S, error)
                pause_s = AGAIN_S
            await asyncio.sleep(pause_s)

    async def step(self) -> None:
        """Do what is due.

        Raises:
            Unavailable: The disk is full, or a file cannot be read; nothing is lost, and it is tried again.
            OSError: The same.
        """
        # What makes room comes first.
        await self._prune()
        await asyncio.to_thread(self._remove_unread)
        for name, text in tuple(self._unkept.items()):
            await self._note(name, text)
        await asyncio.to_thread(self._measure)
        if await self._store.rotate(self._limits.rotate_bytes, self._limits.rotate_age_s):
            _ROTATIONS.inc()
        await self._close_all()
        await self._store.prepare()

    async def confirm(self, said: Confirmed) -> Confirmed:
        """Keep how far a data set has this store.

        Raises:
            Conflict: It counts no more.
            Unavailable: It could not be kept.
        """
        async with self._confirming:
            taken, name = confirmations.taken(self.confirmed, said), f"{CONFIRMED}{said.name}"
            before = self.confirmed.get(said.name)
            # It counts also while the disk is too full to keep it: what it lets go makes the room. Who is not told that
            # it was kept says it again.
            self.confirmed = {**self.confirmed, taken.name: taken}
            if taken != before or name in self._unkept:
                await self._note(name, taken.to_text())
        if before and before.uuid != taken.uuid:
            log.warning("data set %s was made anew: it has this store up to %s", taken.name, taken.upto)
        return taken

    def listing(self) -> list[dict[str, Any]]:
        """All closed files, as they are listed."""
        return [file.to_json() for file in self._store.files.closed]

    def report(self) -> str:
        """In words for the Consul UI."""
        files = self._store.files
        kept = [file for file in files.closed if not file.pruned]
        words = f"{folder.live(files.live)} is written to"
        if kept or files.unclosed:
            words += f", {len(kept) + len(files.unclosed)} files before it"
        since_us = pruning.oldest_unconfirmed_us(kept, self.confirmed, self._limits.policy)
        if since_us is not None and self._limits.policy.confirmed_by:
            words += f", the oldest of them waits for its data sets for {_age(wall_us() - since_us)}"
        return words

    async def _close_all(self) -> None:
        """Close what is to be closed: one that cannot be read holds up none after it, or nothing would ever go."""
        trouble: Unavailable | None = None
        for number in self._store.files.unclosed:
            try:
                await self._close(number)
            except OutOfSpace:
                raise
            except Unavailable as error:
                log.warning("%s cannot be closed: %s", folder.live(number), error)
                trouble = error
        if trouble:
            raise trouble

    async def _close(self, number: int) -> None:
        store = self._store
        file = await store.copying.run(closing.close, store.files, number, store.uuid, lambda: store.copying.has_ended)
        await store.note(f"{CLOSED}{number:06d}", file.to_text())
        store.files.was_closed(file)
        log.info("%s is closed: batches %s to %s, %s bytes", file.name, file.first_seq, file.last_seq, file.bytes)

    async def _prune(self) -> None:
        files = self._store.files.closed
        policy = self._limits.policy
        if not (policy.confirmed_by or policy.keep_days) or all(file.pruned for file in files):
            return
        told_upto = await hop_feed.told_upto(self._store)
        for prune in pruning.due(files, self.confirmed, policy, wall_us(), told_upto=told_upto):
            if not prune.is_confirmed:
                log.warning("%s goes for its age, and not every data set has it", prune.file.name)
            await self._let_go(prune.file)
            _PRUNES.labels("yes" if prune.is_confirmed else "no").inc()

    async def _let_go(self, file: ClosedFile) -> None:
        gone = dataclasses.replace(file, pruned=True)
        # On a full disk there is room for the note when the file has gone; after a crash it is missed in the folder.
        with contextlib.suppress(OutOfSpace):
            await self._note(f"{CLOSED}{file.number:06d}", gone.to_text())
        self._store.files.was_closed(gone)
        log.info("%s is pruned", file.name)

    async def _note(self, name: str, text: str) -> None:
        self._unkept[name] = text
        await self._store.note(name, text)
        if self._unkept.get(name) == text:
            del self._unkept[name]

    def _remove_unread(self) -> None:
        for path in self._store.files.unread():
            disk.remove(path)

    def _measure(self) -> None:
        files = self._store.files
        _FILES.set(len(files.numbers()))
        _BYTES.set(files.size_bytes())
        _FREE.set(disk.free_bytes(files.folder))
        since_us = pruning.oldest_unconfirmed_us(files.closed, self.confirmed, self._limits.policy)
        _WAITING.set(0 if since_us is None else max(0, wall_us() - since_us) / 1_000_000)


def _age(us: int) -> str:
    seconds = max(0, us) // 1_000_000
    return f"{seconds // _DAY_S} days" if seconds >= 2 * _DAY_S else f"{seconds // _HOUR_S} hours"
