"""Who fails more than it should, and how long it is left alone then. Pure: times and chance come in as arguments.

An instance is out after so many failures in a row, or when its share of failures is high and far above the others'. It
stays out for a time that doubles from one ejection to the next; then one request tries it, and the answer decides.
Consul's checks say who is dead within seconds; this says it within a few requests, and also of who lives and fails.

Source: Envoy, "Outlier detection" (consecutive_5xx, failure_percentage, base_ejection_time, max_ejection_percent,
max_ejection_time_jitter).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """The bounds.

    Attributes:
        in_a_row: Failures one after another that put an instance out. Envoy's default; fewer would take a restarted
            connection or two for an outage.
        share: Part of its last requests that failed, from which on it may be an outlier, too.
        times_others: How many times the others' share that has to be: what all fail at is nobody's own fault.
        memory: Over how many requests, about, the share is; before so many were answered it says nothing.
        first_s: Length of the first time out. Consul has noticed a dead instance by then; Envoy, which is told by
            nobody, takes 30 s.
        longest_s: Longest time out, and how long an instance has to stay in until its ejections are forgotten.
        jitter: Longer by up to this part, so that many clients do not come back at once.
        most: Part of the list that may be out at once, rounded down. With half of it, an outage of all leaves half
            to be asked, and they answer as soon as they are back.
    """

    in_a_row: int = 5
    share: float = 0.3
    times_others: float = 2.0
    memory: int = 20
    first_s: float = 5.0
    longest_s: float = 60.0
    jitter: float = 0.25
    most: float = 0.5


RULES = Rules()


@dataclass(slots=True)
class Standing:
    """What is known of how one instance answers.

    Attributes:
        in_a_row: Failures since its last good answer.
        requests: Answers and failures since it came (back), as far as they are counted: `Rules.memory` at most.
        share: Part of its last requests that failed.
        ejections: How often it was put out, as far as that is not forgotten.
        is_out: Whether it is out.
        until_s: Until when it is out, or since when it is in again.
    """

    in_a_row: int = 0
    requests: int = 0
    share: float = 0.0
    ejections: int = 0
    is_out: bool = False
    until_s: float = float("-inf")

    def note(self, rules: Rules, *, failed: bool) -> None:
        """One more request has come to its end."""
        self.in_a_row = self.in_a_row + 1 if failed else 0
        self.requests += self.requests < rules.memory
        # The mean of the first ones, and from then on one that forgets.
        self.share += (failed - self.share) / self.requests

    def is_outlier(self, others_share: float, rules: Rules) -> bool:
        """Whether it fails too often, where the others' part of failures is `others_share`."""
        if self.in_a_row >= rules.in_a_row:
            return True
        is_known = self.requests >= rules.memory and self.share >= rules.share
        return is_known and self.share >= rules.times_others * others_share

    def eject(self, now_s: float, chance: float, rules: Rules) -> None:
        """Put it out, for twice as long as the last time; `chance` in [0, 1) spreads the returns."""
        if not self.is_out and now_s - self.until_s > rules.longest_s:
            self.ejections = 0
        length_s = min(rules.longest_s, rules.first_s * 2.0 ** min(self.ejections, 30))
        self.is_out, self.ejections = True, self.ejections + 1
        self.until_s = now_s + length_s * (1 + rules.jitter * chance)

    def readmit(self, now_s: float) -> None:
        """Take it in again, with nothing against it but how often it was out."""
        self.is_out, self.until_s = False, now_s
        self.in_a_row = self.requests = 0
        self.share = 0.0


def may_be_out(out: int, count: int, rules: Rules) -> bool:
    """Whether so many of a list of `count` may be out at once."""
    return out <= rules.most * count
