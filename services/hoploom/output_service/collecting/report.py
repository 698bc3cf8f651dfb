"""What a collector knows of every store after a look: for its check's text, its page, `hoploom status`. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLLECTED, WAITING, AWAY, BLOCKED = "collected", "waiting", "away", "blocked"
"""States of a store: its newest results are in the set, or will be soon; it does not answer; it needs its operator."""

_SHORT = 8


@dataclass(frozen=True)
class StoreRow:
    """One store.

    Attributes:
        store: Its UUID.
        state: One of the states above.
        instance: Id of an instance that has it; empty where there is none.
        dc: Its datacenter.
        upto: The data set has every batch up to here, but for `lost`.
        last_seq: Its newest batch at the last look; None while it has not been heard.
        behind: Batches that it has and the data set has not, as of the last look.
        waits_s: For how long the oldest of them have been seen to wait.
        lost: Batches that it pruned before the data set had them.
        batches: New ones that were taken since the collector began.
        rows: Rows of results that came with them.
        duplicates: Batches since then that the data set had already.
        conflicts: Batches since then that the data set had with other content, which it keeps.
        why: What is wrong; empty where nothing is.
    """

    store: str
    state: str
    instance: str = ""
    dc: str = ""
    upto: int = 0
    last_seq: int | None = None
    behind: int = 0
    waits_s: float = 0.0
    lost: int = 0
    batches: int = 0
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0
    why: str = ""


@dataclass(frozen=True)
class Report:
    """A look at all stores.

    Attributes:
        data_set: Name of the data set.
        uuid: Its UUID.
        stores: All that are known of.
        away: Why, by datacenter that could not be asked for its outputs.
        parquet: Why the Parquet files lack what is new; empty where they do not.
    """

    data_set: str
    uuid: str
    stores: Sequence[StoreRow]
    away: Mapping[str, str]
    parquet: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether everything that was ever stored is in the set, as far as anybody knows."""
        return not self.away and all(each.state == COLLECTED for each in self.stores)

    def words(self) -> str:
        """For a check's text: without numbers that change at each look, for each change is a write to Consul."""
        count = len(self.stores)
        words = [f"collects {self.data_set}: {count} store{'' if count == 1 else 's'}"]
        words += [f"{each.store[:_SHORT]} {each.state}: {each.why}" for each in self.stores if each.why]
        words += [f"{each.store[:_SHORT]}: {_passed(each)}" for each in self.stores if _passed(each)]
        words += [f"datacenter {dc} is away" for dc in sorted(self.away)]
        words += [f"no Parquet files: {self.parquet}"] if self.parquet else []
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """For a page."""
        return {
            "data_set": self.data_set,
            "uuid": self.uuid,
            "whole": self.is_whole,
            "stores": [dataclasses.asdict(each) for each in self.stores],
            "away": dict(self.away),
            "parquet": self.parquet,
        }


def _passed(row: StoreRow) -> str:
    """What is not, or not as it came, in the set for good."""
    words = [f"{row.lost} batches were pruned before they were collected"] if row.lost else []
    words += [f"{row.conflicts} batches are there with other content"] if row.conflicts else []
    return " and ".join(words)
