"""A lab of hosts: what a test or a person does with it."""

import contextlib
import functools
import http.client
import shutil
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.hosts import inventory, leftovers, needs, network, repository
from lab.hosts.access import Access
from lab.hosts.addresses import CONTROLLER, Host, Seat, seats
from lab.hosts.cgroups import Groups
from lab.hosts.completed import Completed
from lab.hosts.image import image
from lab.hosts.keeper import Keeper
from lab.hosts.machine import Machine
from lab.hosts.mirror import NAME as MIRROR
from lab.hosts.mirror import URL as MIRROR_URL
from lab.hosts.mirror import Mirror
from lab.hosts.playbook import Played, recap
from waiting import until

ANSIBLE = Path(__file__).resolve().parents[3] / "ansible"
_BOOT_S = 120
Answer = tuple[int, bytes, Mapping[str, str]]


class Lab:
    """Hosts that run while this is entered as a context.

    Attributes:
        folder: Folder of the run; gone at the end.
        seats: Every host with its addresses, by name.
        inventory: Folder of the Ansible inventory.
        access: Keys and files for ssh.
        keeper: The lab's namespaces; `keeper.run` runs a command in them, `keeper.within` a function.
    """

    folder: Path
    inventory: Path
    access: Access
    keeper: Keeper

    def __init__(self, hosts: Sequence[Host], variables: Mapping[str, object] | None = None) -> None:
        """Make nothing yet.

        Args:
            hosts: The hosts.
            variables: What the inventory says of all of them.
        """
        self.seats: dict[str, Seat] = seats(hosts)
        self._variables = dict(variables or {})
        self._machines: dict[str, Machine] = {}
        self._mirror: Mirror | None = None
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> Self:
        lacking = needs.unmet()
        if lacking is not None:
            raise RuntimeError(lacking)
        leftovers.remove()
        with contextlib.ExitStack() as ends:
            self._build(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def ssh(self, name: str, command: str, *, timeout_s: float = 60) -> Completed:
        """Run a shell command on a host as root, over ssh; exit code 255 where ssh itself failed."""
        return self.keeper.run("ssh", "-F", str(self.access.config), name, command, timeout_s=timeout_s)

    def playbook(self, *words: str, timeout_s: float = 900) -> Played:
        """Run ansible-playbook on the lab's inventory, in the folder `ansible/`.

        Args:
            words: Its arguments: a playbook, `-e name=value`, `--check` ...
            timeout_s: Seconds after which it is ended.
        """
        command = [ansible("ansible-playbook"), "-i", str(self.inventory), *words]
        ended = self.keeper.run(*command, timeout_s=timeout_s, cwd=ANSIBLE, **self.ansible_environ)
        return Played(ended.rc, ended.out + ended.err, recap(ended.out))

    @property
    def playbook_log(self) -> Path:
        """What playbooks said, each line with its moment; missing until the first."""
        return self.folder / "ansible.log"

    @property
    def _connections(self) -> Path:
        return self.folder / "cp"

    @property
    def ansible_environ(self) -> dict[str, str]:
        """Environment variables of Ansible: nothing of it goes outside of the lab's folder, and no colours."""
        return {
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            # Two labs have the same names and addresses: each keeps its own connections, or one speaks to the other.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._connections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "10",
            "ANSIBLE_LOG_PATH": str(self.playbook_log),
        }

    def call(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 10,
    ) -> Answer:
        """Ask a URL from the lab's own namespace.

        Args:
            method: The HTTP method.
            url: An `http://` URL with an address, not a name.
            body: What to send.
            headers: Headers to send.
            timeout_s: Seconds for connecting, and between bytes.

        Returns:
            Status, body and headers; a name of a header is in the case that the server chose.

        Raises:
            OSError: nobody answers.
        """
        return self.keeper.within(functools.partial(_call, method, url, body, dict(headers or {}), timeout_s))

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two datacenters, or a datacenter and the edge; nobody is told."""
        network.cut(self.keeper, one, other)

    def join(self, one: str, other: str) -> None:
        """Let everything pass again between two networks."""
        network.join(self.keeper, one, other)

    def power_off(self, name: str) -> None:
        """Cut a host's power: nothing of it runs on. What it had written is on its disk all the same."""
        network.unplug(self.keeper, self.seats[name])
        self._machines[name].power_off()
        for connection in self._connections.glob("*"):
            connection.unlink()  # Ansible would go on to speak into the dead one.

    def boot(self, *names: str) -> None:
        """Switch hosts on, and wait until each has booted.

        Raises:
            AssertionError: one has not in time; its console says more.
        """
        for name in names:
            network.plug(self.keeper, self.seats[name])
            self._machines[name].start(self.keeper, self._groups)
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(self._await_booted, names))

    def console(self, name: str) -> str:
        """What a host wrote on its console so far."""
        return self._machines[name].console.read_text(encoding="utf-8", errors="replace")

    @property
    def mirror(self) -> str:
        """URL of the mirror, which has the engines; it begins to serve when it is first asked for."""
        return self._mirroring.url

    @property
    def mirror_folder(self) -> Path:
        """Folder of the mirror; what is put there is served."""
        return self._mirroring.folder

    def offer_packages(self, *names: str) -> None:
        """Let hosts install these Debian packages, and what they depend on, with apt from the mirror.

        The first time this fetches them from Debian, for a minute; hosts themselves never reach it.

        Raises:
            RuntimeError: there is no such package, or Debian does not answer.
        """
        offered = repository.repository(self._image.root, names)
        self._ends.callback(offered.close)
        place = self.mirror_folder / repository.PLACE
        place.unlink(missing_ok=True)
        place.symlink_to(offered.root)

    @property
    def _mirroring(self) -> Mirror:
        if self._mirror is None:
            self._mirror = Mirror(self.folder / "mirror", self.keeper)
            self._ends.callback(self._mirror.close)
            self._mirror.add_engines()
        return self._mirror

    def _build(self, ends: contextlib.ExitStack) -> None:
        self._image = image()
        ends.callback(self._image.close)
        self.folder = leftovers.new_folder()
        ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._groups = Groups(self.folder.name)
        ends.callback(self._groups.close)
        self._machines = {name: Machine(name, self.folder / "hosts" / name, self._image.root) for name in self.seats}
        for machine in self._machines.values():
            ends.callback(machine.wait)
        self.access = Access(self.folder / "ssh", self.seats, self._machines)
        self.inventory = self.folder / "inventories" / "lab"
        inventory.write(self.inventory, self.seats, self._variables, self.access.config)
        for name, seat in self.seats.items():
            self._machines[name].write("etc/hosts", self._names(seat))
            self._machines[name].write("etc/apt/sources.list", repository.source(MIRROR_URL))
        names = self.folder / "hosts_file"
        names.write_text(self._names(next(iter(self.seats.values()))), encoding="ascii")
        self.keeper = Keeper(names)
        ends.callback(self.keeper.close)
        network.build(self.keeper, self.seats.values())
        self.boot(*self.seats)

    def _names(self, seat: Seat) -> str:
        """/etc/hosts of a host: all hosts, and the mirror at the controller's address in its own network."""
        place = seat.network
        controller = [place.v4(CONTROLLER) if seat.v4 else None, place.v6(CONTROLLER) if seat.v6 else None]
        known = [(address, MIRROR) for address in controller]
        known += [(address, name) for name, each in self.seats.items() for address in (each.v4, each.v6)]
        local = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
        return local + "".join(f"{address} {name}\n" for address, name in known if address)

    def _await_booted(self, name: str) -> None:
        def booted() -> bool:
            # Degraded: all was started, and a unit has failed, as one may that finds no leader after a power cut.
            said = self.ssh(name, "systemctl is-system-running --wait", timeout_s=_BOOT_S).out.strip()
            return said in ("running", "degraded")

        try:
            until(f"{name} booted", booted, within_s=_BOOT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; its console: {self.console(name)[-2000:]}") from None


def ansible(command: str) -> str:
    """An executable of Ansible: the one of our own environment, else the machine's."""
    ours = Path(sys.executable).parent / command
    return str(ours) if ours.exists() else shutil.which(command) or command


def _call(method: str, url: str, body: bytes | None, headers: dict[str, str], timeout_s: float) -> Answer:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
    try:
        connection.request(method, urllib.parse.urlunsplit(("", "", *parts[2:4], "")) or "/", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


