"""So many in a second, and so many at once. Pure; time is passed in."""


class Allowance:
    """Empties by what is taken, and fills by the time."""

    def __init__(self, per_s: float, at_once: float) -> None:
        """Be full."""
        self._per_s, self._most = per_s, at_once
        self._left, self._since_s = at_once, float("-inf")

    def take(self, now_s: float) -> bool:
        """Take one; False where none is left."""
        self._left = min(self._most, self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
