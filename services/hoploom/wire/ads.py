"""Ads: what a worker or a manager says of itself, signed, and how two of them are ordered. Pure.

Ads of one sender are ordered by (boot, generation): `boot` is a count that the sender keeps on its disk and raises
before it sends anything, `generation` grows with every ad of a run. No wall clock is compared. Two runs with one boot
count are two machines with one identity, such as two copies of one card: between them there is no order, only a clash.
An ad is checked and passed on as the bytes that were signed, so fields of later versions travel through older managers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire.ad_bodies import ManagerBody, WorkerBody
from hoploom.wire.base64url import decoded, encoded
from hoploom.wire.fields import MAX_INTEGER, NAME, VERSION, Fields

WORKER, MANAGER = "worker", "manager"
TTL_S = 45
"""An ad holds for so long without a newer one: three are sent meanwhile, so that two may be lost."""

EVERY_S = 15.0
"""A sender says the same again so often. What 500 of them cost a manager is nearly all HTTP, so it goes with this."""

TTLS = range(5, 301)
MAX_AD_BYTES = 3072
"""With its credential less than 5.5 KB in an envelope."""

MAX_ADS = 64
"""Envelopes of one message."""

MAX_MESSAGE_BYTES = 256 * 1024
MAX_FIRST = 2**31
"""The most that a boot or a generation may be when its sender is not known: 1,000 years of ads every 15 s."""

MAX_JUMP = 2**20
"""What a boot or a generation may grow at once; 182 days of ads that nobody heard. Who holds a key can so make its own
counts large, and never so large that whoever comes after cannot go on from there."""

_COUNT = range(1, MAX_INTEGER)
_KIND = re.compile(f"{WORKER}|{MANAGER}")
_INSTANCE = re.compile(r"[0-9a-f]{32}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_.-]*")
_MAX_CREDENTIAL = 1200

Key = tuple[str, str]
"""Kind and id of a sender."""


class Order(Enum):
    """How an ad stands to another of the same sender."""

    NEWER = "newer"
    OLDER = "older"
    SAME = "same"
    CLASH = "clash"


@dataclass(frozen=True, kw_only=True)
class Ad:
    """One ad.

    Attributes:
        kind: `worker` or `manager`.
        id: Name of a worker, or instance id of a manager.
        instance: Names the sender's run: 32 hexadecimal digits.
        boot: The sender's lasting count of its runs, from 1.
        generation: Count of the ads of this run, from 1.
        started_us: Wall clock of the run's start, for people: microseconds since 1970.
        ttl_s: Seconds that the ad holds without a newer one.
        down: The sender stops: what it said before holds no more.
        body: What it says.
    """

    kind: str
    id: str
    instance: str
    boot: int
    generation: int
    started_us: int = 0
    ttl_s: int = TTL_S
    down: bool = False
    body: WorkerBody | ManagerBody

    @property
    def key(self) -> Key:
        """Whose it is."""
        return self.kind, self.id

    def to_bytes(self) -> bytes:
        """What is signed."""
        document = {"v": VERSION, **asdict(self), "body": self.body.to_json()}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    @staticmethod
    def from_bytes(text: bytes) -> Ad:
        """Read and check; who signed it is for the caller.

        Raises:
            BadRequest: It is no JSON object, or a field is missing or of the wrong type.
            Unprocessable: A field is out of bounds, or it is too long.
        """
        if len(text) > MAX_AD_BYTES:
            raise Unprocessable(f"an ad has at most {MAX_AD_BYTES} bytes")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadRequest("an ad is JSON") from error
        known = Fields(document, "an ad")
        kind = known.text("kind", _KIND)
        body = known.object("body")
        return Ad(
            kind=kind,
            id=known.text("id", NAME),
            instance=known.text("instance", _INSTANCE),
            boot=known.integer("boot", _COUNT),
            generation=known.integer("generation", _COUNT),
            started_us=known.integer("started_us", range(MAX_INTEGER), 0),
            ttl_s=known.integer("ttl_s", TTLS),
            down=known.flag("down", default=False),
            body=WorkerBody.from_json(body) if kind == WORKER else ManagerBody.from_json(body),
        )


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """An ad under way, with what proves whose it is.

    Attributes:
        ad: The bytes that were signed.
        signature: Of those bytes, base64url.
        credential: The worker's; empty for a manager's ad.
        kid: Names the manager's key; empty for a worker's ad.
        remaining_s: Seconds that the ad still holds: whoever passes it on takes off how long it lay there.
    """

    ad: bytes
    signature: str
    credential: str = ""
    kid: str = ""
    remaining_s: float = float(TTL_S)

    @staticmethod
    def from_json(document: object) -> Envelope:
        """Read and check the envelope alone; raises as `Ad.from_bytes`."""
        known = Fields(document, "an envelope", versioned=False)
        remaining_s = known.number("remaining_s")
        if not 0 <= remaining_s < TTLS.stop:
            raise Unprocessable(f"remaining_s of an envelope is 0 to {TTLS.stop - 1}, not {remaining_s}")
        return Envelope(
            ad=decoded(known.text("ad", _BASE64URL, longest=4 * MAX_AD_BYTES // 3 + 4), "an ad"),
            signature=known.text("signature", _BASE64URL, longest=128),
            credential=known.text("credential", _CREDENTIAL, "", longest=_MAX_CREDENTIAL),
            kid=known.text("kid", NAME) if known.has("kid") else "",
            remaining_s=float(remaining_s),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        proof = {"credential": self.credential} if self.credential else {"kid": self.kid}
        return {"ad": encoded(self.ad), "signature": self.signature, **proof, "remaining_s": round(self.remaining_s, 3)}


def compare(one: Ad, other: Ad) -> Order:
    """How an ad stands to another of the same sender.

    Args:
        one: An ad.
        other: Another of the same kind and id.
    """
    if one.boot != other.boot:
        return Order.NEWER if one.boot > other.boot else Order.OLDER
    if one.instance != other.instance:
        return Order.CLASH
    if one.generation == other.generation:
        return Order.SAME
    return Order.NEWER if one.generation > other.generation else Order.OLDER


def within_bounds(ad: Ad, known: Ad | None) -> bool:
    """Whether an ad's counts are such as a sender comes to; `known` is the newest ad of the same sender, or None."""
    last_boot = max(MAX_FIRST, known.boot + MAX_JUMP) if known else MAX_FIRST
    is_same_run = known is not None and (known.boot, known.instance) == (ad.boot, ad.instance)
    last = max(MAX_FIRST, known.generation + MAX_JUMP) if known and is_same_run else MAX_FIRST
    return ad.boot <= last_boot and ad.generation <= last


def message(envelopes: list[Envelope], sender: str = "") -> dict[str, Any]:
    """The body of `POST /ads`.

    Args:
        envelopes: At most `MAX_ADS`.
        sender: Id of the manager that passes them on; empty where a worker sends its own.
    """
    return {"v": VERSION, "sender": sender, "ads": [each.to_json() for each in envelopes]}


def read_message(document: object) -> tuple[str, list[Envelope]]:
    """The sender and the envelopes of a message; raises as `Ad.from_bytes`."""
    known = Fields(document, "a message of ads")
    listed = known.objects("ads")
    if not 0 < len(listed) <= MAX_ADS:
        raise Unprocessable(f"a message has 1 to {MAX_ADS} ads, not {len(listed)}")
    sender = known.text("sender", re.compile(f"|{NAME.pattern}"), "")
    return sender, [Envelope.from_json(each) for each in listed]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a manager answers.

    Attributes:
        managers: Where managers are reached.
        highest: The highest boot heard, by id, of the senders of the message.
        clashes: Ids of those senders under which more than one machine sends.
    """

    managers: tuple[str, ...] = ()
    highest: Mapping[str, int]
    clashes: tuple[str, ...] = ()

    @staticmethod
    def from_json(document: object) -> Answer:
        """Read and check; raises as `Ad.from_bytes`. Addresses that are none are for whoever asks there to refuse."""
        known = Fields(document, "an answer to ads")
        highest = known.object("highest", {})
        if not all(type(each) is int and 0 <= each < MAX_INTEGER for each in highest.values()):
            raise BadRequest("highest of an answer to ads has whole numbers")
        return Answer(
            managers=known.texts("managers", longest=MAX_ADS, default=[]),
            highest=highest,
            clashes=known.texts("clashes", longest=MAX_ADS, default=[]),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        lists = {"managers": list(self.managers), "clashes": list(self.clashes)}
        return {"v": VERSION, **lists, "highest": dict(self.highest)}
