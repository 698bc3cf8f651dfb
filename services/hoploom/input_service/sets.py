"""Target sets in the KV store: compressed, cut into pieces, named by the SHA-256 of their canonical document.

A set never changes, so what was read once is kept; a set whose pieces do not add up to its name is not there yet.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import zstandard

from hoploom.input_service import keys
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import NotFound, Unavailable, Unprocessable
from hoploom.targets import networks
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.targets.ranges import Range
from hoploom.targets.space import by_family
from hoploom.targets.target_set import TargetSet, canonical_bytes, from_document

PIECE_BYTES = 60_000
"""Consul refuses values over 512 KB, and its raft log slows down over 64 KB."""

MAX_PACKED_BYTES = 400_000
"""Twenty times the address lists of eight cloud providers; Consul keeps every set in memory on every server."""

MAX_DOCUMENT_BYTES = 64 * 2**20
"""Bounds what a damaged or forged set may unpack to."""

_LEVEL = 9
# A service maps few campaigns at a time; the arrays of a large set take some megabytes.
_KEPT = 8
T = TypeVar("T")


class Sets:
    """Stores sets and finds them again."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the KV store."""
        self._consul = consul
        self._documents: OrderedDict[str, bytes] = OrderedDict()
        self._addresses: OrderedDict[str, AddressSet] = OrderedDict()

    async def store(self, targets: TargetSet) -> str:
        """Store a set, or find it stored; either way the same bytes.

        Returns:
            Its name: SHA-256 in hex.

        Raises:
            Unprocessable: It is over `MAX_PACKED_BYTES` when compressed; nothing was stored.
        """
        return await self._store(targets.to_document)

    async def store_blocks(self, blocks: Sequence[str]) -> str:
        """Store plain blocks, such as what a campaign leaves out, in the same way as `store`."""
        return await self._store(lambda: {"v": 1, "blocks": sorted(set(blocks))})

    async def store_networks(self, blocks: Sequence[str], sources: networks.Sources) -> str:
        """Store the networks of a campaign in the same way: by its sources where these are given and not too long."""

        def made(sources: networks.Sources) -> dict[str, Any]:
            return networks.to_document(networks.named([parse_block(text) for text in blocks], sources))

        try:
            return await self._store(partial(made, sources))
        except Unprocessable:
            return await self._store(partial(made, ()))

    async def blocks(self, name: str) -> dict[int, list[Range]]:
        """Stored blocks as merged ranges of addresses, by family; raises as `document`."""
        document = json.loads(await self.document(name))
        return await asyncio.to_thread(lambda: by_family(map(parse_block, document["blocks"])))

    async def _store(self, made: Callable[[], dict[str, Any]]) -> str:
        name, packed = await asyncio.to_thread(_packed, made)
        if len(packed) > MAX_PACKED_BYTES:
            raise Unprocessable(
                f"the blocks take {len(packed):,} bytes compressed, over {MAX_PACKED_BYTES:,}: make several campaigns"
            )
        prefix = keys.target_set(name)
        for number, start in enumerate(range(0, len(packed), PIECE_BYTES)):
            await self._consul.kv_put(f"{prefix}{number:03}", packed[start : start + PIECE_BYTES])
        return name

    async def document(self, name: str) -> bytes:
        """The canonical document of a set.

        Raises:
            NotFound: There is no such set.
            Unavailable: It is being written just now, or is damaged.
        """
        if name not in self._documents:
            pieces = await self._consul.kv_list(keys.target_set(name))
            if not pieces:
                raise NotFound(f"there is no target set {name}")
            packed = b"".join(piece.value for piece in pieces)
            _keep(self._documents, name, await asyncio.to_thread(_unpacked, name, packed))
        return self._documents[name]

    async def has(self, name: str) -> bool:
        """Whether a set is there and whole, as far as can be said."""
        try:
            await self.document(name)
        except (NotFound, Unavailable):
            return False
        return True

    async def addresses(self, name: str) -> AddressSet:
        """A set laid out for computing addresses; raises as `document`."""
        if name not in self._addresses:
            document = await self.document(name)
            found = await asyncio.to_thread(lambda: AddressSet(from_document(json.loads(document))))
            _keep(self._addresses, name, found)
        return self._addresses[name]


def _packed(made: Callable[[], dict[str, Any]]) -> tuple[str, bytes]:
    document = canonical_bytes(made())
    return hashlib.sha256(document).hexdigest(), zstandard.ZstdCompressor(level=_LEVEL).compress(document)


def _unpacked(name: str, packed: bytes) -> bytes:
    damaged = Unavailable(f"the target set {name} is incomplete in the KV store: being written, or damaged")
    try:
        if not 0 <= zstandard.frame_content_size(packed) <= MAX_DOCUMENT_BYTES:
            raise damaged
        document = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as error:
        raise damaged from error
    if hashlib.sha256(document).hexdigest() != name:
        raise damaged
    return document


def _keep(known: "OrderedDict[str, T]", name: str, found: T) -> None:
    known[name] = found
    while len(known) > _KEPT:
        known.popitem(last=False)
