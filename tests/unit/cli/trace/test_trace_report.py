"""Paths as lines."""

import pytest

from hoploom.cli.trace.paths import paths
from hoploom.cli.trace.report import Report
from hoploom.prober.traces import FAILED, GAP, LOOP, REACHED, UNREACHABLE
from unit.cli.trace.columns_of import Hop, columns_of

FAR: list[Hop] = [(1, "10.0.0.1", 1_500, 11), (2, "", -1, -1), (3, "10.0.0.9", 3_250, 0)]


def lines(outcome: int, joined: int, hops: list[Hop], address: str = "10.0.0.9") -> list[str]:
    (path,) = paths(columns_of((outcome, joined, hops)), [(address, address)])
    return list(Report().path(path))[1:]


CASES: list[tuple[str, int, int, list[Hop], list[str]]] = [
    ("a way with a silent hop", REACHED, 0, FAR, [" 1  10.0.0.1  1.500 ms", " 2  *", " 3  10.0.0.9  3.250 ms"]),
    ("an end of answers", GAP, 0, FAR[:1],
     [" 1  10.0.0.1  1.500 ms", "    not reached: nothing answers from here on"]),
    ("somebody's word", UNREACHABLE, 0, [(1, "10.0.0.1", 1_500, 3)],
     [" 1  10.0.0.1  1.500 ms  !H", "    not reached: it is said to be unreachable"]),
    ("a loop", LOOP, 0, FAR[:1], [" 1  10.0.0.1  1.500 ms", "    not reached: the way goes round in a loop"]),
    ("nothing sent", FAILED, 0, [], ["    nothing could be sent to it"]),
    ("a probe that went first", GAP, 0, [(1, "10.0.0.1", 1_500, 11), (32, "10.0.0.2", 9_000, 11)],
     [" 1  10.0.0.1  1.500 ms", " 2-31  (not probed)", "32  10.0.0.2  9.000 ms",
      "    not reached: nothing answers from here on"]),
    ("a way that joins one of before", REACHED, 3, [(3, "10.0.0.2", 100, 11), (4, "10.0.0.9", 200, 0)],
     [" 1-2  (known already)", " 3  10.0.0.2  0.100 ms", " 4  10.0.0.9  0.200 ms"]),
    ("a way that joins at its second hop", REACHED, 2, [(2, "10.0.0.9", 200, 0)],
     [" 1  (known already)", " 2  10.0.0.9  0.200 ms"]),
    ("two answers at one TTL", REACHED, 0, [(1, "10.0.0.1", 10, 11), (1, "10.0.0.2", 20, 11), (2, "10.0.0.9", 30, 0)],
     [" 1  10.0.0.1  0.010 ms", " 1  10.0.0.2  0.020 ms", " 2  10.0.0.9  0.030 ms"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "joined", "hops", "expected"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_a_path_has_a_line_a_hop(outcome: int, joined: int, hops: list[Hop], expected: list[str]) -> None:
    assert lines(outcome, joined, hops) == expected


def test_a_path_that_joins_another_says_which() -> None:
    columns = columns_of((REACHED, 0, FAR), (REACHED, 3, [(3, "10.0.0.9", 10, 11), (4, "10.0.1.1", 20, 0)]))
    whole, joined = paths(columns, [("a.test", "10.0.0.9"), ("10.0.1.1", "10.0.1.1")])
    report = Report()
    for each in (joined, whole):
        report.remember(each)
    assert list(report.path(joined))[:2] == ["traceroute to 10.0.1.1", " 1-2  as on the way to 10.0.0.9"]
    assert next(iter(report.path(whole))) == "traceroute to a.test (10.0.0.9)"


def test_labels_and_names_are_shown() -> None:
    columns = columns_of((REACHED, 0, FAR), labels=[(0, 16_001 << 12 | 1 << 8 | 1), (0, 17 << 12 | 2)])
    (path,) = paths(columns, [("10.0.0.9", "10.0.0.9")])
    found = list(Report().path(path, {"10.0.0.1": "gate.test", "10.0.0.9": "10.0.0.9"}))
    assert found[1] == " 1  gate.test (10.0.0.1)  1.500 ms  [MPLS label 16001 TTL 1]  [MPLS label 17 TTL 2]"
    assert found[3] == " 3  10.0.0.9  3.250 ms"


@pytest.mark.parametrize(
    ("address", "icmp_type", "icmp_code", "mark"),
    [("10.0.0.9", 3, 3, ""), ("10.0.0.1", 3, 3, "  !3"), ("10.0.0.1", 3, 13, "  !X"), ("10.0.0.1", 11, 0, ""),
     ("2001:db8::1", 1, 3, "  !H"), ("2001:db8::1", 3, 0, ""), ("2001:db8::1", 1, 9, "  !9")],
)  # fmt: skip
def test_what_is_unreachable_has_traceroutes_marks(address: str, icmp_type: int, icmp_code: int, mark: str) -> None:
    columns = columns_of((UNREACHABLE, 0, [(1, address, 1_000, icmp_type)]))
    columns.hop_icmp_code[0] = icmp_code
    (path,) = paths(columns, [("10.0.0.9", "10.0.0.9")])
    assert list(Report().path(path))[1] == f" 1  {address}  1.000 ms{mark}"
