"""How fast a group gets on, from what one instance saw of its record. Pure; times are that instance's own clock."""

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 60.0
"""Twice a lease's work: long enough to hold several acknowledgements, short enough to follow a change."""

_SAMPLES = 64


@dataclass
class Pace:
    """Targets done a second, over the last minute."""

    _seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    def note(self, now_s: float, done: int) -> None:
        """Remember how many targets are done now; only changes, so that frequent readers fill no memory."""
        if not self._seen or self._seen[-1][1] != done:
            self._seen.append((now_s, done))
        while len(self._seen) > 2 and self._seen[0][0] < now_s - WINDOW_S:  # noqa: PLR2004 - a line has two ends
            self._seen.popleft()

    def per_s(self) -> float | None:
        """Targets a second; None before two changes were seen."""
        if len(self._seen) < 2:  # noqa: PLR2004 - a line has two ends
            return None
        (began_s, before), (ended_s, after) = self._seen[0], self._seen[-1]
        return max(0.0, (after - before) / (ended_s - began_s)) if ended_s > began_s else None
