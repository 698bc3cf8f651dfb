"""HAProxy before several Fabios, with the settings of `fabio/haproxy.cfg.j2`."""

import shutil
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine_processes import LOOPBACK, Child, free_ports
from hoploom.local.render import render
from waiting import until

_STATUS = 17


def fetched(url: str) -> str:
    """A page; empty where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


class Balancer:
    """One HAProxy on loopback.

    Attributes:
        url: Where clients ask.
    """

    def __init__(
        self, routers: Mapping[str, str], folder: Path, *, within: Sequence[str] = (),
        fetch: Callable[[str], str] = fetched,
    ) -> None:
        """Start nothing yet.

        Args:
            routers: Host and port of each Fabio, by its name.
            folder: Where its settings and its log go.
            within: What to put before the command, so that it runs in a namespace.
            fetch: Asks for a page there; empty where nobody answers.
        """
        self._names, self._fetch, (port, stats) = tuple(routers), fetch, free_ports(2)
        self.url, self._stats = f"http://{LOOPBACK}:{port}", f"{LOOPBACK}:{stats}"
        values = {"bind": f"{LOOPBACK}:{port}", "routers": list(routers.items())}
        config = render("fabio/haproxy.cfg.j2", values, folder / "haproxy.cfg")
        with config.open("a", encoding="utf-8") as file:
            file.write(f"\nlisten stats\n    bind {self._stats}\n    stats enable\n    stats uri /\n")
        command = [*within, shutil.which("haproxy") or "haproxy", "-db", "-f", str(config)]
        self._child = Child(command, folder / "haproxy.log")

    def start(self) -> None:
        """Start it, and wait until it sends requests to all."""
        self._child.start()
        self.whole()

    def stop(self) -> None:
        """End it."""
        self._child.stop(kill=True)

    def whole(self) -> None:
        """Wait until it sends requests to all."""
        until("HAProxy has every Fabio", lambda: all(map(self._has, self._names)), 60)

    def states(self) -> dict[str, str]:
        """What it holds of each Fabio: UP, DOWN ...; empty where it does not answer."""
        rows = [line.split(",") for line in self._fetch(f"http://{self._stats}/;csv").splitlines()]
        return {row[1]: row[_STATUS] for row in rows if len(row) > _STATUS and row[1] in self._names}

    def _has(self, name: str) -> bool:
        return self.states().get(name, "").startswith("UP")
