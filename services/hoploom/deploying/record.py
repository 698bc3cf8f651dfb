"""What a deploy keeps of itself in Consul: who deploys what, since when, how far it is, and by which process."""

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """What a deploy keeps of itself; `dc` is the datacenter from which it is done, empty in a record of before."""

    version: str
    old: tuple[str, ...] = ()
    job: str = ""
    before: int = 0
    way: str = ""
    datacenters: tuple[str, ...] = ()
    where: str = ""
    who: str = ""
    since: str = ""
    process: str = ""
    dc: str = ""
    v: int = field(default=1)

    def told(self) -> str:
        """For a person."""
        return f"{self.who} has been deploying {self.version} since {self.since}"

    def as_bytes(self) -> bytes:
        """For the key."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, value: bytes) -> "Record | None":
        """What stands in the key; None where it is nothing of ours, such as what `consul lock` writes."""
        try:
            found = json.loads(value)
            known = {each.name for each in fields(cls)}
            given: dict[str, Any] = {name: _hashable(said) for name, said in found.items() if name in known}
            return cls(**given)
        except (ValueError, TypeError, AttributeError):
            return None


def _hashable(said: object) -> object:
    return tuple(said) if isinstance(said, list) else said


def signed(record: Record) -> Record:
    """A record with who deploys, since when, and by which process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    host = socket.gethostname()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    process = f"{host} {os.getpid()} {_started(os.getpid())}"
    return replace(record, who=f"{user}@{host}", since=now, process=process)


def has_died(process: str) -> bool:
    """Whether a process, as `signed` names it, is one of this machine's and known to have ended."""
    host, _, rest = process.partition(" ")
    pid, _, started = rest.partition(" ")
    return host == socket.gethostname() and pid.isdigit() and bool(started) and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
