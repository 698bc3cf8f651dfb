"""What a gate is asked to hold, and what it says. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """What a new version must hold; it is never asked to do better than the old one does.

    Attributes:
        errors_most: Share of its requests that may fail (5xx, or no answer), 0..1. Less finds smaller faults, after
            more requests: what is twice the limit is seen after some 20 / errors_most requests.
        p99_factor: How many times the old version's 99th percentile its own may be.
        p99_slack_ms: Milliseconds on top of that, for what is so fast that a factor says nothing.
        requests_least: Requests that it must have had before it passes; fewer wait. A fault that hits 3 % of them shows
            among 100 in 19 cases of 20.
    """

    errors_most: float = 0.005
    p99_factor: float = 1.5
    p99_slack_ms: float = 20
    requests_least: int = 100


@dataclass(frozen=True)
class Group:
    """What happened to the instances of one version between two looks.

    Attributes:
        requests: How many they were sent.
        errors: How many of these were answered 5xx, by them or by a router that did not reach them.
        p99_ms: Milliseconds within which 99 % were answered; None where nobody measured it.
    """

    requests: int
    errors: int
    p99_ms: float | None = None

    @property
    def share(self) -> float:
        """Share that failed, 0..1."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Verdict:
    """What two looks say of a new version.

    Attributes:
        ok: False takes it back: it is worse than it may be, by more than chance.
        enough: Whether it has shown enough to go on. Not `ok` is always enough; `ok` and not enough waits for more.
        new: Its instances.
        old: Those of the version before.
        why: One sentence with the figures, for the screen.
    """

    ok: bool
    enough: bool
    new: Group
    old: Group
    why: str
