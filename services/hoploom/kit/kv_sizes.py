"""How near the values and transactions that we write come to Consul's limits.

Consul refuses a value over 512 KiB (`limits.kv_max_value_size`) and a transaction over 128 operations; ours stay below
64 KiB and 128. A record that grows with use would meet that one day, in the middle of a map; so it is seen before.

Source: HashiCorp, "KV Store - HTTP API" and "Txn - HTTP API".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hoploom.kit import metrics

OWN_BYTES = 65_536
"""What no value of ours may reach; the bucket that an alert looks at."""

_VALUES = metrics.histogram(
    "hoploom_kv_value_bytes",
    "Values written to Consul's KV store.",
    buckets=(1024, 4096, 16_384, OWN_BYTES, 262_144, 524_288),
)
_OPERATIONS = metrics.histogram(
    "hoploom_kv_transaction_operations", "Operations of each transaction at Consul.", buckets=(8, 32, 64, 96, 128)
)


def measure(values: Iterable[bytes]) -> None:
    """Count values that are about to be written, by their size in bytes."""
    for value in values:
        _VALUES.observe(len(value))


def measure_transaction(operations: Sequence[Mapping[str, Any]]) -> None:
    """Count a transaction by its operations, and what it writes by its size."""
    _OPERATIONS.observe(len(operations))
    measure(each["Value"] for each in operations if isinstance(each.get("Value"), bytes))
