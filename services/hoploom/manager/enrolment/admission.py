"""Who is let in by which token, as a decision over what is stored. Pure; time is passed in.

A token works once, and is then bound to the key that used it: who asks again with the same key has lost the answer, and
is given it at any manager. Strangers hear the same words whatever is wrong, so that nobody learns which tokens exist.
"""

from __future__ import annotations

from dataclasses import replace

from hoploom.kit.errors import Forbidden
from hoploom.manager.enrolment.records import Invite, WorkerRecord, described

STRANGER = "this token is not known here, used up or expired: ask whoever invited this worker for a new one"


class Refused(Forbidden):
    """Nobody is let in.

    Attributes:
        why: For the log alone.
    """

    def __init__(self, why: str) -> None:
        """Say why to the log, and the same words as ever to who asks."""
        super().__init__(STRANGER)
        self.why = why


def admitted(
    invite: Invite | None, record: WorkerRecord | None, key: str, now_us: int
) -> WorkerRecord | None:
    """Whether a key is let in.

    Args:
        invite: What the token stands for, if anything.
        record: The enrolled worker of that name, if any.
        key: Public key of who asks, proven to be its own.
        now_us: The time, in microseconds since 1970.

    Returns:
        The worker where it has been let in before, None where it is to be enrolled now.

    Raises:
        Refused: With the reason for the log.
    """
    if invite is None:
        raise Refused("no such token")
    if invite.key:
        if record is not None and invite.key == key == record.key:
            return record
        raise Refused(f"the token of {invite.name} is used")
    if now_us >= invite.until_us:
        raise Refused(f"the token of {invite.name} has expired")
    if record is not None:
        raise Refused(f"{invite.name} is enrolled already")
    return None


def enrolled(invite: Invite, number: int, key: str, now_us: int) -> tuple[Invite, WorkerRecord]:
    """What is stored, at once or not at all, when an invited worker joins: its used invitation, and the worker."""
    record = WorkerRecord(
        **described(invite), number=number, key=key, invited_us=invite.invited_us, enrolled_us=now_us
    )
    return replace(invite, key=key), record


def void(invites: dict[str, Invite], made: Invite, now_us: int) -> list[str]:
    """Keys of the store that a new invitation makes superfluous: expired ones, and older ones to the same name.

    Args:
        invites: All that are stored, by key.
        made: The new one.
        now_us: The time, in microseconds since 1970.
    """
    return [
        key
        for key, each in invites.items()
        if not each.key
        and (now_us >= each.until_us or (each.name == made.name and each.invited_us < made.invited_us))
    ]
