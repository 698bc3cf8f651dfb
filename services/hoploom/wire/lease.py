"""What a worker asks for and gets: a range of positions in one campaign's order, for a time. Pure.

A lease is a few hundred bytes whatever its range: the worker fetches the set once and computes the addresses,
`position --permutation(order_key, N)--> index --address_set--> address`. All times are durations, so clocks may differ.
A worker renews a lease at a third of its time; what it has stored by then is not handed out again when it dies.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Self

from hoploom.kit.errors import NotFound, Unprocessable
from hoploom.wire.campaign import NUMBERS
from hoploom.wire.campaign_request import MAX_ANCHORS, MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, KEY_128, MAX_INTEGER, NAME, PRINTABLE, SHA256, VERSION, Fields
from hoploom.wire.probe import PING, Probe

MAX_TTL_S = 3600
"""Hard age limit of a lease: then it is handed out again, and the data keeps both results."""

MAX_ROUND = 2**31
MAX_LEASE = 65_536
"""Positions of the largest lease: as many rows as one batch of results may have."""

LEASE_ID = re.compile(
    r"([a-z0-9][a-z0-9-]{0,62})\.(\d{1,6})\.(\d{1,10})\.([46])\.(\d{1,16})\.(\d{1,5})\.([0-9a-f]{16})"
)
NONCE_BYTES = 8
TOKEN = re.compile(r"\d{1,10}\.\d{1,20}")
"""A shard owner's fencing token: epoch and raft index at its acquisition."""

MAX_SKILLS = 16
"""More than there are: later versions may know more than this one."""

MAX_HOLDING = 16
"""Leases that a worker holds at once; one that it probes and one fetched ahead are usual."""


@dataclass(frozen=True, kw_only=True)
class LeaseId:
    """A lease's id says what it covers, so that nobody needs a memory of old leases to understand it.

    As text `campaign.edition.round.family.start.size.nonce`, at most 125 characters.
    """

    campaign: str
    edition: int
    round: int
    family: int
    start: int
    stop: int
    nonce: str

    def __str__(self) -> str:
        """The id as it travels."""
        size = self.stop - self.start
        return f"{self.campaign}.{self.edition}.{self.round}.{self.family}.{self.start}.{size}.{self.nonce}"

    @staticmethod
    def parse(text: str) -> LeaseId:
        """Read an id.

        Raises:
            NotFound: The text is no id of a lease.
        """
        match = LEASE_ID.fullmatch(text)
        if match is None:
            raise NotFound("there is no lease of that id")
        edition, number, family, start, size = map(int, match.group(2, 3, 4, 5, 6))
        return LeaseId(
            campaign=match[1],
            edition=edition,
            round=number,
            family=family,
            start=start,
            stop=start + size,
            nonce=match[7],
        )


@dataclass(frozen=True, kw_only=True)
class LeaseRequest:
    """A worker asks for work.

    Attributes:
        request_id: Made by the worker; the same id gets the same lease.
        worker: The worker's name.
        group: Workers of one group share a round; empty means a group of its own, named as the worker.
        rate_pps: Packets a second that the worker can and may send; 0 for no limit of its own.
        families: What it can probe: 4, 6 or both.
        skills: How it can probe: see `Probe.skill`; whoever says nothing knows pings alone.
        allow_private: The key of the worker's owner to loopback and private space; without it no such lease is given.
        run: Names this run of the worker's process; empty where it has none.
        holding: Ids of the leases that this run knows it holds; others of the same run were lost on their way and are
            handed out again at once.
    """

    request_id: str
    worker: str
    group: str
    rate_pps: int
    families: tuple[int, ...]
    skills: tuple[str, ...] = (PING,)
    allow_private: bool = True
    run: str = ""
    holding: tuple[str, ...] = ()

    @staticmethod
    def from_json(document: object) -> LeaseRequest:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a lease request")
        worker = known.text("worker", NAME)
        return LeaseRequest(
            request_id=known.text("request_id", NAME),
            worker=worker,
            group=known.text("group", NAME, worker) if known.has("group") else worker,
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1), 0),
            families=known.families("families"),
            skills=known.texts("skills", longest=MAX_SKILLS, default=[PING]),
            allow_private=known.flag("allow_private", default=True),
            run=known.text("run", NAME) if known.has("run") else "",
            holding=_lease_ids(known.texts("holding", longest=MAX_HOLDING, default=[])),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        lists = {name: list(getattr(self, name)) for name in ("families", "skills", "holding")}
        document = {"v": VERSION, **asdict(self), **lists}
        return document if self.run else {name: each for name, each in document.items() if name != "run"}


@dataclass(frozen=True, kw_only=True)
class LeaseDone:
    """A worker says that every result of a lease is stored.

    Attributes:
        worker: The worker's name.
        campaign: Campaign of the lease.
        group: Its group.
        token: The lease's fencing token, where the worker knows it.
    """

    worker: str
    campaign: str
    group: str
    token: str = ""

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        return cls(**cls._read(Fields(document, "a lease acknowledgement")))

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        document = {"v": VERSION, **asdict(self)}
        return document if self.token else {name: each for name, each in document.items() if name != "token"}

    @classmethod
    def _read(cls, known: Fields) -> dict[str, Any]:
        worker = known.text("worker", NAME)
        return {
            "worker": worker,
            "campaign": known.text("campaign", CAMPAIGN_ID),
            "group": known.text("group", NAME, worker),
            "token": known.text("token", TOKEN) if known.has("token") else "",
        }


@dataclass(frozen=True, kw_only=True)
class LeaseRenewal(LeaseDone):
    """A worker goes on with a lease.

    Attributes:
        stored_upto: Every position of the lease below this one is stored; if it is lost, the next begins here.
    """

    stored_upto: int = 0

    @classmethod
    def _read(cls, known: Fields) -> dict[str, Any]:
        return {**super()._read(known), "stored_upto": known.integer("stored_upto", range(MAX_INTEGER), 0)}


@dataclass(frozen=True, kw_only=True)
class LeaseReturn(LeaseRenewal):
    """A worker gives a lease back: what is not stored is handed out again at once.

    Attributes:
        reason: In words, for the log.
    """

    reason: str = ""

    @classmethod
    def _read(cls, known: Fields) -> dict[str, Any]:
        return {**super()._read(known), "reason": known.text("reason", PRINTABLE, "", longest=200)}


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Positions [start, stop) of one order, and all that a worker has to know to probe them.

    Attributes:
        id: See `LeaseId`.
        campaign: Campaign id.
        campaign_number: Its permanent integer id.
        measurement: Permanent integer id of the measurement.
        worker_number: Permanent integer id of the worker.
        revision: SHA-256 of the set; `GET /api/v1/sets/{revision}` has the document.
        family: 4 or 6.
        round: Which pass over the set, from 0.
        group: Group of workers that shares the pass.
        start: First position.
        stop: Position after the last.
        order_key: Key of the order, 16 bytes in hex.
        ttl_s: Seconds from the answer until the worker has to stop.
        rate_pps: Packets a second to send at most; 0 for no limit.
        probe: How each target is probed.
        allow_private: The campaign's key to loopback and private space; the worker's owner holds the other.
        token: Fencing token of the owner that gave it; goes with the acknowledgement.
        network_pps: Packets a second to one /24 or /48 at most; 0 for no limit.
        anchors: Addresses that answer where the network works; probed before and after.
    """

    id: str
    campaign: str
    campaign_number: int
    measurement: int
    worker_number: int
    revision: str
    family: int
    round: int
    group: str
    start: int
    stop: int
    order_key: str
    ttl_s: int
    rate_pps: int
    probe: Probe
    allow_private: bool
    token: str = "0.0"
    network_pps: int = 0
    anchors: tuple[str, ...] = ()

    @staticmethod
    def from_json(document: object) -> Lease:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a lease")
        start = known.integer("start", range(MAX_INTEGER))
        return Lease(
            id=known.text("id", LEASE_ID),
            campaign=known.text("campaign", CAMPAIGN_ID),
            campaign_number=known.integer("campaign_number", NUMBERS),
            measurement=known.integer("measurement", NUMBERS),
            worker_number=known.integer("worker_number", NUMBERS),
            revision=known.text("revision", SHA256),
            family=known.integer("family", range(4, 7, 2)),
            round=known.integer("round", range(MAX_ROUND)),
            group=known.text("group", NAME),
            start=start,
            stop=known.integer("stop", range(start + 1, start + MAX_LEASE + 1)),
            order_key=known.text("order_key", KEY_128),
            ttl_s=known.integer("ttl_s", range(1, MAX_TTL_S + 1)),
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)),
            probe=Probe.from_json(known.object("probe")),
            allow_private=known.flag("allow_private"),
            token=known.text("token", TOKEN, "0.0"),
            network_pps=known.integer("network_pps", range(MAX_RATE_PPS + 1), 0),
            anchors=known.texts("anchors", longest=MAX_ANCHORS, default=[]),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        # Not `asdict`: that copies every value, and one is made for every lease.
        return {"v": VERSION, **vars(self), "probe": self.probe.to_json(), "anchors": list(self.anchors)}


def _lease_ids(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not LEASE_ID.fullmatch(text):
            raise Unprocessable(f"holding of a lease request has {text[:80]!r}, which is no id of a lease")
    return texts
