"""Campaigns as pages show them: how each stands, and what may be done with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.manager.seeing.seen import SeenMesh
from hoploom.wire.probe import TRACE
from hoploom.wire.standing import FINISHED, PAUSED, RUNNING, STOPPED, WAITING, Standing, standing

STATES = (RUNNING, WAITING, PAUSED, FINISHED, STOPPED)
SHADES: Mapping[str, str] = {
    RUNNING: "passing", WAITING: "warning", PAUSED: "warning", FINISHED: "passing", STOPPED: "stopped",
}  # fmt: skip
"""How a state is coloured; its word stands beside."""


@dataclass(frozen=True)
class Row:
    """One campaign.

    Attributes:
        found: As the input service tells of it.
        stands: How it stands.
        paused_by_name: Whether it is paused itself, not only with everything.
        home: Datacenter that it belongs to, where that is another one than the manager's; else empty.
    """

    found: Mapping[str, Any]
    stands: Standing
    paused_by_name: bool
    home: str

    @property
    def campaign(self) -> Mapping[str, Any]:
        """What it is."""
        campaign: Mapping[str, Any] = self.found["campaign"]
        return campaign

    @property
    def contact(self) -> str:
        """Who answers for it."""
        return str(self.campaign.get("contact", ""))

    @property
    def stopped_us(self) -> int:
        """When somebody stopped it for good; 0 for never."""
        return int(self.campaign.get("stopped_us", 0))

    @property
    def stopped_by(self) -> str:
        """Who that was."""
        return str(self.campaign.get("stopped_by", ""))

    @property
    def kind(self) -> str:
        """How its targets are probed, for people."""
        return f"traceroute ({self.campaign['probe'].get('protocol', 'icmp')})" if self.traces else "ping"

    @property
    def traces(self) -> bool:
        """Whether it finds paths."""
        return bool(self.campaign["probe"].get("kind") == TRACE)

    @property
    def shade(self) -> str:
        """How its state is coloured."""
        return SHADES[self.stands.state]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is probed any more."""
        return self.stands.state in (FINISHED, STOPPED)

    @property
    def percent(self) -> int:
        """How much of the running rounds is done."""
        return 100 * self.stands.done // self.stands.whole if self.stands.whole else 0

    @property
    def away(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Datacenters that cannot be asked, with what is known of them."""
        return [(dc, each) for dc, each in self.found.get("datacenters", {}).items() if each["away"]]


def rows(seen: SeenMesh) -> list[Row]:
    """All campaigns that a manager sees, in its order."""
    return [row(each, seen) for each in seen.campaigns.found]


def row(found: Mapping[str, Any], seen: SeenMesh) -> Row:
    """One campaign.

    Args:
        found: As the input service tells of it.
        seen: What lies over it.
    """
    overlay = seen.overlay.found or {}
    home = found["campaign"].get("home_dc", "")
    by_name = found["campaign"]["id"] in overlay.get("paused_campaigns", ())
    return Row(found, standing(found, overlay), by_name, home if home != seen.dc else "")
