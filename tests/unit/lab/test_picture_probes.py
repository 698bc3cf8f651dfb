"""The picture of the prober's speed shows RTT errors only where there was enough to judge them by."""

from typing import Any

import pytest

from lab import picture_probes

_RTT = "RTT error at 50,000 probes/s, 99th percentile"


def _bench(in_time: float) -> dict[str, Any]:
    rows = [
        ("echo probes/s", 40_000, 60_000), ("echo probes/s, than fping", 40_000, 30_000),
        ("echo probes/s, than icmplib", 40_000, 5_000), (_RTT, 0.05, in_time), (f"{_RTT}, beside fping", 0.05, 0.8),
        ("probes/s measured at", 50_000, 45_000),
    ]  # fmt: skip
    figures = [{"name": name, "value": value, "anchor_value": anchor} for name, value, anchor in rows]
    return {"figures": figures, "machine": {"cores": 2}}


@pytest.mark.parametrize(("in_time", "told"), [
    pytest.param(0.9, ("RTT error 50 µs", "RTT error 800 µs"), id="hosts in time are judged by"),
    pytest.param(0.001, ("not judged",), id="late hosts are not"),
])  # fmt: skip
def test_errors_are_told_where_hosts_were_in_time(in_time: float, told: tuple[str, ...]) -> None:
    drawn = picture_probes.drawn(_bench(in_time))
    assert all(each in drawn for each in told)
    assert ("not judged" in drawn) == ("not judged" in told)
    assert all(f"{rate}/s" in drawn for rate in ("60,000", "40,000", "30,000", "5,000"))
