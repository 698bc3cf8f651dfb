"""Whether a Fabio is to list an instance, and under what: the rules by which it makes its table. Pure.

Source: Fabio 1.7.2, registry/consul/passing.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from hoploom.kit.consul_records import Check, Instance
from hoploom.kit.tags import PREFIX
from hoploom.routing.audit_observed import Settings
from hoploom.routing.commands import read
from hoploom.routing.lines import Add
from hoploom.routing.table import registered_lines, split

_NODE_AWAY, _NODE_LEAVES, _LEAVES = "serfHealth", "_node_maintenance", "_service_maintenance"
_MAINTENANCE = "Service Maintenance Mode"


class Due(Enum):
    """Whether an instance belongs into a table."""

    LISTED = "listed"
    UNLISTED = "unlisted"
    EITHER = "either"
    """Depends on settings that are not known here."""


@dataclass(frozen=True)
class Line:
    """What a table has of one tag of an instance.

    Attributes:
        src: Host and path, or `:port`.
        redirect: Whether Fabio answers by itself, so that the instance's address stands nowhere.
    """

    src: str
    redirect: bool = False


def due(checks: Sequence[Check], settings: Settings | None) -> Due:
    """Whether an instance with these checks is to be listed.

    Args:
        checks: Of the instance and of its node.
        settings: Of the Fabio; None where they are not known.
    """
    own = [each for each in checks if not each.of_node]
    if any(map(_is_away, checks)) or not own:
        # Fabio begins with the checks: it never sees an instance without any.
        return Due.UNLISTED
    statuses = settings.statuses if settings else ("passing",)
    passing = sum(each.status in statuses for each in own)
    if passing == len(own):
        return Due.LISTED
    if settings is None:
        return Due.UNLISTED if all(each.status == "critical" for each in own) else Due.EITHER
    return Due.LISTED if passing and settings.checks_required != "all" else Due.UNLISTED


def failing(instance: Instance) -> list[Check]:
    """The checks of an instance that are critical; none where it is in maintenance mode or its node is away."""
    if any(map(_is_away, instance.checks)):
        return []
    return [each for each in instance.checks if each.status == "critical" and not each.of_node]


def lines(instance: Instance, prefix: str = PREFIX) -> tuple[Line, ...]:
    """What a table has of an instance's tags; those over which Fabio stumbles are another finding's matter."""
    return _lines(instance.tags, prefix, instance.dc)


@lru_cache(maxsize=4096)
def _lines(tags: tuple[str, ...], prefix: str, dc: str) -> tuple[Line, ...]:
    # All instances of a service have the same, look after look.
    anybody = Instance("", "anybody", "127.0.0.1", 1, dc=dc, tags=tags)
    commands = (each.command for each in read("\n".join(registered_lines([anybody], prefix))))
    return tuple(_line(each) for each in commands if isinstance(each, Add))


def _is_away(check: Check) -> bool:
    if check.id == _NODE_AWAY or check.id.startswith(_LEAVES) or check.name == _MAINTENANCE:
        return check.status == "critical"
    return check.id == _NODE_LEAVES


def _line(added: Add) -> Line:
    host, path = split(added.src)
    return Line(f"{host.lower()}{path}", any(each.startswith("redirect=") for each in added.opts.split()))
