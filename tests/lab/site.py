"""A lab of hosts on which `ansible/site.yml` makes a mesh.

It brings what a person would: the inventory's variables, archives with their sums, and secrets.
"""

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hoploom import __version__
from hoploom.archive.making import Wanted, make
from lab.hosts import Host, Lab, Played

EVERY = ("nomad_clients", "fabio", "workers")
SERVERS = ("consul_servers", "nomad_servers")
ONE_DATACENTER = (Host("a1", groups=(*SERVERS, *EVERY)), Host("a2", groups=EVERY))
TWO_DATACENTERS = (
    *(Host(name, groups=(*SERVERS, *EVERY)) for name in ("a1", "a2", "a3")),
    Host("b1", dc="dc2", groups=("consul_servers", *EVERY)),
    Host("b2", dc="dc2", groups=EVERY),
)
ONE_IN_EACH = (Host("a1", groups=(*SERVERS, *EVERY)), Host("b1", dc="dc2", groups=("consul_servers", *EVERY)))
SIZES = {"one": ONE_DATACENTER, "each": ONE_IN_EACH, "two": TWO_DATACENTERS}
SERVICES = ("input", "output", "manager")


class Site(NamedTuple):
    """A lab with all that its playbooks need.

    Attributes:
        lab: The hosts.
        password: File with the password of the inventory's Vault file.
    """

    lab: Lab
    password: Path

    def play(self, *words: str, timeout_s: float = 1200) -> Played:
        """Run a playbook with the secrets at hand."""
        return self.lab.playbook(*words, "--vault-password-file", str(self.password), timeout_s=timeout_s)

    def bearer(self) -> dict[str, str]:
        """The header with the operators' token, as a host has it."""
        name = next(iter(self.lab.seats))
        return {"Authorization": f"Bearer {self.lab.ssh(name, 'cat /etc/hoploom/tokens/operator').out.strip()}"}

    def routes(self, address: str, node: str, timeout_s: float = 10) -> list[dict[str, Any]]:
        """The route table of a host's Fabio."""
        status, body, _ = self.lab.call("GET", f"http://{address}:9999/_mesh/{node}/api/routes", timeout_s=timeout_s)
        assert status == 200, (status, body)
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def targets(self, address: str, node: str, timeout_s: float = 10) -> Mapping[str, set[str]]:
        """Where a host's Fabio sends requests, by service."""
        found: dict[str, set[str]] = {}
        for route in self.routes(address, node, timeout_s):
            found.setdefault(route["service"], set()).add(route["dst"])
        return found


def prepare(lab: Lab, archive: Path | None = None) -> Site:
    """Put archives into the mirror, write the inventory's variables, and make its secrets.

    Args:
        lab: Hosts that run.
        archive: One of `hoploom build`; made where there is none.
    """
    folder = lab.mirror_folder
    if archive is None:
        make(Wanted(), folder)
    else:
        shutil.copy(archive, folder)
    write_variables(lab, "site", {
        "hoploom_home_dc": "dc1",
        "hoploom_networks": ["10.71.0.0/16", "fd71::/16", "192.168.71.0/24"],
        "hoploom_mirror": lab.mirror,
        "hoploom_mirror_sha256": sums(lab),
        "hoploom_version": __version__,
    })
    password = lab.folder / "vault-password"
    password.write_text(f"{secrets.token_hex(16)}\n", encoding="ascii")
    password.chmod(0o600)
    made = lab.playbook("secrets.yml", "-e", f"secrets_password_file={password}")
    assert made.rc == 0, made.output
    return Site(lab, password)


def sums(lab: Lab) -> dict[str, str]:
    """SHA-256 of every archive in the mirror, by its name."""
    return {path.name: _sha256(path) for path in lab.mirror_folder.iterdir() if path.is_file()}


def write_variables(lab: Lab, name: str, variables: Mapping[str, object]) -> None:
    """Variables of all hosts, in a file of the inventory; JSON is YAML."""
    path = lab.inventory / "group_vars" / "all" / f"{name}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(variables), encoding="utf-8")


def changed(played: Played) -> dict[str, int]:
    """How much each host was changed."""
    return {host: counts["changed"] for host, counts in played.stats.items()}


def main(words: Sequence[str]) -> int:
    """`python3 tests lab site [one|each|two]`: from bare hosts to healthy services, twice; returns the exit code.

    one: two hosts in one datacenter; each: a host in each of two; two (default): three hosts and two.
    """
    with Lab(SIZES[words[0] if words else "two"]) as lab:
        site = prepare(lab)
        for run in ("site.yml --check", "site.yml", "site.yml", "site.yml --check"):
            began = time.monotonic()
            played = site.play(*run.split())
            print(f"{run}: {time.monotonic() - began:.0f} s, changed {changed(played)}", flush=True)
            if played.rc:
                print(played.output)
                return 1
        for name, seat in lab.seats.items():
            print(name, {each: len(found) for each, found in site.targets(seat.address, name).items()})
    return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
