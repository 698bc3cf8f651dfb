"""Reads the facts of this host: files under /proc, limits, free ports and space. Changes nothing and sends nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import shutil
import struct
import sys
from pathlib import Path

from hoploom import engines
from hoploom.doctor.facts import Facts, Host, Process, Surroundings
from hoploom.doctor.reading_sockets import read_sockets
from hoploom.local import ports
from hoploom.local.places import DEFAULT_MESH, Places
from hoploom.local.processes import Process as EngineProcess
from hoploom.prober import loopback_namespace

_PORTS = {"consul_http": "Consul", "nomad_http": "Nomad", "fabio_proxy": "Fabio"}
_REJECT = 0x0200
"""RTF_REJECT of linux/route.h: the route that says there is none."""
_STA_UNSYNC, _TIME_ERROR = 0x40, 5
_TIMEX = struct.Struct("@Illlli")
"""Start of struct timex (adjtimex(2)): modes, offset, frequency, greatest error, estimated error, status."""
_TIMEX_BYTES = 512
"""More than the structure has on any architecture: 208 on those of 64 bits."""


def read() -> Facts:
    """All facts, as they are now."""
    return Facts(
        sockets=read_sockets(), process=read_process(), host=read_host(), surroundings=read_surroundings()
    )


def read_process() -> Process:
    """About this process."""
    status = _text("/proc/self/status")
    return Process(
        platform=sys.platform,
        machine=platform.machine(),
        bits=struct.calcsize("P") * 8,
        python=sys.version_info[:3],
        executable=os.path.realpath("/proc/self/exe" if sys.platform == "linux" else sys.executable),
        user=os.geteuid(),
        groups=tuple(sorted({os.getegid(), *os.getgroups()})),
        may_gain="NoNewPrivs:\t1" not in status,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


def read_host() -> Host:
    """About the host."""
    is_synchronized, error_us = read_clock()
    return Host(
        ping_groups=read_ping_groups(),
        namespace_limits=loopback_namespace.limits(),
        routes=read_routes(),
        rmem_max=_number("net.core.rmem_max", 0),
        conntrack=read_conntrack(),
        conntrack_s=_number("net.netfilter.nf_conntrack_icmp_timeout", 30),
        is_synchronized=is_synchronized,
        clock_error_us=error_us,
    )


def read_ping_groups() -> tuple[int, int] | None:
    """The groups that may open ICMP datagram sockets (icmp(7)); None where there is no such setting."""
    words = _text(_of_sysctl("net.ipv4.ping_group_range")).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else None  # noqa: PLR2004


def read_routes() -> tuple[int, ...]:
    """Families with a default route, by /proc/net/route and ipv6_route."""
    rows = [line.split() for line in _text("/proc/net/route").splitlines()[1:]]
    has_ipv4 = any(len(row) > 7 and row[1] == row[7] == "00000000" for row in rows)  # noqa: PLR2004
    rows = [line.split() for line in _text("/proc/net/ipv6_route").splitlines()]
    has_ipv6 = any(
        len(row) > 9 and row[0] == "0" * 32 and row[1] == "00" and not int(row[8], 16) & _REJECT and row[9] != "lo"  # noqa: PLR2004
        for row in rows
    )
    return (*((4,) if has_ipv4 else ()), *((6,) if has_ipv6 else ()))


def read_conntrack() -> tuple[int, int] | None:
    """Entries of the connection table, now and at most; None where the kernel has none."""
    most = _number("net.netfilter.nf_conntrack_max", -1)
    return None if most < 0 else (_number("net.netfilter.nf_conntrack_count", 0), most)


def read_clock() -> tuple[bool | None, int]:
    """Whether something keeps the clock right, and the greatest error in microseconds, by adjtimex(2)."""
    if sys.platform != "linux":
        return None, 0
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes 0: read only
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    if state < 0:
        return None, 0
    _, _, _, greatest_us, _, status = _TIMEX.unpack_from(buffer)
    return state != _TIME_ERROR and not status & _STA_UNSYNC, greatest_us


def read_surroundings() -> Surroundings:
    """What a whole mesh would need here."""
    state = Places.of(DEFAULT_MESH).root.parent
    there = next(folder for folder in (state, *state.parents) if folder.exists())
    return Surroundings(
        engines={each.name: each.engine.version if each.engine else "" for each in engines.found()},
        taken=read_taken(state),
        state=str(state),
        free_bytes=shutil.disk_usage(there).free,
        is_writable=os.access(there, os.W_OK | os.X_OK),
    )


def read_taken(state: Path) -> dict[int, str]:
    """The engines' usual ports that something listens on which is no mesh of this user's."""
    ours = {port for record in map(Places.read, _meshes(state)) if _runs(record) for port in record["ports"].values()}
    usual = {ports.USUAL[name]: engine for name, engine in _PORTS.items()}
    return {port: engine for port, engine in usual.items() if port not in ours and not ports.is_free(port)}


def _meshes(state: Path) -> list[Places]:
    try:
        return [Places(file.parent.name, file.parent) for file in state.glob("*/mesh.json")]
    except OSError:
        return []


def _runs(record: dict[str, object]) -> bool:
    known = record.get("processes")
    each = known.values() if isinstance(known, dict) and "ports" in record else ()
    return any(EngineProcess(int(process["pid"]), str(process["started"])).alive for process in each)


def _of_sysctl(name: str) -> str:
    return f"/proc/sys/{name.replace('.', '/')}"


def _number(name: str, absent: int) -> int:
    """A kernel parameter that is one number."""
    text = _text(_of_sysctl(name)).strip()
    return int(text) if text.lstrip("-").isdigit() else absent


def _text(path: str) -> str:
    """A file of the kernel's; empty where there is none, or where it is hidden from us."""
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
