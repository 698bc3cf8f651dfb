"""What is known of a host, as it was read, and what is said of it. Pure; nothing here judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OK, BETTER, STOPS = "ok", "better", "stops"
"""Verdicts: as it should be; works and could be better; nothing but loopback can be probed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What, in a word or two.
        verdict: `OK`, `BETTER` or `STOPS`.
        sentence: What was found and what it means.
        line: The exact line that would help, for a shell; empty where there is none.
        lasting: The line that makes it last; empty where `line` does.
    """

    name: str
    verdict: str
    sentence: str
    line: str = ""
    lasting: str = ""


@dataclass(frozen=True, kw_only=True)
class Sockets:
    """Which sockets this process may open; each empty where it may, else the system's reason.

    Attributes:
        raw: Raw ICMP over IPv4.
        datagram: ICMP datagram over IPv4.
        raw6: Raw ICMP over IPv6.
        datagram6: ICMP datagram over IPv6.
        namespace: Raw ICMP in a user and network namespace of its own.
        engine: What would probe, as `Prober.name`; empty where nothing would, or loopback alone.
        buffer_bytes: Receive buffer that the best of them gets; 0 where there is none.
        has_stamps: Whether the kernel stamps what arrives.
    """

    raw: str = ""
    datagram: str = ""
    raw6: str = ""
    datagram6: str = ""
    namespace: str = ""
    engine: str = "linux raw"
    buffer_bytes: int = 64 << 20
    has_stamps: bool = True


@dataclass(frozen=True, kw_only=True)
class Process:
    """This process.

    Attributes:
        platform: As `sys.platform`.
        machine: Architecture, as `platform.machine()`.
        bits: Of a pointer.
        python: Version.
        executable: The interpreter's file, behind all links.
        user: Effective user id.
        groups: Effective group ids.
        may_gain: False where it may gain no capabilities by running a file (`no_new_privs`).
        open_files: Limit of open files.
    """

    platform: str = "linux"
    machine: str = "x86_64"
    bits: int = 64
    python: tuple[int, ...] = (3, 11, 7)
    executable: str = "/usr/bin/python3.11"
    user: int = 1000
    groups: tuple[int, ...] = (1000,)
    may_gain: bool = True
    open_files: int = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Host:
    """The host.

    Attributes:
        ping_groups: First and last group that may open ICMP datagram sockets; None where the system has no such range.
        namespace_limits: Kernel parameters that may forbid user namespaces, by name.
        routes: Families, 4 and 6, with a way to the world.
        rmem_max: Largest receive buffer that a process may ask for; 0 where unknown.
        conntrack: Entries of the connection table now and at most; None where there is no such table.
        conntrack_s: How long an echo request stays in it.
        is_synchronized: Whether the clock is disciplined; None where the system does not say.
        clock_error_us: The kernel's own bound of the clock's error.
    """

    ping_groups: tuple[int, int] | None = (1, 0)
    namespace_limits: Mapping[str, int] = field(default_factory=dict)
    routes: tuple[int, ...] = (4, 6)
    rmem_max: int = 212_992
    conntrack: tuple[int, int] | None = None
    conntrack_s: int = 30
    is_synchronized: bool | None = True
    clock_error_us: int = 1_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the whole mesh would need on this host.

    Attributes:
        engines: Version of each engine that was found, by name; empty where it is missing.
        taken: The engines' usual ports that something else listens on, and the engine.
        state: Where the state is kept, or would be.
        free_bytes: Free space there.
        is_writable: Whether this user may write there.
    """

    engines: Mapping[str, str] = field(default_factory=dict)
    taken: Mapping[int, str] = field(default_factory=dict)
    state: str = "~/.local/state/hoploom"
    free_bytes: int = 100 << 30
    is_writable: bool = True


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything together."""

    sockets: Sockets = field(default_factory=Sockets)
    process: Process = field(default_factory=Process)
    host: Host = field(default_factory=Host)
    surroundings: Surroundings = field(default_factory=Surroundings)
