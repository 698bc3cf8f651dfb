"""Routers that traceroutes found, on their way back to the input service to become targets. Pure.

One hash of the address says which slot of the input domain, and so which instance, decides about a hop; the outputs
compute the same one when the owner of a slot asks what they have stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from hoploom.targets.notation import BITS, IPV4, address_text, parse_address
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


def parsed(texts: Iterable[str]) -> tuple[Hop, ...]:
    """Different hops in the order of their first appearance; raises BadBlock (422) where one is no address."""
    return tuple(dict.fromkeys(map(Hop.parse, texts)))
