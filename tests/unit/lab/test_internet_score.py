"""The score of a map: each of its numbers moves with what it is about, and with nothing else."""

from pathlib import Path

import numpy as np
import pytest

from hoploom.wire.addresses import column
from lab.internet.exchange import SEEN
from lab.internet.files import topology
from lab.internet.score import Map, Score, score
from lab.internet.truth import Truth

CHAIN = Path(__file__).resolve().parents[2] / "data" / "topologies" / "chain.toml"
WAY = ["198.18.0.1", "198.18.0.5", "198.18.0.9", "198.18.0.13", "198.18.1.7"]


def judged(*traces: list[str], probes: int = 10) -> Score:
    """The score of traces of 198.18.1.7 and 198.18.3.7 (two hops), which cost so many probes of each."""
    targets = column(["198.18.1.7", "198.18.3.7"])
    seen = np.zeros(2 * probes, SEEN)
    seen["target"] = np.repeat(targets, probes, axis=0)
    hops = [(number, ttl, hop) for number, trace in enumerate(traces) for ttl, hop in enumerate(trace, 1)]
    found = Map(
        targets,
        np.array([hop[0] for hop in hops], np.int32),
        np.array([hop[1] for hop in hops], np.uint8),
        column(hop[2] for hop in hops),
    )
    return score(Truth(topology(CHAIN.read_text(encoding="utf-8"))), seen, found)


@pytest.mark.parametrize(
    ("traces", "interfaces", "share", "false_links", "invented"),
    [
        ([WAY, WAY[:2]], 4, 1.0, 0, 0),
        ([WAY], 4, 1.0, 0, 0),
        ([WAY[:2]], 2, 0.5, 0, 0),
        ([[]], 0, 0.0, 0, 0),
        ([[*WAY[:2], "", WAY[3]]], 3, 0.75, 0, 0),
        ([[*WAY[:2], WAY[3]]], 3, 0.75, 1, 0),
        ([[*WAY[:2], "203.0.113.1", *WAY[3:]]], 3, 0.75, 2, 1),
        ([WAY, ["198.18.0.1", "198.18.3.7"]], 4, 1.0, 1, 0),
        ([["2001:db8::1", "2001:db8::5"]], 2, 0.0, 0, 0),
    ],
)
def test_a_map_is_worth_what_is_true_of_it(
    traces: list[list[str]], interfaces: int, share: float, false_links: int, invented: int
) -> None:
    found = judged(*traces)
    assert (found.interfaces, found.share, len(found.false_links), found.invented) == (
        interfaces, share, false_links, invented,
    )  # fmt: skip


@pytest.mark.parametrize("probes", [1, 10])
def test_probes_are_counted_a_target(probes: int) -> None:
    assert judged(WAY, probes=probes).probes == probes
