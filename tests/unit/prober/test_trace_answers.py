"""Several bunches of answers become one, their labels where they were."""

from hoploom.prober.trace_answers import joined
from lab.trace_world import Arrival, Reply, answers


def arrival(target: int, *labels: int) -> Arrival:
    return Arrival(5_000, 0, target, 3, 1_000, Reply(4_000, bytes([target]) * 16, 11, 0, labels=labels))


def test_bunches_one_after_the_other_are_as_one() -> None:
    arrivals = [arrival(1), arrival(2, 7, 8), arrival(3, 9), arrival(4), arrival(5, 10)]
    found = joined([answers(arrivals[:2]), answers(arrivals[2:4]), answers(arrivals[4:])])
    whole = answers(arrivals)
    for name in ("target", "ttl", "address", "icmp_type", "rtt_us", "at_us", "mpls_row", "mpls_entry"):
        assert getattr(found, name).tolist() == getattr(whole, name).tolist(), name
    assert found.mpls_row.dtype == whole.mpls_row.dtype and found.mpls_row.tolist() == [1, 1, 2, 4]
