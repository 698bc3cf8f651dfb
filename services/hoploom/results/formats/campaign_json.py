"""What stands beside an export: which results it holds, where they come from, and what was left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hoploom.results.rows import BatchHead, Group, PingRow, TraceRow
from hoploom.results.tables import SCHEMA

VERSION: Final = 1
SUFFIX: Final = ".campaign.json"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Campaign:
    """What an export holds of one campaign."""

    number: int
    measurements: set[int] = field(default_factory=set)
    revisions: set[str] = field(default_factory=set)
    rounds: set[int] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    rows: int = 0


@dataclass
class Tally:
    """What went into an export."""

    batches: set[int] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=lambda: {"ping": 0, "trace": 0, "hop": 0})
    first_us: int | None = None
    last_us: int | None = None
    campaigns: dict[str, _Campaign] = field(default_factory=dict)

    def count(self, groups: Iterable[Group]) -> Iterator[Group]:
        """The same groups; their rows are counted as they are read."""
        for group in groups:
            yield group._replace(rows=self._rows(group))

    def _rows(self, group: Group) -> Iterator[PingRow | TraceRow]:
        batch = group.batch
        campaign = None
        for row in group.rows:
            if campaign is None:
                campaign = self._campaign(batch)
            campaign.rows += 1
            self.rows[batch.kind] += 1
            self.rows["hop"] += len(row.hops) if isinstance(row, TraceRow) else 0
            self._see(batch.moment_us(row.at_ms))
            yield row

    def _campaign(self, batch: BatchHead) -> _Campaign:
        """The campaign of a batch of which something is written."""
        self.batches.add(batch.batch_key)
        self.stores.add(batch.store)
        found = self.campaigns.setdefault(batch.campaign, _Campaign(batch.campaign_number))
        found.measurements.add(batch.measurement)
        found.revisions.add(batch.revision)
        found.rounds.add(batch.round)
        found.workers.add(batch.worker)
        return found

    def _see(self, moment_us: int) -> None:
        self.first_us = moment_us if self.first_us is None else min(self.first_us, moment_us)
        self.last_us = moment_us if self.last_us is None else max(self.last_us, moment_us)


def document(
    tally: Tally, made: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], notes: Iterable[str]
) -> dict[str, Any]:
    """The document, ready for JSON.

    Args:
        tally: What went into the export.
        made: How it was made: format, versions, what was asked for, masking.
        known: Campaigns as their input service describes them (blocks left out among that), by id; those that it
            could not be asked about are missing, and null in the document.
        notes: Sentences for whoever reads the results.
    """
    return {
        "v": VERSION,
        "schema": SCHEMA,
        **made,
        "batches": len(tally.batches),
        "rows": tally.rows,
        "first": _moment(tally.first_us),
        "last": _moment(tally.last_us),
        "stores": sorted(tally.stores),
        "campaigns": [_described(name, each, known.get(name)) for name, each in sorted(tally.campaigns.items())],
        "notes": list(notes),
    }


def _described(name: str, campaign: _Campaign, known: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": name,
        "number": campaign.number,
        "measurements": sorted(campaign.measurements),
        "revisions": sorted(campaign.revisions),
        "rounds": sorted(campaign.rounds),
        "workers": len(campaign.workers),
        "rows": campaign.rows,
        "exclusions": None if known is None else known.get("excludes", ""),
        "document": known,
    }


def _moment(moment_us: int | None) -> str | None:
    """UTC as RFC 3339 writes it; None for nothing, or for a time that calendars do not have."""
    if moment_us is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=moment_us)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None
