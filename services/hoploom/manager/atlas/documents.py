"""Campaigns as Atlas' measurements and workers as its probes. Pure.

What a mesh does not know of itself is null, and addresses of workers are nobody's business.

Source: RIPE Atlas API v2 reference, "measurements" and "probes".
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_US: Final = 1_000_000
ONGOING, STOPPED = (2, "Ongoing"), (4, "Stopped")
NEVER, CONNECTED, DISCONNECTED = (0, "Never Connected"), (1, "Connected"), (2, "Disconnected")
_TYPES: Final = {"ping": "ping", "trace": "traceroute"}


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker, as far as a manager knows it.

    Attributes:
        number: Its permanent number.
        name: Its name.
        status: One of `NEVER`, `CONNECTED` and `DISCONNECTED`.
        since_s: Since when, seconds since 1970; None where that is not known.
        latitude: Degrees north, as its owner says; None where he does not.
        longitude: Degrees east.
    """

    number: int
    name: str
    status: tuple[int, str] = NEVER
    since_s: int | None = None
    latitude: float | None = None
    longitude: float | None = None


def probe(worker: Worker, *, is_public: bool) -> dict[str, Any]:
    """A worker as a probe."""
    number, word = worker.status
    known = worker.latitude is not None and worker.longitude is not None
    point = {"type": "Point", "coordinates": [worker.longitude, worker.latitude]} if known else None
    return {
        "id": worker.number,
        "type": "Probe",
        "description": worker.name,
        "status": {"id": number, "name": word, "since": _moment(worker.since_s)},
        "status_since": worker.since_s,
        "geometry": point,
        "is_anchor": False,
        "is_public": is_public,
        "tags": [{"name": "hoploom", "slug": "hoploom"}],
        **dict.fromkeys(("address_v4", "address_v6", "asn_v4", "asn_v6", "prefix_v4", "prefix_v6", "country_code",
                         "first_connected", "last_connected", "total_uptime")),
    }  # fmt: skip


def measurement(found: Mapping[str, Any], results: str, *, is_public: bool) -> dict[str, Any]:
    """A campaign, as `GET /api/v1/campaigns` of the input service tells it, as a measurement.

    Args:
        found: `{"campaign": ..., "groups": ...}`.
        results: Address of its results.
        is_public: Whether anybody may read them.
    """
    campaign = found["campaign"]
    groups = list(found.get("groups", {}).values())
    is_over = bool(groups) and all(each.get("finished") for each in groups)
    number, word = STOPPED if is_over else ONGOING
    ended_us = max((each.get("changed_at_us") or 0 for each in groups), default=0) if is_over else 0
    families = sorted(map(int, campaign["sets"])) if campaign.get("sets") else []
    made_s = campaign["created_at_us"] // _US
    return {
        "id": campaign["measurement"],
        "type": _TYPES[campaign["probe"].get("kind", "ping")],
        "af": families[0] if len(families) == 1 else None,
        "description": campaign["name"] or campaign["id"],
        "target": campaign["id"],
        "status": {"id": number, "name": word, "when": ended_us // _US or None},
        "creation_time": made_s,
        "start_time": made_s,
        "stop_time": ended_us // _US or None,
        "is_oneoff": campaign.get("rounds", 1) == 1,
        "is_public": is_public,
        "interval": campaign.get("cooldown_minutes", 0) * 60 or None,
        "packets": campaign["probe"].get("count"),
        "size": campaign["probe"].get("size_bytes"),
        "participant_count": len(groups),
        "resolve_on_probe": False,
        "result": results,
        **dict.fromkeys(("target_ip", "target_asn", "group_id", "probes_requested", "probes_scheduled")),
    }


def _moment(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
