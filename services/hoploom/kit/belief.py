"""What a process may believe about its Consul session, as a pure value, and the tokens that its locks give.

Source: Gray & Cheriton 1989, "Leases"; Kleppmann 2016, "How to do distributed locking" (fencing tokens).
"""

from dataclasses import dataclass, replace

TTL_S = 10.0
"""The shortest that Consul takes."""

MARGIN_S = 2.0
"""What the two clocks and an effect that is under way may take together."""

LAG_LIMIT_S = 0.5
BEAT_EVERY_S = 0.25


@dataclass(frozen=True, order=True)
class Token:
    """A fencing token: later acquisitions of a lock have larger ones.

    Attributes:
        epoch: Raised at each restore of Consul.
        index: Raft index at the acquisition.
    """

    epoch: int = 0
    index: int = 0

    def __str__(self) -> str:
        """As it travels: `epoch.index`."""
        return f"{self.epoch}.{self.index}"


@dataclass(frozen=True)
class Belief:
    """What a process may believe about its session; times are its own boottime clock in seconds.

    Attributes:
        id: The session; empty while there is none.
        renewed_s: Start of the last renewal that was answered.
        beat_s: When the event loop was last seen alive.
        stalled_s: When a stall was noticed; a renewal that began later clears it.
    """

    id: str = ""
    renewed_s: float = float("-inf")
    beat_s: float = float("-inf")
    stalled_s: float = float("-inf")

    @property
    def deadline_s(self) -> float:
        """Until when the session is believed in."""
        return self.renewed_s + TTL_S - MARGIN_S if self.id else float("-inf")

    def valid(self, now_s: float) -> bool:
        """Whether an effect may start now."""
        hung = now_s - self.beat_s > BEAT_EVERY_S + LAG_LIMIT_S
        return bool(self.id) and now_s < self.deadline_s and not hung and self.renewed_s > self.stalled_s

    def made(self, session_id: str, began_s: float) -> "Belief":
        """A session was made by a call that began then."""
        return replace(self, id=session_id, renewed_s=began_s)

    def renewed(self, began_s: float) -> "Belief":
        """A renewal that began then was answered."""
        return replace(self, renewed_s=max(self.renewed_s, began_s))

    def ended(self) -> "Belief":
        """The session is gone."""
        return replace(self, id="", renewed_s=float("-inf"))

    def beat(self, now_s: float) -> "Belief":
        """The event loop runs; where it has not for too long, nothing is believed until the next renewal."""
        hung = self.beat_s > float("-inf") and now_s - self.beat_s > BEAT_EVERY_S + LAG_LIMIT_S
        return replace(self, beat_s=now_s, stalled_s=now_s if hung else self.stalled_s)
