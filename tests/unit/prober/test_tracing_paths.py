"""The machine of a trace against one path at a time: each outcome, each kind of hop."""

from __future__ import annotations

import pytest

from hoploom.prober.trace_paths import MOST_SPARE
from hoploom.prober.traces import OUTCOMES
from unit.prober.paths import UNREACHABLE, Path, hops, path_of, routers, trace

LOOPING = ["10.0.0.1", "10.0.0.2", *("10.0.0.3", "10.0.0.4") * 31]
TABLE: dict[str, tuple[Path, str, int, int, list[tuple[int, str]]]] = {
    # what it is: path, outcome, distance, packets at most, hops
    "a target that replies": (Path(routers(5)), "reached", 6, 7, path_of(*routers(5), "192.0.2.9")),
    "a target that says port unreachable": (
        Path(routers(5), says=(3, 3), is_quoting=True), "reached", 6, 7, path_of(*routers(5), "192.0.2.9")),
    "a target next door": (Path([]), "reached", 1, 2, [(1, "192.0.2.9")]),
    "a silent target": (Path(routers(6), says=None), "gap", 0, 16, path_of(*routers(6))),
    "a silent target far away": (Path(routers(25), says=None), "gap", 0, 31, path_of(*routers(25))),
    "a last router that refuses": (
        Path(routers(6), says=UNREACHABLE, by="10.0.0.6", is_quoting=True), "unreachable", 0, 7,
        [*path_of(*routers(6)), (32, "10.0.0.6")]),
    "a last router that refuses and quotes nothing": (
        Path(routers(6), says=UNREACHABLE, by="10.0.0.6"), "unreachable", 0, 8,
        [*path_of(*routers(6), "10.0.0.6"), (32, "10.0.0.6")]),
    "a refusal whose sender seems nearer than it is": (
        Path(routers(6), says=UNREACHABLE, by="10.0.0.6", initial_ttl=67), "unreachable", 0, 8,
        [*path_of(*routers(6), "10.0.0.6"), (32, "10.0.0.6")]),
    "somebody who refuses and answers nothing else": (
        Path(routers(6), says=UNREACHABLE, by="10.0.0.99", is_quoting=True), "unreachable", 0, 32,
        [*path_of(*routers(6)), (32, "10.0.0.99")]),
    "two routers that send it to and fro": (
        Path(LOOPING, says=None), "loop", 0, 17, [*path_of(*LOOPING[:16]), (32, "10.0.0.4")]),
    "a router that answers twice in a row": (
        Path(["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"]), "reached", 5, 6,
        path_of("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "192.0.2.9")),
    "silent routers on the way": (
        Path(["10.0.0.1", "", "", "10.0.0.4"]), "reached", 5, 8,
        path_of("10.0.0.1", "", "", "10.0.0.4", "192.0.2.9")),
    "a silent first router": (Path(["", "10.0.0.2"]), "reached", 3, 4, path_of("", "10.0.0.2", "192.0.2.9")),
    "silence everywhere": (Path([""] * 40, says=None), "gap", 0, 21, []),
    "a gap that hides the rest": (
        Path([*routers(8), *[""] * 8, *routers(8, "10.0.1.")], says=None), "gap", 0, 16, path_of(*routers(8))),
    "a target whose replies arrive with a small TTL": (
        Path(routers(4), initial_ttl=20), "reached", 5, 17, path_of(*routers(4), "192.0.2.9")),
    "a way back that is longer": (
        Path(routers(4), initial_ttl=58), "reached", 5, 15, path_of(*routers(4), "192.0.2.9")),
    "a way back that is shorter": (
        Path(routers(9), initial_ttl=70), "reached", 10, 33, path_of(*routers(9), "192.0.2.9")),
    "a path longer than the largest TTL": (
        Path(routers(40)), "gap", 0, 32, path_of(*routers(32))),
    "an IPv6 path": (
        Path(["2001:db8::1", "2001:db8::2"], target="2001:db8:9::9", says=(129, 0)), "reached", 3, 4,
        path_of("2001:db8::1", "2001:db8::2", "2001:db8:9::9")),
    "an address that is a router's": (
        Path(["10.0.0.1", "192.0.2.9"], says=None), "reached", 2, 16, path_of("10.0.0.1", "192.0.2.9")),
}


@pytest.mark.parametrize(("path", "outcome", "distance", "packets", "expected"), TABLE.values(), ids=TABLE)
def test_a_path_of(path: Path, outcome: str, distance: int, packets: int, expected: list[tuple[int, str]]) -> None:
    drive, found = trace(path)
    assert hops(found) == expected
    assert (OUTCOMES[found.outcome[0]], found.distance[0], found.joined_ttl[0]) == (outcome, distance, 0)
    assert found.sent[0] == len(drive.sent) <= packets
    assert len(drive.sent) - len(set(drive.sent)) <= MOST_SPARE, "no TTL is probed twice but holes"
