"""What pings and traceroutes may be asked: a value that no engine can keep is refused with its range."""

from __future__ import annotations

from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.prober.probes import MAX_INTERVAL_S, ProbeSettings
from hoploom.prober.trace_ring import Ring
from hoploom.prober.traces import TraceSettings

INF, NAN = float("inf"), float("nan")
BOTH = [
    ("interval_s", [0.0, 1e-9, MAX_INTERVAL_S], [-1e-9, MAX_INTERVAL_S * 1.001, INF, NAN]),
    ("timeout_s", [1e-9, 600.0], [0.0, -1.0, 600.1, INF, NAN]),
    ("size_bytes", [0, 65_507], [-1, 65_508]),
    ("rate_pps", [1e-6, 1e9, None], [0.0, -1.0, INF, NAN]),
    ("network_pps", [1e-6, 1e9, None], [0.0, -1.0, INF, NAN]),
]


@pytest.mark.parametrize("kind", [ProbeSettings, TraceSettings])
@pytest.mark.parametrize(("name", "good", "wrong"), BOTH, ids=[name for name, _, _ in BOTH])
def test_ranges_of_both(kind: Any, name: str, good: list[Any], wrong: list[Any]) -> None:
    for value in good:
        assert getattr(kind(**{name: value}), name) == value
    for value in wrong:
        with pytest.raises(ConfigError, match=name):
            kind(**{name: value})


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"count": 0}, "count"),
        ({"count": 65_536}, "count"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": 256}, "ttl"),
        ({"tos": 256}, "tos"),
    ],
)
def test_ranges_of_a_ping(asked: dict[str, int], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ProbeSettings(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"protocol": "tcp"}, "protocol"),
        ({"first_ttl": 0}, "first_ttl"),
        ({"first_ttl": 17}, "split_ttl"),
        ({"split_ttl": 33}, "max_ttl"),
        ({"max_ttl": 65}, "max_ttl"),
        ({"gap_limit": 0}, "gap_limit"),
        ({"gap_limit": 65}, "gap_limit"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": 11}, "attempts"),
    ],
)
def test_ranges_of_a_traceroute(asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        TraceSettings(**asked)


def test_the_longest_interval_is_one_that_a_ring_can_keep() -> None:
    ring = Ring(2, MAX_INTERVAL_S, 1, 0)
    assert sorted(ring.upcoming(0, 2).tolist()) == [0, 1]
    ring.had(0, 2)
    assert ring.is_lap_over
