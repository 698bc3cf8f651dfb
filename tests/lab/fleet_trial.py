"""`python3 tests lab fleet`: four workers in networks of their own join a mesh, stand in Consul, and probe each other.

All of it lives in a network namespace of the run's own. One worker loses a third of what it sends to another; a manager
is killed while a worker dies; in the end every worker is removed and nothing of it may stand in Consul.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine_processes import Child, ask
from lab.namespace import in_namespace
from lab.node_links import NodeLinks
from local_cli import HOPLOOM, Cli
from waiting import until

COUNT, DOOR = 4, 8080
LOSSY = (2, 3)
"""From the first of these nodes to the second a third is lost."""

# On the way: what a host's own filter refuses never leaves, and is no loss.
_NFT = ("add table ip fleet", "add chain ip fleet on {{ type filter hook forward priority 0; }}",
        "add rule ip fleet on ip saddr {source} ip daddr {target} icmp type echo-request numgen random mod 3 == 0 drop")


class Trial:
    """One run."""

    def __init__(self, folder: Path, links: NodeLinks, pictures: str) -> None:
        """Know the places."""
        self.folder, self.links, self.cli = folder, links, Cli(folder / "state")
        self.workers: dict[int, Child] = {}
        self.wrong: list[str] = []
        self._pictures, self._began_s = pictures, time.monotonic()

    def see(self, what: str, good: object) -> None:
        """Say what was seen, and remember what is wrong."""
        print(f"{time.monotonic() - self._began_s:6.1f} s  {'ok   ' if good else 'WRONG'}  {what}", flush=True)
        if not good:
            self.wrong.append(what)

    def wait(self, what: str, found: Callable[[], object], within_s: float = 60) -> None:
        """Wait for something, and say that it came."""
        try:
            until(what, found, within_s)
        except AssertionError as error:
            self.see(f"{error}; Consul has {self.in_consul()}", good=False)
            for name in self.workers:
                print((self.folder / f"pi-{name}.log").read_text(encoding="utf-8", errors="replace")[-600:])
        else:
            self.see(what, good=True)

    def join(self, number: int) -> None:
        """Make a node a worker."""
        url, name = f"http://{self.links.harness_address(number)}:{DOOR}", f"pi-{number}"
        token = json.loads(self.cli.good("worker", "invite", name, "--url", self.cli.fabio, "--operator-token-file",
                                         str(self.cli.root / "tokens" / "operator"), "--json"))["token"]
        identity = ["--identity-dir", str(self.folder / name)]
        joined = subprocess.run(
            self.links.within(number, [str(HOPLOOM), "worker", "join", url, "--token-file", "-", *identity]),
            input=token, capture_output=True, text=True, check=False, env=self.cli.environ,
        )  # fmt: skip
        self.see(f"{name} joins", joined.returncode == 0 or print(joined.stderr))
        settings = {"mesh-url": url, "addresses": self.links.address(number), "identity-dir": self.folder / name,
                    "spool-dir": self.folder / f"{name}.spool"}
        words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
        command = [sys.executable, "-m", "hoploom.ping_service", *words, "--allow-private", "true"]
        self.workers[number] = Child(self.links.within(number, command), self.folder / f"{name}.log")
        self.workers[number].start()

    def in_consul(self) -> dict[str, str]:
        """Workers elsewhere by name with their status, as Consul's health API tells."""
        entries = ask("GET", f"http://127.0.0.1:{self.cli.port('consul_http')}/v1/health/service/ping") or []
        return {
            each["Node"]["Node"]: each["Checks"][0]["Status"] for each in entries if "edge" in each["Service"]["Meta"]
        }

    def matrix(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command of the fleet prints."""
        ended = self.cli.run(*words)
        print("        | " + (ended.stdout + ended.stderr).strip().replace("\n", "\n        | "), flush=True)
        return ended

    def picture(self, name: str, path: str) -> None:
        """Have a browser look at a page of Consul's."""
        if self._pictures:
            target, browser = f"{self._pictures}/{name}.png", f"--user-data-dir={self.folder}/browser"
            url = f"http://127.0.0.1:{self.cli.port('consul_http')}{path}"
            subprocess.run(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 f"--screenshot={target}", "--window-size=1280,900", "--timeout=15000", browser, url],
                capture_output=True, check=False, timeout=120,
            )  # fmt: skip
            self.see(f"{target} of {path}", Path(target).exists())


def main(argv: Sequence[str]) -> int:
    """Run it; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="tests lab fleet")
    parser.add_argument("--pictures", default="", metavar="FOLDER", help="have Chromium look at Consul's pages")
    args = parser.parse_args(argv)

    async def body() -> list[str]:
        return await _all(args.pictures)

    return 1 if in_namespace(body) else 0


async def _all(pictures: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder, NodeLinks(COUNT) as links:
        trial = Trial(Path(folder), links, pictures)
        try:
            trial.cli.good("up", "--detach", "--no-map", "--managers", "2")
            async with await asyncio.start_server(_door(trial.cli.port("fabio_proxy")), "0.0.0.0", DOOR):
                await _in_this_namespace(lambda: _course(trial))
        finally:
            for each in trial.workers.values():
                each.stop()
            trial.cli.run("down", "--purge")
        print(f"{len(trial.wrong)} wrong", *trial.wrong, sep="\n", flush=True)
        return trial.wrong


def _course(trial: Trial) -> None:
    for number in range(1, COUNT + 1):
        trial.join(number)
    everybody = {f"edge-pi-{number}": "passing" for number in range(1, COUNT + 1)}
    trial.wait("four nodes stand in Consul and pass", lambda: trial.in_consul() == everybody)
    trial.picture("consul-nodes", "/ui/dc1/nodes")
    trial.picture("consul-ping", "/ui/dc1/services/ping/instances")
    trial.picture("consul-edge", "/ui/dc1/nodes/edge-pi-1/health-checks")
    trial.see("a well fleet has no bad pair", trial.matrix("map", "@fleet", "--rounds", "3").returncode == 0)
    source, target = LOSSY
    for line in _NFT:
        rule = line.format(source=trial.links.address(source), target=trial.links.address(target))
        subprocess.run(["nft", rule], check=True, capture_output=True)
    ended = trial.matrix("map", "@fleet", "--rounds", "4")
    bad = [line for line in ended.stdout.splitlines() if line.startswith("bad")]
    trial.see(f"just the pair that loses is bad: {bad}", len(bad) == 1 and f"pi-{source} to pi-{target}" in bad[0])
    trial.wait("a metric names it", lambda: _named(trial) == [f"pi-{target}"], 90)
    _die(trial)
    trial.picture("consul-ping-after", "/ui/dc1/services/ping/instances")
    for number in range(1, COUNT + 1):
        operator = ("--operator-token-file", str(trial.cli.root / "tokens" / "operator"), "--url", trial.cli.fabio)
        trial.cli.good("worker", "rm", f"pi-{number}", *operator)
    trial.wait("nothing of them is left in Consul", lambda: not trial.in_consul() and not _nodes(trial), 30)


def _die(trial: Trial) -> None:
    """The manager that leads is killed, and a worker in the same moment."""
    leader = next(each["instance"] for each in _leaders(trial) if each["role"] == "edge-nodes")
    os.kill(_pid_of(trial, leader), signal.SIGKILL)
    trial.workers[COUNT].stop(kill=True)
    one = f"edge-pi-{COUNT}"
    trial.wait("another leads", lambda: _led(trial) not in ("", leader), 60)
    trial.wait("it says that the dead worker is silent", lambda: trial.in_consul().get(one) == "critical", 120)
    others = {name: status for name, status in trial.in_consul().items() if name != one}
    trial.see(f"and of the others that they pass: {others}", set(others.values()) == {"passing"})


def _led(trial: Trial) -> str:
    return next((str(each["instance"]) for each in _leaders(trial) if each["role"] == "edge-nodes"), "")


def _leaders(trial: Trial) -> list[dict[str, Any]]:
    found = ask("GET", f"{trial.cli.fabio}/api/v1/overview", None, trial.cli.token("operator")) or {}
    leaders: list[dict[str, Any]] = found.get("leaders", [])
    return leaders


def _managers(trial: Trial) -> list[dict[str, Any]]:
    return [each for each in trial.cli.status()["instances"] if each["service"] == "manager"]


def _pid_of(trial: Trial, instance: str) -> int:
    """The process that listens where an instance is registered."""
    port = next(each["port"] for each in _managers(trial) if each["id"] == instance)
    found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(found.partition("pid=")[2].partition(",")[0])


def _named(trial: Trial) -> list[str]:
    """Who is reached badly, as the metrics of all managers say."""
    lines: list[str] = []
    for each in _managers(trial):
        with suppress(OSError), urllib.request.urlopen(f"http://{each['address']}:{each['port']}/metrics") as page:
            lines += page.read().decode().splitlines()
    bad = [line for line in lines if line.startswith("hoploom_fleet_pair_bad{")]
    return [line.partition('destination="')[2].partition('"')[0] for line in bad]


def _nodes(trial: Trial) -> list[object]:
    path = "/v1/catalog/nodes?node-meta=external-node:true"
    return list(ask("GET", f"http://127.0.0.1:{trial.cli.port('consul_http')}{path}") or [])


async def _in_this_namespace(course: Callable[[], None]) -> None:
    """Run it in a thread of its own, which begins in the namespace of the one that starts it."""
    await asyncio.to_thread(course)


def _door(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """The mesh's address for the workers: Fabio itself listens on loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The run's end cancels those that are open, and asyncio would print each.
        with suppress(OSError, asyncio.CancelledError):
            inside, out = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copied(reader, out), _copied(inside, writer))

    return serve


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
    writer.close()
