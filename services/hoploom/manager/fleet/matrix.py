"""From pings between workers to a matrix: the median time and the loss of each pair, and which pairs are bad. Pure.

A pair is bad when three rounds in a row were: more than a twentieth lost, or a time over twice the pair's own median.
Its own, because a pair over an ocean is not bad for being slow.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

ROUNDS = 20
"""The newest rounds that count. A pair that became slower for good is no longer bad after ten."""

BAD_ROUNDS = 3
"""One may be a moment, two a coincidence."""

BAD_LOSS, BAD_TIMES = 0.05, 2.0
LEAST_US = 1000
"""Less than that is no worse path but a busy machine: in one room a tenth of a millisecond is usual."""


@dataclass(frozen=True)
class Round:
    """What one round found of one pair.

    Attributes:
        at_us: When, microseconds since 1970.
        sent: Echo requests.
        received: Replies.
        rtt_us: Mean round-trip time; None without a reply.
    """

    at_us: int
    sent: int
    received: int
    rtt_us: int | None

    @property
    def loss(self) -> float:
        """The part of the requests that nobody answered, 0 to 1."""
        return _loss(self.sent, self.received)


@dataclass(frozen=True)
class Pair:
    """How one worker reaches another.

    Attributes:
        source: Who probed.
        destination: Who was probed.
        rtt_us: Median over the rounds; None where no round had a reply.
        loss: Of all requests of the rounds, 0 to 1.
        rounds: How many rounds that is of.
        why: Why the pair is bad, in words; empty where it is not.
    """

    source: str
    destination: str
    rtt_us: int | None
    loss: float
    rounds: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {**asdict(self), "loss": round(self.loss, 4), "bad": bool(self.why)}


def pairs(rows: Iterable[Mapping[str, Any]], owners: Mapping[str, str]) -> list[Pair]:
    """The pairs, sorted by their names.

    Args:
        rows: Pings as the output instances list them; one of each round, worker and address.
        owners: Whose an address is; what was found of an address of nobody's is left out.
    """
    found: dict[tuple[str, str], dict[str, list[Round]]] = {}
    for each in rows:
        address = str(each["address"])
        destination = owners.get(address)
        if destination and destination != each["worker"]:
            rounds = found.setdefault((str(each["worker"]), destination), {}).setdefault(address, [])
            rounds.append(Round(each["at_us"], each["sent"], each["received"], each["rtt_avg_us"]))
    return [_pair(*names, found[names]) for names in sorted(found)]


def _pair(source: str, destination: str, by_address: Mapping[str, Sequence[Round]]) -> Pair:
    """One pair; of a worker with several addresses each is looked at alone, since their ways are not the same."""
    newest = {address: sorted(each, key=lambda one: one.at_us)[-ROUNDS:] for address, each in by_address.items()}
    every = [one for each in newest.values() for one in each]
    loss = _loss(sum(one.sent for one in every), sum(one.received for one in every))
    # Without the addresses: who reads a matrix need not know where people live.
    why = "; ".join(dict.fromkeys(filter(None, map(why_bad, newest.values()))))
    return Pair(source, destination, _median(every), loss, max(map(len, newest.values())), why)


def why_bad(rounds: Sequence[Round]) -> str:
    """Why these rounds of one address are bad, in their order of time; empty where they are not."""
    last, usual = rounds[-BAD_ROUNDS:], _median(rounds)
    if len(last) < BAD_ROUNDS:
        return ""
    limit = math.inf if usual is None else max(BAD_TIMES * usual, usual + LEAST_US)
    slow = [each.rtt_us is not None and each.rtt_us > limit for each in last]
    lossy = [each.loss > BAD_LOSS for each in last]
    if not all(one or other for one, other in zip(slow, lossy, strict=True)):
        return ""
    words = [f"{max(each.loss for each in last):.0%} lost"] if any(lossy) else []
    words += [f"{max(each.rtt_us or 0 for each in last) / 1000:.1f} ms, usually {(usual or 0) / 1000:.1f}"] * any(slow)
    return f"in each of {BAD_ROUNDS} rounds up to {' and '.join(words)}"


def _loss(sent: int, received: int) -> float:
    # Not 1 - received / sent, by which 1 of 20 would be more than 0.05.
    return (sent - received) / sent if sent else 1.0


def _median(rounds: Iterable[Round]) -> int | None:
    known = [each.rtt_us for each in rounds if each.rtt_us is not None]
    return round(median(known)) if known else None
