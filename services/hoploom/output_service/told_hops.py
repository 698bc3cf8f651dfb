"""Which hops this instance has told of lately, so that the same router is not told of with every path. Pure.

The input service decides whether a hop becomes a target, once in 24 hours for the whole mesh; this spares it words.
"""

from __future__ import annotations

from collections.abc import Iterable

AGAIN_S = 3600.0
"""Afterwards a hop that is seen is told of again: much shorter than a day, so that the input service's day counts."""

MAX_TOLD = 200_000
"""Above it all are forgotten and told of once more; 30 MB."""


class ToldHops:
    """Hops with the time when each was told of, by campaign: what is a target of one may be news to another."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told_s: dict[tuple[str, str], float] = {}

    def news(self, campaign: str, hops: Iterable[str], now_s: float) -> list[str]:
        """Those that were not told of lately, each once, in their order."""
        before_s = now_s - AGAIN_S
        return [hop for hop in dict.fromkeys(hops) if self._told_s.get((campaign, hop), before_s) <= before_s]

    def told(self, campaign: str, hops: Iterable[str], now_s: float) -> None:
        """These were told of now."""
        if len(self._told_s) > MAX_TOLD:
            self._told_s.clear()
        self._told_s.update(((campaign, hop), now_s) for hop in hops)
