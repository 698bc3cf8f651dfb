"""The overlay in the KV store: changed by compare-and-set, followed by every instance, told to whoever waits for news.

What was read last is kept while Consul is away or the stored one is damaged; before the first read nothing is known,
and nothing is handed out. Versions only grow: where Consul has an older one than this instance knows (restored from a
copy, the key deleted), the newer one is put back, since people were promised that nobody probes them.

Each datacenter has an overlay of its own, which may be changed while it is cut off; over it lies the one of the mesh's
home, as it was pulled last (`documents`). Whatever is stricter holds.
"""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Callable
from dataclasses import replace

from hoploom.kit import metrics, watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed, pulled_key, read_stored, stored_version

log = logging.getLogger(__name__)
_TRIES = 50
_VERSION = metrics.gauge("hoploom_input_overlay_version", "Version of the overlay that this instance knows.")


def utc_today() -> str:
    """The day in UTC, as YYYY-MM-DD; the wall clock's, because days are for people."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


class Overlay:
    """The overlay as this instance knows it."""

    def __init__(self, consul: ConsulApi, today: Callable[[], str] = utc_today, home: str = "") -> None:
        """Know nothing yet.

        Args:
            consul: The KV store.
            today: The day in UTC.
            home: The datacenter whose overlay holds here too; empty where this one is the home.
        """
        self._consul, self.today, self._home = consul, today, home
        self._known: OverlayDocument | None = None
        self._homes: OverlayDocument | None = None if home else OverlayDocument()
        self._joined: OverlayDocument | None = None
        self._as_of = ""
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def current(self) -> OverlayDocument | None:
        """What holds today; None before the first read, also of the home's."""
        today = self.today()
        # Asked for every lease, so what has run out is looked for once a day.
        if self._joined is not None and self._as_of != today:
            self._joined, self._as_of = self._joined.on(today), today
        return self._joined

    @property
    def is_read(self) -> bool:
        """Whether this datacenter's has been read."""
        return self._known is not None

    def report(self) -> str:
        """What is missing, for the Consul UI; empty where nothing is."""
        if self._known is None or self._homes is not None:
            return ""
        return f"hands out nothing before it knows the opt-outs of {self._home}, the home datacenter"

    async def run(self) -> None:
        """Follow the stored overlay, for ever."""
        await watch.follow("the overlay", self._read_on, lambda found: self._tell(*found))

    async def news(self, known: int, wait_s: float) -> OverlayDocument | None:
        """The overlay as soon as its version is another than `known`; None when that takes longer than `wait_s`.

        An older one than the asker knows is given only after a consistent read: an instance that lags, or is cut off
        from Consul, must not take back what another one has said.
        """
        newest = self._joined is None or known <= self._joined.version
        lowest = known if newest or not await self._caught_up() else -1
        try:
            async with asyncio.timeout(wait_s):
                while not self._closed:
                    document = self.current
                    if document and document.version != known and document.version > lowest:
                        return document
                    await self._changed.wait()
        except TimeoutError:
            pass
        return None

    async def change(self, change: Callable[[OverlayDocument], OverlayDocument]) -> tuple[OverlayDocument, bool]:
        """Change this datacenter's overlay; what is so already stays as it is.

        Args:
            change: Takes the stored document; it may be called again when another was quicker.

        Returns:
            What holds afterwards, and whether it is new here.

        Raises:
            Unprocessable: It would be too large.
            Unavailable: Consul is away, or the stored document is damaged.
        """
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(KEY, consistent=True)
            if self._known is not None and _is_behind(entry, self._known):
                # A change of an older one would lose what people have said since.
                await self._put_back(self._known)
                continue
            before = read_stored(entry)
            after = change(before)
            if after == before:
                return before.joined(self._homes or OverlayDocument()), False
            after = replace(after.on(self.today()), version=before.version + 1)
            if await self._consul.kv_put(KEY, packed(after), cas=_index(entry)):
                self._tell(after, None)
                return after.joined(self._homes or OverlayDocument()), True
        raise Unavailable("too many others change pauses and opt-outs just now")

    def close(self) -> None:
        """Send everybody who waits away, because this instance stops."""
        self._closed = True
        self._wake()

    async def _read_on(self, index: int) -> tuple[int, tuple[OverlayDocument, OverlayDocument | None]]:
        found, entries = await self._consul.kv_watch(KEY, index)
        entry = next((each for each in entries if each.key == KEY), None)
        if entry is None:
            # A query that waits for a key that is not there returns at every write to the store.
            await self._consul.kv_put(KEY, packed(self._known or OverlayDocument()), cas=0)
        if self._known is not None and _is_behind(entry, self._known):
            await self._put_back(self._known)
        pulled = next((each for each in entries if each.key == pulled_key(self._home)), None) if self._home else None
        return found, (read_stored(entry), read_stored(pulled) if pulled else None)

    async def _put_back(self, known: OverlayDocument) -> None:
        """Write what this instance knows, unless what it read was only late."""
        entry = await self._consul.kv_get(KEY, consistent=True)
        if _is_behind(entry, known) and await self._consul.kv_put(KEY, packed(known), cas=_index(entry)):
            log.warning("Consul had an older overlay than version %s, or a damaged one: put back", known.version)

    async def _caught_up(self) -> bool:
        with contextlib.suppress(Unavailable):
            own = read_stored(await self._consul.kv_get(KEY, consistent=True))
            pulled = await self._consul.kv_get(pulled_key(self._home), consistent=True) if self._home else None
            self._tell(own, read_stored(pulled) if pulled else None)
            return True
        return False

    def _tell(self, own: OverlayDocument, homes: OverlayDocument | None) -> None:
        # A watch may be behind what this instance has just written itself.
        before = self._known, self._homes
        self._known, self._homes = _newer(self._known, own), _newer(self._homes, homes)
        if (self._known, self._homes) != before and self._known is not None and self._homes is not None:
            self._joined, self._as_of = self._known.joined(self._homes) if self._home else self._known, ""
            _VERSION.set(self._joined.version)
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _newer(known: OverlayDocument | None, found: OverlayDocument | None) -> OverlayDocument | None:
    return found if found and (known is None or found.version > known.version) else known


def _is_behind(entry: KvEntry | None, known: OverlayDocument) -> bool:
    return stored_version(entry) < known.version


def _index(entry: KvEntry | None) -> int:
    return entry.modify_index if entry else 0
