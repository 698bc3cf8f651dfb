"""Columns of a trace as paths."""

from hoploom.cli.trace.paths import Hop, Label, label, paths
from hoploom.prober.traces import FAILED, GAP, REACHED
from unit.cli.trace.columns_of import columns_of

ONE = [(1, "10.0.0.1", 1_500, 11), (2, "", -1, -1), (3, "10.0.0.9", 3_250, 0)]


def test_each_target_has_its_hops_in_order() -> None:
    columns = columns_of((REACHED, 0, ONE), (FAILED, 0, []), (GAP, 2, [(2, "10.0.0.2", 10, 11)]))
    found = list(paths(columns, [("a.test", "10.0.0.9"), ("b", "10.0.0.8"), ("c", "10.0.0.7"), ("left", "10.0.0.6")]))
    assert [(each.target, each.address, each.outcome, each.joined_ttl, len(each.hops)) for each in found] == [
        ("a.test", "10.0.0.9", REACHED, 0, 3), ("b", "10.0.0.8", FAILED, 0, 0), ("c", "10.0.0.7", GAP, 2, 1),
    ]  # fmt: skip
    assert found[0].hops[0] == Hop(1, "10.0.0.1", 1_500, 63, 1, 11, 0, 1_700_000_000.0, ())
    assert found[0].hops[1] == Hop(2, "", -1, -1, -1, -1, -1, 1_700_000_000.001, ())
    assert (found[0].distance, found[1].distance, found[0].sent, found[2].at_s) == (3, 0, 4, 1_700_000_002.0)


def test_labels_stand_with_their_hop_from_the_top() -> None:
    entries = [(0, 16 << 12 | 5 << 9 | 254), (0, 17 << 12 | 1 << 8 | 1)]
    (found,) = paths(columns_of((REACHED, 0, ONE), labels=entries), [("a", "10.0.0.9")])
    assert found.hops[0].labels == (Label(16, 5, False, 254), Label(17, 0, True, 1))
    assert found.hops[2].labels == ()


def test_the_largest_label_is_read() -> None:
    assert label(2**32 - 1) == Label(2**20 - 1, 7, True, 255)


def test_no_targets_have_no_paths() -> None:
    assert list(paths(columns_of(), [])) == []
