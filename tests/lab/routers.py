"""Routers side by side before the same two backends: Fabio in any settings, HAProxy, and nobody.

Backends are nginx's, which answer from memory, so that what is measured is the router. All of it is on loopback.
"""

import contextlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from engine_processes import LOOPBACK, Child, ConsulAgent, ask, free_ports
from hoploom.local.listeners import Listener
from hoploom.local.own_engines import FABIO_MEMORY, GOGC
from hoploom.local.render import render
from waiting import until

ANSWER = "hoploom" * 32
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ {listen} location / {{ return 200 "{answer}"; }} }}
}}
"""
_HAPROXY = """
global
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend all
  bind {listen}
  default_backend both
backend both
  balance random
"""


@dataclass
class Router:
    """One way to the backends.

    Attributes:
        name: What it is called in figures.
        url: Where it is asked.
        process: What it runs as; None where nobody is in between.
    """

    name: str
    url: str
    process: Child | None = None

    def cpu_s(self) -> float:
        """Processor time that it has taken since its start, in user and system mode."""
        return _cpu_s(self.process.pid) if self.process else 0.0

    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1] if self.process else "0"
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Routers:
    """The backends, the Consul that lists them, and the routers that were started."""

    folder: Path
    fabio: Path
    consul: ConsulAgent
    backends: list[int]
    started: list[Child] = field(default_factory=list)

    def direct(self) -> Router:
        """Nobody in between."""
        return Router("direct", f"http://{LOOPBACK}:{self.backends[0]}/")

    def haproxy(self) -> Router:
        """Debian's HAProxy, as it comes."""
        (port,) = free_ports(1)
        servers = "".join(f"  server b{each} {LOOPBACK}:{each}\n" for each in self.backends)
        path = self.folder / "haproxy.cfg"
        path.write_text(_HAPROXY.format(listen=f"{LOOPBACK}:{port}") + servers)
        child = self._started(["haproxy", "-db", "-f", str(path)], "haproxy", {})
        return self._ready(Router("HAProxy", f"http://{LOOPBACK}:{port}/", child))

    def as_it_comes(self, name: str = "Fabio as it comes", environ: Mapping[str, str] | None = None, *,
                    executable: Path | None = None, settings: Mapping[str, str] | None = None) -> Router:
        """A Fabio without settings but its addresses.

        Args:
            name: In figures.
            environ: Added to its environment.
            executable: Another one than the mesh's.
            settings: Added, as in its file.
        """
        port, admin = free_ports(2)
        lines = {
            "proxy.addr": f"{LOOPBACK}:{port}", "ui.addr": f"{LOOPBACK}:{admin}",
            "registry.consul.addr": urlsplit(self.consul.url).netloc, **(settings or {}),
        }  # fmt: skip
        path = self.folder / f"{name.replace(' ', '-').replace('/', '-')}.properties"
        path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
        child = self._started([str(executable or self.fabio), "-cfg", str(path)], path.stem, environ or {})
        return self._ready(Router(name, f"http://{LOOPBACK}:{port}/", child))

    def as_here(self, name: str = "Fabio as configured here", **changed: object) -> Router:
        """A Fabio with the settings of `fabio/fabio.properties.j2` and the environment that belongs to them."""
        port, admin, metrics = free_ports(3)
        values = {
            "listeners": [Listener(f"{LOOPBACK}:{port}").as_dict()],
            "ports": {"fabio_ui": admin, "fabio_metrics": metrics},
            "consul_at": urlsplit(self.consul.url),
            "certificates": "", "kv_prefix": "", "node": "here", "address": LOOPBACK,
            "leaving": {"grace": "0s", "wait": "1s"}, "gogc": GOGC,
            **changed,
        }  # fmt: skip
        path = render("fabio/fabio.properties.j2", values, self.folder / f"{name.replace(' ', '-')}.properties")
        child = self._started([str(self.fabio), "-cfg", str(path)], path.stem, {"GOMEMLIMIT": FABIO_MEMORY})
        return self._ready(Router(name, f"http://{LOOPBACK}:{port}/", child))

    def _started(self, command: list[str], name: str, environ: Mapping[str, str]) -> Child:
        words = ["env", "-u", "GOGC", *(f"{key}={value}" for key, value in environ.items()), *command]
        child = Child(words, self.folder / f"{name}.log")
        child.start()
        self.started.append(child)
        return child

    def _ready(self, router: Router) -> Router:
        until(f"{router.name} answers", lambda: _answers(router.url), 20)
        return router


@contextlib.contextmanager
def routers(fabio: Path, consul: Path, folder: Path) -> Iterator[Routers]:
    """The backends and the Consul; what was started is ended with them."""
    agent = ConsulAgent(consul, folder / "consul")
    made = Routers(folder, fabio, agent, free_ports(2))
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert nginx, "nginx is not there (apt-get install nginx-light)"
    listen = " ".join(f"listen {LOOPBACK}:{each};" for each in made.backends)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, listen=listen, answer=ANSWER))
    try:
        agent.start()
        made.started.append(Child([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "nginx.log"))
        made.started[-1].start()
        for each in made.backends:
            until("a backend", partial(_answers, f"http://{LOOPBACK}:{each}/"), 10)
            record = {"ID": f"shop-{each}", "Name": "shop", "Address": LOOPBACK, "Port": each,
                      "Tags": ["urlprefix-/"], "Check": {"TTL": "30m", "Status": "passing"}}  # fmt: skip
            assert ask("PUT", f"{agent.url}/v1/agent/service/register", record) is not None
        yield made
    finally:
        for child in reversed(made.started):
            child.stop()
        agent.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.read().decode() == ANSWER)
    except (urllib.error.URLError, OSError):
        return False


def _cpu_s(pid: int) -> float:
    # Fields 14 and 15 of proc(5): all threads, those that have ended too.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
