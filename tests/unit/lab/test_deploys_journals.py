"""How a host's journal is read."""

import pytest

from lab.deploys_diary import Happened
from lab.deploys_journals import entry


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param(
            "1763803100.250000 a3 consul[299]: 2026-11-22T09:37:39.682Z [WARN]  agent.server.raft: failed to contact "
            "quorum of nodes, stepping down",
            Happened(1763803100.25, "a3 consul: agent.server.raft: failed to contact quorum of nodes, stepping down"),
            id="what an agent says, without its own clock",
        ),
        pytest.param(
            "1763803101.500000 a3 systemd[1]: Stopped fabio.service - Fabio.",
            Happened(1763803101.5, "a3 systemd: Stopped fabio.service - Fabio."),
            id="what systemd says of a unit",
        ),
        pytest.param("-- No entries --", None, id="what is no line of a journal"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_line(line: str, found: Happened | None) -> None:
    assert entry("a3", line) == found
