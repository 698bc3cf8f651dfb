"""How often something is done again: so many times, and not for longer than some time; each said as it begins."""

import sys
import time
from collections.abc import Iterator


def told(words: str) -> None:
    """Say something on standard error, with the time of day (UTC)."""
    print(time.strftime("%H:%M:%S", time.gmtime()), words, file=sys.stderr, flush=True)


class Rounds:
    """Rounds of one thing; a new set of them each time that it is gone through.

    Attributes:
        done: How many have been begun, of the last set.
    """

    def __init__(self, most: int, most_s: float) -> None:
        """Begin none yet.

        Args:
            most: How many there are, if time allows.
            most_s: Seconds after which no other one begins; the first always does.
        """
        self.most, self.most_s, self.done = most, most_s, 0

    @property
    def attack_s(self) -> float:
        """Seconds for which a load has to last at the most, with the stretch before and a slow last round."""
        return self.most_s + 600

    @property
    def times(self) -> str:
        """How often it was done, in words."""
        return f"{self.done} times" if self.done == self.most else f"{self.done} times of {self.most}, for want of time"

    def __iter__(self) -> Iterator[int]:
        """The numbers of the rounds, from 0."""
        began_s = time.monotonic()
        for number in range(self.most):
            if number and time.monotonic() - began_s > self.most_s:
                return
            self.done = number + 1
            told(f"  round {self.done} of {self.most}, after {time.monotonic() - began_s:.0f} s")
            yield number
