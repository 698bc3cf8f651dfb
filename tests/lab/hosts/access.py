"""How a lab is reached by ssh: keys, known hosts and a configuration file, all made by the run."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.hosts.addresses import Seat
from lab.hosts.machine import Machine

_HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


class Access:
    """Keys and files for ssh.

    Attributes:
        config: The configuration file, for `ssh -F`.
        key: The private key that every host lets in, as root and as `admin`, who may `sudo`.
    """

    def __init__(self, folder: Path, seats: Mapping[str, Seat], machines: Mapping[str, Machine]) -> None:
        """Make everything and put it onto the hosts' disks."""
        folder.mkdir()
        self.config, self.key = folder / "config", folder / "key"
        _make_key(self.key)
        public = self.key.with_suffix(".pub").read_text(encoding="ascii")
        known = []
        for name, machine in machines.items():
            private = folder / f"host-{name}"
            _make_key(private)
            machine.write(_HOST_KEY, private.read_text(encoding="ascii"), mode=0o600)
            machine.write("root/.ssh/authorized_keys", public, mode=0o600)
            machine.write("home/admin/.ssh/authorized_keys", public, mode=0o600)
            names = ",".join(filter(None, (name, seats[name].v4, seats[name].v6)))
            known.append(f"{names} {private.with_suffix('.pub').read_text(encoding='ascii')}")
        (folder / "known_hosts").write_text("".join(known), encoding="ascii")
        self.config.write_text(_config(folder, seats), encoding="ascii")


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(path)], check=True)


def _config(folder: Path, seats: Mapping[str, Seat]) -> str:
    hosts = "".join(f"Host {name}\n    HostName {seat.address}\n" for name, seat in seats.items())
    return f"""{hosts}Host *
    User root
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    UpdateHostKeys no
    BatchMode yes
    ConnectTimeout 10
"""
