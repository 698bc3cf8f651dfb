"""Where the rows of a Parquet set lie: folders that name campaign and day, files that name the rows they hold. Pure.

    parquet/ping_results/campaign=clouds/day=2026-11-21/rows-000000000000000-000000001000000-g0.parquet

DuckDB, ClickHouse and Spark read such folders as columns. A name says which rows of merged.db are in a file: above the
first rowid, up to the last one; and how often they were put together from smaller files (g0: never).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

ALL: Final = "*/*/*.parquet"
"""All files of a table, seen from its folder."""

_NAME: Final = re.compile(r"rows-(\d{15})-(\d{15})-g(\d+)\.parquet")
_DAY: Final = re.compile(r"\d{4,}-\d\d-\d\d")


class Span(NamedTuple):
    """Which rows a file holds; none of two files of a folder hold the same.

    Attributes:
        above: Rowids are larger than this.
        upto: The largest rowid that it may hold.
        generation: How often its rows were put together.
    """

    above: int
    upto: int
    generation: int = 0

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"rows-{self.above:015}-{self.upto:015}-g{self.generation}.parquet"


def span(name: str) -> Span | None:
    """What a file's name says; None for a file that is not ours."""
    found = _NAME.fullmatch(name)
    return Span(*map(int, found.groups())) if found else None


def joined(spans: Sequence[Span]) -> Span:
    """The file that several become: its name is none that any file of the folder had before.

    A reader who has listed the folder earlier would else read the rows of the new file besides those of old ones.
    """
    generation = 1 + max(each.generation for each in spans)
    return Span(min(each.above for each in spans), max(each.upto for each in spans), generation)


def partition(table: str, campaign: str, day: str) -> Path:
    """Folder of a day's rows, seen from the set's; any text makes one name of a folder.

    Args:
        table: Name of the table.
        campaign: Id of the campaign.
        day: ISO 8601, UTC.
    """
    return Path(table, f"campaign={quote(campaign, safe='')}", f"day={_day(day)}")


def _day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is no day")
    return text
