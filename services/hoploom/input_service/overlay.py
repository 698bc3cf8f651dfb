"""The overlay in the KV store: changed by compare-and-set, followed by every instance, told to whoever waits for news.

What was read last is kept while Consul is away; before the first read nothing is known, and nothing is handed out.
"""

import asyncio
import datetime
import json
import zlib
from collections.abc import Callable
from dataclasses import replace

from hoploom.kit import metrics, watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Unavailable, Unprocessable
from hoploom.wire.overlay import OverlayDocument

KEY = "hoploom/overlay"
MAX_BYTES = 60_000
"""Compressed; Consul's raft log slows down over 64 KB. Some ten thousand blocks."""

_TRIES = 50
_VERSION = metrics.gauge("hoploom_input_overlay_version", "Version of the overlay that this instance knows.")


class Overlay:
    """The overlay as this instance knows it."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know nothing yet."""
        self._consul = consul
        self._stored: OverlayDocument | None = None
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def current(self) -> OverlayDocument | None:
        """What holds today; None before the first read."""
        return self._stored.on(_today()) if self._stored else None

    async def run(self) -> None:
        """Follow the stored overlay, for ever."""
        await watch.follow("the overlay", lambda index: self._consul.kv_watch(KEY, index), self._learn)

    async def news(self, known: int, wait_s: float) -> OverlayDocument | None:
        """The overlay as soon as its version is another than `known`; None when that takes longer than `wait_s`."""
        try:
            async with asyncio.timeout(wait_s):
                while not self._closed and (self._stored is None or self._stored.version == known):
                    await self._changed.wait()
        except TimeoutError:
            return None
        return self.current if self._stored and self._stored.version != known else None

    async def change(self, change: Callable[[OverlayDocument], OverlayDocument]) -> OverlayDocument:
        """Change the overlay; what is so already stays as it is.

        Args:
            change: Takes the stored document; it may be called again when another was quicker.

        Raises:
            Unprocessable: It would be too large.
            Unavailable: Consul is away.
        """
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(KEY, consistent=True)
            before = _read(entry)
            after = change(before)
            if after == before:
                return before
            after = replace(after.on(_today()), version=before.version + 1)
            if await self._consul.kv_put(KEY, _packed(after), cas=entry.modify_index if entry else 0):
                self._tell(after)
                return after
        raise Unavailable("too many others change pauses and opt-outs just now")

    def close(self) -> None:
        """Send everybody who waits away, because this instance stops."""
        self._closed = True
        self._wake()

    def _learn(self, entries: list[KvEntry]) -> None:
        found = [entry for entry in entries if entry.key == KEY]
        self._tell(_read(found[0] if found else None))

    def _tell(self, document: OverlayDocument) -> None:
        # A watch may be behind what this instance has just written itself.
        if self._stored is None or document.version > self._stored.version:
            self._stored = document
            _VERSION.set(document.version)
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _packed(document: OverlayDocument) -> bytes:
    packed = zlib.compress(json.dumps(document.to_json(), separators=(",", ":")).encode(), 9)
    if len(packed) > MAX_BYTES:
        raise Unprocessable(f"the opt-outs take {len(packed):,} bytes, over {MAX_BYTES:,}: join neighbouring blocks")
    return packed


def _read(entry: KvEntry | None) -> OverlayDocument:
    if entry is None:
        return OverlayDocument()
    try:
        return OverlayDocument.from_json(json.loads(zlib.decompress(entry.value)))
    except (BadRequest, ValueError, zlib.error) as error:
        raise Unavailable(f"the stored overlay is damaged: {error}") from error


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
