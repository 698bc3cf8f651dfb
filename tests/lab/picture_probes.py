"""The picture of the prober's speed and truth, from one run of `hoploom bench probe`, which measures both."""

import json
import subprocess
from pathlib import Path
from typing import Any

from lab import drawing
from local_cli import HOPLOOM

SCALE = "0.4"
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 900, 150, 760, 84, 62
_ENOUGH = 0.05
"""Part of the hosts' answers that has to be in time: 1,000 of the 20,000, below which a 99th percentile says little."""
_RTT = "RTT error at 50,000 probes/s, 99th percentile"


def make(file: Path) -> None:
    """Measure and draw."""
    command = [str(HOPLOOM), "bench", "probe", "--json", "--scale", SCALE]
    # A bound that a busy machine misses is no reason for no picture: exit 1 says so.
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    file.write_text(drawn(json.loads(ran.stdout)), encoding="utf-8")


def drawn(bench: dict[str, Any]) -> str:
    """The picture of the bench's JSON document."""
    figures = {each["name"]: each for each in bench["figures"]}
    ours, unknown = figures["echo probes/s"], "RTT error: not measured in this bench"
    true, theirs = _errors(figures)
    bars = [
        ("a loop in C", ours["anchor_value"], unknown),
        ("hoploom", ours["value"], true),
        ("fping -i 0", figures["echo probes/s, than fping"]["anchor_value"], theirs),
        ("icmplib", figures["echo probes/s, than icmplib"]["anchor_value"], unknown),
    ]  # fmt: skip
    most = max(rate for _, rate, _ in bars)
    parts = [
        drawing.words(20, 32, "Echo probes a second, and how true the round-trip times are", "head"),
        drawing.words(20, 54, "one process on loopback, each as it is fastest, in turns; median of the rounds", "note"),
    ]
    for row, (name, rate, below) in enumerate(bars):
        y, width = _TOP + row * _ROW, (_RIGHT - _LEFT) * rate / most
        parts += [
            drawing.words(_LEFT - 12, y + 19, name, "end"),
            drawing.box(_LEFT, y, width, 26, "good" if name == "hoploom" else "other"),
            drawing.words(_LEFT + width + 8, y + 19, f"{rate:,.0f}/s"),
            drawing.words(_LEFT, y + 43, below, "note"),
        ]
    y = _TOP + len(bars) * _ROW + 12
    parts += [drawing.words(20, y + 18 * number, each, "note") for number, each in enumerate(_notes(figures, bench))]
    return drawing.picture(_WIDTH, y + 52, "Echo probes a second: " + ", ".join(f"{n} {r:,.0f}" for n, r, _ in bars),
                           parts)  # fmt: skip


def _errors(figures: dict[str, Any]) -> tuple[str, str]:
    """What is said of the RTT errors of ours and of fping."""
    if figures[_RTT]["anchor_value"] < _ENOUGH:
        return ("RTT error: not judged, the hosts to measure against were late themselves",) * 2
    beside, paced = figures[f"{_RTT}, beside fping"], figures["probes/s measured at"]
    return _error(beside["value"], paced["value"]), _error(beside["anchor_value"], paced["anchor_value"])


def _notes(figures: dict[str, Any], bench: dict[str, Any]) -> list[str]:
    """What the figures are, and what they are not."""
    in_time = figures[_RTT]["anchor_value"]
    return [
        "RTT error: 99th percentile against hosts of known delay, the best of five rounds, asked at 50,000 a second.",
        f"In the best round the hosts sent {in_time:.1%} of their answers in time. Ours is of those, fping's of all; "
        f"below {_ENOUGH:.0%} neither is shown.",
        f"One run of `hoploom bench probe --scale {SCALE}`; {bench['machine']['cores']} shared cores, busy with other "
        "work too.",
    ]


def _error(ms: float, rate_pps: float) -> str:
    return f"RTT error {ms * 1_000:,.0f} µs, at {rate_pps:,.0f} answers a second"
