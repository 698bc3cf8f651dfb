"""What Consul's KV store keeps of invitations and of enrolled workers. Pure.

Of a token only the digest is stored, so that who reads a copy of the store cannot join by it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from hoploom.kit.errors import BadRequest, Damaged
from hoploom.trust.roll import WORKERS
from hoploom.wire.ad_bodies import degrees
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.enrolment import PUBLIC_KEY, WORKER_NAME
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, VERSION, Fields

INVITES = "hoploom/invites/"
LONGEST_PLACE = 120
_DIGEST_DIGITS = 32
_KEY_OR_NONE = re.compile(f"|{PUBLIC_KEY.pattern}")


def invite_key(digest: str) -> str:
    """Where the invitation is whose token has this SHA-256, in hex."""
    return f"{INVITES}{digest[:_DIGEST_DIGITS]}"


def worker_key(name: str) -> str:
    """Where an enrolled worker is."""
    return f"{WORKERS}{name}"


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is said of a worker when it is invited.

    Attributes:
        name: Lower-case letters, digits and dashes.
        place: Where it stands, for people.
        latitude: Degrees north, or None.
        longitude: Degrees east, or None.
        max_rate_pps: Packets a second at most; 0 for no limit.
    """

    name: str
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    max_rate_pps: int = 0

    @staticmethod
    def read(known: Fields) -> Described:
        """Take these fields out of a document; raises BadRequest or Unprocessable."""
        return Described(
            name=known.text("name", WORKER_NAME),
            place=known.text("place", PRINTABLE, "", longest=LONGEST_PLACE),
            latitude=degrees(known, "latitude", 90.0),
            longitude=degrees(known, "longitude", 180.0),
            max_rate_pps=known.integer("max_rate_pps", range(MAX_RATE_PPS + 1), 0),
        )


@dataclass(frozen=True, kw_only=True)
class Invite(Described):
    """An invitation.

    Attributes:
        invited_us: When it was made, in microseconds since 1970.
        until_us: When it ends.
        key: Public key of the worker that has used it; empty until then.
    """

    invited_us: int
    until_us: int
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkerRecord(Described):
    """An enrolled worker.

    Attributes:
        number: Its permanent number in results.
        key: Its public key.
        invited_us: When it was invited, in microseconds since 1970.
        enrolled_us: When it joined.
    """

    number: int
    key: str
    invited_us: int
    enrolled_us: int


def described(record: Described) -> dict[str, Any]:
    """The fields of a record that were said when it was invited."""
    return {each.name: getattr(record, each.name) for each in fields(Described)}


def packed(record: Described) -> bytes:
    """A record as it is stored."""
    return json.dumps({"v": VERSION, **asdict(record)}, separators=(",", ":")).encode()


def read_invite(value: bytes) -> Invite:
    """An invitation as it is stored; raises Damaged where it is not understood."""
    try:
        known = Fields(json.loads(value), "an invitation")
        return Invite(
            **described(Described.read(known)),
            invited_us=known.integer("invited_us", range(MAX_INTEGER)),
            until_us=known.integer("until_us", range(MAX_INTEGER)),
            key=known.text("key", _KEY_OR_NONE, ""),
        )
    except (BadRequest, ValueError) as error:
        raise Damaged(f"an invitation in Consul's KV store is damaged: {error}") from error


def read_worker(value: bytes) -> WorkerRecord:
    """An enrolled worker as it is stored; raises Damaged where it is not understood."""
    try:
        known = Fields(json.loads(value), "an enrolled worker")
        return WorkerRecord(
            **described(Described.read(known)),
            number=known.integer("number", range(MAX_INTEGER)),
            key=known.text("key", PUBLIC_KEY),
            invited_us=known.integer("invited_us", range(MAX_INTEGER)),
            enrolled_us=known.integer("enrolled_us", range(MAX_INTEGER)),
        )
    except (BadRequest, ValueError) as error:
        raise Damaged(f"an enrolled worker in Consul's KV store is damaged: {error}") from error
