"""`hoploom deploy SERVICE --version V`: brings a new version in, step by step, and takes it back where it fails."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from typing import Any

from hoploom.cli import screen
from hoploom.cli.deploys import flags
from hoploom.cli.routes import reaching
from hoploom.deploying import driving, words
from hoploom.deploying.driving import Engines, Order
from hoploom.deploying.happenings import Tell
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import Plan
from hoploom.deploying.running import Running
from hoploom.kit import credentials
from hoploom.kit.errors import ConfigError, HoploomError
from hoploom.local.mesh import LocalMesh

NAME = "deploy"
HELP = "bring a new version of a service in: canaries, weights, a gate, and back by itself (exit 0 in, 1 not)"
_CHANGES, _PLAN_FAILED = 1, 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    flags.add_arguments(parser)
    reaching.add_arguments(parser)
    parser.add_argument("--nomad", default="", metavar="URL", help="with --consul: its Nomad (NOMAD_ADDR)")
    parser.add_argument("--nomad-token-file", default="", metavar="FILE", help="its token (NOMAD_TOKEN)")
    parser.add_argument("--json", action="store_true", help="one JSON document a line instead of the lines")


def run(args: argparse.Namespace) -> int:
    """Deploy, or plan."""
    if not args.plan:
        return asyncio.run(_deploy(args))
    try:
        return asyncio.run(_plan(args))
    except HoploomError as error:
        screen.err.print(f"hoploom: {error}", markup=False)
        return _PLAN_FAILED


async def _plan(args: argparse.Namespace) -> int:
    order = _order(args)
    async with _engines(args) as engines:
        plan = await driving.look(engines, order, _Screen(args.service, as_json=args.json))
    if plan.refused:
        return _PLAN_FAILED
    return 0 if plan.same else _CHANGES


async def _deploy(args: argparse.Namespace) -> int:
    order = _order(args)
    async with _engines(args) as engines:
        return await driving.deploy(engines, order, _Screen(args.service, as_json=args.json))


def _order(args: argparse.Namespace) -> Order:
    return Order(args.service, flags.wish(args), args.job, flags.policy(args), args.rollback)


@asynccontextmanager
async def _engines(args: argparse.Namespace) -> AsyncIterator[Engines]:
    async with reaching.reached(args) as reach:
        url, token = _nomad(args)
        nomad = NomadApi(reach.http, url, token, os.environ.get("NOMAD_NAMESPACE", "") or "default")
        yield Engines(reach.consul, reach.http, nomad, reach.weights, reach.routers, reach.names.prefix)


def _nomad(args: argparse.Namespace) -> tuple[str, str]:
    """Address and token: those given, or those of the mesh of this machine."""
    given = credentials.read(args.nomad_token_file) if args.nomad_token_file else os.environ.get("NOMAD_TOKEN", "")
    if args.mesh is None or args.consul or args.nomad:
        url = args.nomad or os.environ.get("NOMAD_ADDR", "")
        if not url:
            raise ConfigError("which Nomad has its jobs? With a Consul of one's own choice it is named by --nomad URL "
                              "(such as http://127.0.0.1:4646) or NOMAD_ADDR")  # fmt: skip
        return url, given
    mesh = LocalMesh(screen.places(args), screen.say)
    return mesh.nomad_url, mesh.secrets.get("nomad", "")


class _Screen:
    """Says everything as it comes."""

    def __init__(self, service: str, *, as_json: bool) -> None:
        self._service, self._as_json = service, as_json

    def planned(self, plan: Plan) -> None:
        with _heard_or_not():
            self._planned(plan)

    def tell(self, tell: Tell) -> None:
        with _heard_or_not():
            if self._as_json:
                self._document(tell.what, tell.facts)
                return
            screen.say(*words.told(tell, self._service))

    def begins(self, running: Running) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.interrupt)
        # As `nohup` has it, which is to be heeded.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, _hung_up, loop, running)

    def _planned(self, plan: Plan) -> None:
        if self._as_json:
            self._document("plan", {**asdict(plan), "road": None, "steps": [asdict(each) for each in plan.road.steps],
                                    "datacenters": plan.road.datacenters, "count": plan.road.count})  # fmt: skip
            return
        for label, text in words.planned(plan):
            screen.say(label, text)

    def _document(self, event: str, facts: Any) -> None:
        print(json.dumps({"event": event, **facts}, default=list), flush=True)


def _hung_up(loop: asyncio.AbstractEventLoop, running: Running) -> None:
    """The terminal is gone: as Ctrl-C, but once, since a shell says the same again to who was told by the system."""
    loop.remove_signal_handler(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    running.interrupt()


@contextmanager
def _heard_or_not() -> Iterator[None]:
    """A deploy goes on to its end though nobody reads any more: in the middle it would leave a share unwatched."""
    try:
        yield
    except (OSError, SystemExit):
        # rich ends the process over a broken pipe.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
