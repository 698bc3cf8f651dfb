"""What the facts mean for somebody who wants to probe. Pure: facts in, findings out.

Sockets are judged in `judging_sockets`. Bounds carry their reason; none of them is a matter of taste alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from hoploom.doctor.facts import BETTER, OK, STOPS, Facts, Finding
from hoploom.doctor.judging_sockets import of_sockets
from hoploom.prober.privileges import lasting_sysctl, sysctl

BUFFER_BYTES = 4 << 20
"""Some 5,000 replies at the 800 bytes that the kernel books for each: a quarter of a second at 20,000 a second."""
_WANTED_BUFFER = "67108864"
FREE_BYTES = 1 << 30
"""A million results are some 50 MB."""
OPEN_FILES = 1_024
"""Below the usual limit, an instance with many callers runs out."""
TRACKED_PPS = 20_000
"""What a worker sends easily; a table that this fills drops packets of every program."""
_CLOCK_ERROR_US = 1_000_000


def judge(facts: Facts) -> list[Finding]:
    """All findings, those about sockets first.

    Args:
        facts: What was read.

    Returns:
        One finding each thing, whatever its verdict.
    """
    return [*of_sockets(facts), *_of_host(facts), *_of_surroundings(facts)]


def can_probe(findings: list[Finding]) -> bool:
    """Whether other hosts than this one can be probed."""
    return all(each.verdict != STOPS for each in findings)


def _of_host(facts: Facts) -> Iterator[Finding]:
    yield _python(facts)
    if facts.sockets.buffer_bytes:
        yield _buffer(facts)
        yield _stamps(facts)
    yield from _conntrack(facts)
    yield _clock(facts)
    yield _open_files(facts)


def _python(facts: Facts) -> Finding:
    process = facts.process
    said = f"Python {'.'.join(map(str, process.python))} on {process.platform}, {process.machine}, {process.bits} bits"
    if process.bits == 64:  # noqa: PLR2004
        return Finding(name="python", verdict=OK, sentence=f"{said}.")
    return Finding(name="python", verdict=BETTER, sentence=f"{said}: the fast engine needs 64, the portable one works.")


def _buffer(facts: Facts) -> Finding:
    size = facts.sockets.buffer_bytes
    said = f"{size / 2**20:.1f} MB of replies can wait to be read"
    if size >= BUFFER_BYTES:
        return Finding(name="receive buffer", verdict=OK, sentence=f"{said}.")
    name = "net.core.rmem_max"
    return Finding(
        name="receive buffer",
        verdict=BETTER,
        sentence=f"{said}; at high rates the system drops what comes beyond, and those targets count as lost.",
        line=sysctl(name, _WANTED_BUFFER) if facts.host.rmem_max else "",
        lasting=lasting_sysctl(name, _WANTED_BUFFER) if facts.host.rmem_max else "",
    )


def _stamps(facts: Facts) -> Finding:
    if facts.sockets.has_stamps:
        return Finding(name="time stamps", verdict=OK, sentence="The kernel stamps each reply as it comes in.")
    return Finding(
        name="time stamps", verdict=BETTER,
        sentence="The kernel stamps no replies: times include how long Python took to read them.",
    )  # fmt: skip


def _conntrack(facts: Facts) -> Iterator[Finding]:
    if facts.host.conntrack is None:
        return
    now, most = facts.host.conntrack
    bound_pps = most // max(facts.host.conntrack_s, 1)
    said = (
        f"Connection tracking keeps each probe for {facts.host.conntrack_s} s in a table of {most:,} ({now:,} used)"
    )
    if bound_pps >= TRACKED_PPS:
        yield Finding(name="conntrack", verdict=OK, sentence=f"{said}.")
        return
    name, wanted = "net.netfilter.nf_conntrack_max", str(TRACKED_PPS * facts.host.conntrack_s)
    yield Finding(
        name="conntrack",
        verdict=BETTER,
        sentence=f"{said}: above {bound_pps:,} packets a second it fills, and packets of every program are dropped.",
        line=sysctl(name, wanted),
        lasting=lasting_sysctl(name, wanted),
    )


def _clock(facts: Facts) -> Finding:
    host = facts.host
    if host.is_synchronized is None:
        return Finding(name="clock", verdict=OK, sentence="The system does not say whether the clock is kept right.")
    if host.is_synchronized and host.clock_error_us <= _CLOCK_ERROR_US:
        said = f"The clock is kept right, within {host.clock_error_us / 1000:,.1f} ms."
        return Finding(name="clock", verdict=OK, sentence=said)
    return Finding(
        name="clock",
        verdict=BETTER,
        sentence="Nothing keeps the clock right: results carry wrong dates; round-trip times are not concerned.",
        line="sudo timedatectl set-ntp true",
    )


def _open_files(facts: Facts) -> Finding:
    most = facts.process.open_files
    said = f"{most:,} files and connections may be open at a time"
    if most >= OPEN_FILES:
        return Finding(name="open files", verdict=OK, sentence=f"{said}.")
    return Finding(
        name="open files", verdict=BETTER, sentence=f"{said}: few for a service that many call.", line="ulimit -n 65536"
    )


def _of_surroundings(facts: Facts) -> Iterator[Finding]:
    found = facts.surroundings
    missing = sorted(name for name, version in found.engines.items() if not version)
    there = ", ".join(f"{name} {version}" for name, version in found.engines.items() if version)
    if missing:
        said = f"{', '.join(missing)} not found; only a whole mesh needs them."
        yield Finding(name="engines", verdict=BETTER, sentence=said, line="hoploom engines --ensure")
    else:
        yield Finding(name="engines", verdict=OK, sentence=f"{there}.")
    yield _ports(facts)
    yield _disk(facts)


def _ports(facts: Facts) -> Finding:
    taken = facts.surroundings.taken
    if not taken:
        return Finding(name="ports", verdict=OK, sentence="The engines' usual ports are free.")
    said = ", ".join(f"{port} ({engine})" for port, engine in taken.items())
    return Finding(
        name="ports", verdict=BETTER, sentence=f"Something listens on {said} already: `hoploom up` takes other ports."
    )


def _disk(facts: Facts) -> Finding:
    found = facts.surroundings
    if not found.is_writable:
        said = f"This user may not write in {found.state}, where a mesh keeps its state."
        return Finding(name="disk", verdict=BETTER, sentence=said, line="export HOPLOOM_STATE=/a/folder/of/yours")
    said = f"{found.free_bytes / 2**30:,.1f} GB are free in {found.state}"
    if found.free_bytes >= FREE_BYTES:
        return Finding(name="disk", verdict=OK, sentence=f"{said}.")
    return Finding(
        name="disk", verdict=BETTER, sentence=f"{said}: workers stop probing where results can be kept no more."
    )
