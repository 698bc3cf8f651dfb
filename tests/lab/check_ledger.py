"""Was every result stored exactly once? Three ledgers, each kept by whoever really knows: pure functions over them.

`issued`: every probe, kept by what the probes arrived at (the lab's own network), not by the worker. `acked`: what the
output said it has. `merged`: the rows of the merged data set. A row is an id and a hash of its content.

Source: Jepsen's set and counter checks; the classes are those of lost, stale and duplicated elements.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lab.finding import Finding

RULE = "C every row once"
SHOWN = 5


class Row(NamedTuple):
    """One row of a ledger: its id, and a hash of everything else in it."""

    id: str
    hash: str = ""


@dataclass(frozen=True)
class Account:
    """What is wrong between three ledgers; ids, sorted.

    Attributes:
        lost: Acknowledged, but not merged.
        missing: Issued, but not merged; wrong only after everything has drained.
        duplicate: Merged more often than issued.
        phantom: Merged, but never issued.
        altered: Merged with another content than was issued.
    """

    lost: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    phantom: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()

    def findings(self, *, drained: bool) -> list[Finding]:
        """What must not be; during a run (`drained` false) rows may still be missing."""
        classes = {"lost": self.lost, "duplicate": self.duplicate, "phantom": self.phantom, "altered": self.altered}
        if drained:
            classes["missing"] = self.missing
        return [
            Finding(RULE, f"{len(ids)} {name}, such as {', '.join(ids[:SHOWN])}")
            for name, ids in classes.items() if ids
        ]


def account(issued: Iterable[Row], acked: Iterable[Row], merged: Iterable[Row]) -> Account:
    """Compare the ledgers as multisets."""
    issues, merges = list(issued), list(merged)
    sent, stored = Counter(row.id for row in issues), Counter(row.id for row in merges)
    contents = set(issues)
    return Account(
        lost=_ids({row.id for row in acked} - stored.keys()),
        missing=_ids(sent.keys() - stored.keys()),
        duplicate=_ids({each for each, count in stored.items() if count > sent[each] > 0}),
        phantom=_ids(stored.keys() - sent.keys()),
        altered=_ids({row.id for row in merges if row.id in sent and row not in contents}),
    )


def _ids(found: set[str]) -> tuple[str, ...]:
    return tuple(sorted(found))
