"""What `hoploom status` says of routers: one line, and only where something is wrong."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.cli import status
from hoploom.manager.auditing.standing import FindingStanding, RouterStanding, Standing

WELL = Standing("m", 1, (RouterStanding("n1", "follows"), RouterStanding("n2")))
STALLED = RouterStanding("n1", "stalled", why="the table of n1 stands still")
SHRUNKEN = RouterStanding("n2", "follows", shrunken="the table of n2 has lost routes")
ERROR = FindingStanding("stale", "error", "n1", "x", "n1 sends to x", "restart it")


@pytest.mark.parametrize(
    ("standing", "line"),
    [
        (None, ""),
        (WELL, ""),
        (replace(WELL, findings=(replace(ERROR, severity="warning"),)), ""),
        (replace(WELL, routers=(STALLED, SHRUNKEN)),
         "routers   the table of n1 stands still; the table of n2 has lost routes"),
        (replace(WELL, findings=(ERROR,)), "routers   1 finding: `hoploom route audit`"),
        (replace(WELL, findings=(ERROR, ERROR)), "routers   2 findings: `hoploom route audit`"),
        (replace(WELL, routers=(STALLED,), findings=(ERROR,), old=True), ""),
    ],
    ids=["nobody audits", "all is well", "a warning", "two routers", "a finding", "two findings", "long ago"],
)  # fmt: skip
def test_routers_have_a_line_where_something_is_wrong(standing: Standing | None, line: str) -> None:
    found: dict[str, Any] = {name: [] for name in ("leaders", "owners", "collected", "campaigns")}
    found |= {"overlay": None, "dyfi": None, "routers": standing.to_json() if standing else None}
    assert "".join(status._coordination(found)) == line
