"""Settings of a worker. Some are its owner's alone: nobody can set them from afar."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hoploom import kit
from hoploom.kit import setting
from hoploom.kit.errors import ConfigError


@dataclass(frozen=True)
class Settings(kit.Settings):
    """A ping worker: takes leases, probes, and submits results."""

    mesh_url: str = setting(
        "", "The mesh's address, such as https://map.example.org, for a worker on a machine that is not the mesh's.",
        more="Then it needs no Consul and no Fabio, and nothing listens; empty: both are on this machine.",
    )
    mesh_ca_file: str = setting("", "Certificates that the mesh's address is checked by; empty: the system's.")
    identity_dir: str = setting(
        "", "Folder with the key and the credential of a worker that joined; empty is $XDG_STATE_HOME/hoploom/worker."
    )
    worker: str = setting("", "This worker's lasting name; empty names it after its host.")
    group: str = setting("", "Workers of one group share the targets; empty is a group of its own, which maps all.")
    max_rate_pps: int = setting(
        0, "The owner's cap; 0 leaves it to the campaign.", unit="packets a second", more="The smaller of both counts."
    )
    max_network_pps: int = setting(
        0, "The owner's cap to one /24 or /48; 0 leaves it to the campaign.", unit="packets a second",
        more="It holds over all leases together, so it also bounds how often one address is probed.",
    )
    exclude: str = setting(
        "",
        "Blocks, or files or folders of blocks, separated by commas, that this worker never probes, whoever asks.",
        more="Read at its start; a line that is not understood stops it, since half a list leaves out too little.",
    )
    allow_private: bool = setting(
        False, "The owner's own key to loopback and private address space; the campaign needs one too."
    )
    hidden_hops: int = setting(
        0, "So many of the first hops of traceroutes are neither probed nor told to anybody: the owner's own network.",
        more="What a router among them says unasked is left out too.",
    )
    anchors: str = setting(
        "",
        "Addresses, separated by commas, that answer where this worker's network works.",
        more="While none answers, lost targets count for nothing and the work is given back.",
    )
    loopback_will_do: bool = setting(
        False, "Where the system allows no ICMP socket, probe loopback in a namespace of its own, and nothing else."
    )
    push: bool = setting(True, "Hear of pauses and commands on a connection of its own; else they are asked for.")
    place: str = setting("", "Where this worker is, in words that everybody may read; empty: what its invitation says.")
    addresses: str = setting(
        "", "Addresses, separated by commas, at which the mesh's other workers may probe this machine; empty: none."
    )
    attribution: str = setting("", "Address of the probing.txt put into every probe (RFC 9511); empty puts none.")
    location: str = setting(
        "", "Where this worker is, as degrees north and east such as 60.45,22.27; empty: what its invitation says."
    )

    spool_dir: str = setting(
        "",
        "Folder in which results wait for the output; no other process may use it.",
        more="Empty is $XDG_STATE_HOME/hoploom/spool/NAME, in ~/.local/state without that.",
    )
    spool_bytes: int = setting(
        256 * 2**20, "What the spool may hold; never more than half of the free space.", unit="bytes",
        more="When it is over that, nothing more is probed; nothing is dropped. Quarantine takes an eighth of it more.",
    )
    sync_s: float = setting(
        0.0, "Longest time that results wait in memory to be synced to the disk together.", unit="seconds",
        more="30 spares an SD card most writes; a power cut loses what it had not yet, and that is probed again.",
    )
    wait_lock_s: float = setting(
        0.0, "How long to wait for a predecessor that still uses the spool.", unit="seconds", more="0 refuses at once."
    )

    def spool_folder(self, environ: Mapping[str, str] = os.environ) -> Path:
        """The folder in which results wait.

        Raises:
            ConfigError: None is named, and this account has no home folder.
        """
        if self.spool_dir:
            return Path(self.spool_dir).expanduser()
        try:
            state = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        except RuntimeError as error:
            raise ConfigError("this account has no home folder for results: name a folder with --spool-dir") from error
        return state / "hoploom" / "spool" / self.lasting_name

    @property
    def lasting_name(self) -> str:
        """The worker's name: its own, or its host's."""
        return self.worker or socket.gethostname().split(".")[0].lower()
