"""What is written to the KV store is measured before Consul refuses it."""

import pytest

from hoploom.kit import kv_sizes, metrics


def under(limit: float) -> float:
    found = metrics.registry.get_sample_value("hoploom_kv_value_bytes_bucket", {"le": f"{float(limit)}"})
    assert found is not None
    return found


def total() -> float:
    return metrics.registry.get_sample_value("hoploom_kv_value_bytes_count") or 0


SIZES = [
    ("a small value", 10, 1),
    ("one at our own limit", kv_sizes.OWN_BYTES, 1),
    ("one over it", kv_sizes.OWN_BYTES + 1, 0),
]


@pytest.mark.parametrize(("what", "size", "within"), SIZES, ids=[each[0] for each in SIZES])
def test_a_value_is_within_our_limit_or_not(what: str, size: int, within: int) -> None:
    before = under(kv_sizes.OWN_BYTES), total()
    kv_sizes.measure([b"x" * size])
    assert (under(kv_sizes.OWN_BYTES) - before[0], total() - before[1]) == (within, 1), what


def test_a_transaction_counts_its_operations_and_what_it_writes() -> None:
    before = total()
    kv_sizes.measure_transaction([{"Verb": "set", "Key": "a", "Value": b"1"}, {"Verb": "check-session", "Key": "b"}])
    assert total() - before == 1
    assert metrics.registry.get_sample_value("hoploom_kv_transaction_operations_bucket", {"le": "8.0"})
