"""Routers that traceroutes found, on their way back to the input service to become targets. Pure.

One hash of the address says which slot of the input domain, and so which instance, decides about a hop; the outputs
compute the same one when the owner of a slot asks what they have stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Any, NamedTuple

from hoploom.targets.notation import BITS, IPV4, IPV6, address_text, parse_address
from hoploom.wire.addresses import MAPPED_PREFIX, WIDTH
from hoploom.wire.fields import CAMPAIGN_ID, NAME, VERSION, Fields

SLOTS = 64
"""Slots of the input domain; of the hash too, so that a hop has one owner."""

MAX_HOPS = 10_000
"""Of one report: some hundred traceroutes of a new region, and 160 KB of text."""

REMEMBERED_S = 24 * 3600
"""A hop becomes a target at most once in this time."""


class Hop(NamedTuple):
    """A router's address.

    Attributes:
        family: 4 or 6.
        number: The address as an integer of that family.
    """

    family: int
    number: int

    @staticmethod
    def parse(text: str) -> Hop:
        """Read an address; raises BadBlock (422) for any other text."""
        return Hop(*parse_address(text))

    @staticmethod
    def unpacked(raw: bytes) -> Hop:
        """From `packed`."""
        if raw.startswith(MAPPED_PREFIX):
            return Hop(IPV4, int.from_bytes(raw[len(MAPPED_PREFIX) :], "big"))
        return Hop(IPV6, int.from_bytes(raw, "big"))

    def __str__(self) -> str:
        """The address in canonical text."""
        return address_text(self.family, self.number)

    @property
    def packed(self) -> bytes:
        """The address as 16 bytes, IPv4 mapped."""
        head = MAPPED_PREFIX if self.family == IPV4 else b""
        return head + self.number.to_bytes(BITS[IPV4] // 8 if head else WIDTH, "big")

    @property
    def slot(self) -> int:
        """The slot whose owner decides about it, 0 <= slot < SLOTS."""
        return blake2b(self.packed, digest_size=8, person=b"hoploom-hop").digest()[0] % SLOTS


@dataclass(frozen=True, kw_only=True)
class HopReport:
    """What a worker's traceroutes found.

    Attributes:
        worker: The worker that found them, whoever reports it.
        campaign: The campaign whose traceroutes they were.
        hops: Different addresses, at most `MAX_HOPS`.
    """

    worker: str
    campaign: str
    hops: tuple[Hop, ...]

    @staticmethod
    def from_json(document: object) -> HopReport:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds, or a hop is no address.
        """
        known = Fields(document, "a report of hops")
        return HopReport(
            worker=known.text("worker", NAME),
            campaign=known.text("campaign", CAMPAIGN_ID),
            hops=parsed(known.texts("hops", longest=MAX_HOPS)),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, "worker": self.worker, "campaign": self.campaign, "hops": list(map(str, self.hops))}


@dataclass(frozen=True, kw_only=True)
class HopAnswer:
    """What became of the hops of a report, each counted once; a report that comes again finds its hops known.

    Attributes:
        new: Will become targets.
        known: Are or will be targets of this day already.
        in_set: Are targets of the campaign itself.
        special: Lie outside public space: never probed (RFC 6890).
        excluded: Are left out by the campaign, or nobody answers for probes of public space.
        opted_out: Belong to who asked not to be probed.
        capped: Are more than the worker, or the mesh, may have probed in a day.
    """

    new: int = 0
    known: int = 0
    in_set: int = 0
    special: int = 0
    excluded: int = 0
    opted_out: int = 0
    capped: int = 0

    def __add__(self, other: HopAnswer) -> HopAnswer:
        """Of both reports together."""
        return HopAnswer(**{name: count + getattr(other, name) for name, count in asdict(self).items()})

    @staticmethod
    def from_json(document: object) -> HopAnswer:
        """Read and check; raises BadRequest where a count is missing."""
        known = Fields(document, "an answer about hops")
        return HopAnswer(**{each.name: known.integer(each.name, range(MAX_HOPS + 1)) for each in fields(HopAnswer)})

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self)}


def parsed(texts: Iterable[str]) -> tuple[Hop, ...]:
    """Different hops in the order of their first appearance; raises BadBlock (422) where one is no address."""
    return tuple(dict.fromkeys(map(Hop.parse, texts)))


def by_slot(hops: Iterable[Hop]) -> dict[int, list[Hop]]:
    """Hops by the slot whose owner decides about them."""
    found: dict[int, list[Hop]] = {}
    for hop in hops:
        found.setdefault(hop.slot, []).append(hop)
    return found
