"""`hoploom up [TARGETS...]`: the whole mesh on this machine, and the targets mapped."""

import argparse
import asyncio
import contextlib
import os
import signal
import time

from hoploom import __version__, engines
from hoploom.cli import mapping, screen
from hoploom.kit.errors import ConfigError, HoploomError
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import Names
from hoploom.local import listeners, policies, view, wishes
from hoploom.local.attached import Attached
from hoploom.local.bringing_up import up
from hoploom.local.joining import join
from hoploom.local.lock import alone
from hoploom.local.mesh import KIT_ENGINES, LocalMesh
from hoploom.local.places import Places
from hoploom.local.submission import Counts
from hoploom.local.taking_down import down
from hoploom.local.wishes import Wishes

NAME = "up"
HELP = "bring the mesh up on this machine (Consul, Fabio, Nomad, the services) and map TARGETS"
DEMO = "127.0.0.0/20"
_WATCH_EVERY_S = 2.0
_MOST = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    mapping.add_arguments(parser)
    parser.add_argument("--detach", action="store_true", help="leave the mesh running and return")
    parser.add_argument("--only", choices=["kit", "engines"],
                        help="for services of your own: kit is Consul and Fabio alone, engines these and Nomad")
    parser.add_argument("--no-map", action="store_true", help="bring the mesh up and map nothing")
    parser.add_argument("--engines", type=int, choices=[1, 2], default=1, help="2: the 2.0 series of Consul and Nomad")
    parser.add_argument(
        "--listen", action="append", default=[], metavar="AT;OPTIONS",
        help="one more listener of Fabio, such as ':9090;proto=tcp' or ':9443;proto=https' (repeatable)",
    )  # fmt: skip
    for name, what in (("workers", "ping"), ("inputs", "input"), ("outputs", "output"), ("managers", "manager")):
        parser.add_argument(f"--{name}", type=_count, default=1, metavar="N", help=f"{what} instances (default: 1)")
    wishes.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Bring it up; in the foreground until Ctrl-C, or with --detach until all is mapped."""
    places = screen.places(args)
    if args.print_policy:
        names = Names.apart(args.prefix)
        print(f"{policies.consul(names)}\n{policies.nomad(names)}", end="")
        return 0
    listeners.read_all(args.listen, {})
    wish = _wishes(args, places)
    plan = None if args.only or args.no_map else mapping.prepare(args, default=DEMO)
    how = f"joins what runs here · prefix {args.prefix}" if wish else "loopback only · ACLs on"
    screen.out.print(f"hoploom {__version__}   mesh {args.mesh} in {places.root}   {how}")
    joined = asyncio.run(_join(places, wish)) if wish else Attached()
    wanted = [name for name in (KIT_ENGINES if args.only == "kit" else engines.NAMES) if joined.is_own(name)]
    found = engines.ensure(wanted, report=lambda line: screen.say("engine", line), series=args.engines)
    return asyncio.run(_up(args, plan, found))


def _wishes(args: argparse.Namespace, places: Places) -> Wishes | None:
    """What shall be joined; None for a mesh of engines of its own.

    Raises:
        ConfigError: The flags do not go together, or not with what this mesh is.
    """
    known = Attached.of(places.read())
    if not args.attach:
        if known.id:
            raise ConfigError(f"mesh {args.mesh!r} has joined {', '.join(known.engines.values())}: go on with "
                              "`hoploom up --attach`, or remove it by `hoploom down --purge`")  # fmt: skip
        given = [name for name in ("consul", "nomad", "fabio", "fabio_admin") if getattr(args, name)]
        if given:
            raise ConfigError(f"--{given[0].replace('_', '-')} goes with --attach")
        return None
    if args.only:
        raise ConfigError(f"--only {args.only} starts engines of our own, --attach joins those that run: say one")
    return wishes.wishes(args, os.environ)


async def _join(places: Places, wish: Wishes) -> Attached:
    http, mesh = HttpClient(), LocalMesh(places, screen.say)
    try:
        wish = wish.after(mesh.attached, mesh.secrets)
        joined = await join(http, wish, mesh.attached, screen.say)
        with alone(places, lambda: screen.say("waiting", "another start or stop of this mesh is under way")):
            mesh.attach(joined, wish.consul.token, wish.nomad.token)
        return joined
    finally:
        await http.close()
        await mesh.close()


async def _up(args: argparse.Namespace, plan: mapping.Prepared | None, found: dict[str, engines.Engine]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(_bring_up(args, plan, found))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, HoploomError):
            await work
        await _stop(args)
        return 1
    stopping.cancel()
    code = await work
    if not args.detach:
        await _stay(args, stop)
        await _stop(args)
    return code


async def _bring_up(args: argparse.Namespace, plan: mapping.Prepared | None, found: dict[str, engines.Engine]) -> int:
    began, places = time.monotonic(), screen.places(args)
    mesh = LocalMesh(places, screen.say)
    try:
        with alone(places, lambda: screen.say("waiting", "another start or stop of this mesh is under way")):
            mesh.record = places.read()
            await up(mesh, _counts(args), found, only=args.only or "", listen=args.listen)
        screen.say("routed", f"all passing in Consul and listed by Fabio after {time.monotonic() - began:.1f} s")
        _tell_where(mesh, args)
        return await _map(mesh, plan) if plan else 0
    finally:
        await mesh.close()


async def _map(mesh: LocalMesh, plan: mapping.Prepared) -> int:
    """Map; when that cannot be, say why and leave the mesh up."""
    try:
        return await mapping.carry_out(mesh, plan)
    except HoploomError as error:
        screen.err.print(f"hoploom: {error}", markup=False)
        return 1


def _tell_where(mesh: LocalMesh, args: argparse.Namespace) -> None:
    links = view.links(mesh)
    if args.only:
        consul = f"http://127.0.0.1:{mesh.ports['consul_http']}"
        screen.say("consul", f"{links['consul']}   (HOPLOOM_CONSUL_ADDR={consul})")
        screen.say("fabio", f"{mesh.fabio_url}   pages: {links['fabio']}")
        screen.say("token", f"HOPLOOM_CONSUL_TOKEN_FILE={mesh.places.tokens / 'developer'}")
        if mesh.is_up("nomad-server"):
            screen.say("nomad", f"{links['nomad']}   (hoploom ui nomad signs in)")
            screen.say("next", "hoploom new NAME · hoploom run NAME/NAME.nomad.hcl · hoploom deploy NAME --version V")
        return
    if mesh.attached.id:
        screen.say("ours", mesh.attached.ours())
    for name in ("manager", "consul", "nomad", "fabio"):
        screen.say(name, links[name])
    screen.say("people", "hoploom ui opens the manager's page as its owner · hoploom user invite NAME --role admin")
    screen.say("next", "hoploom map TARGETS · hoploom status · hoploom ui consul|nomad|fabio · hoploom down [--purge]")


async def _stay(args: argparse.Namespace, stop: asyncio.Event) -> None:
    """Stay in the foreground until a signal, and tell when an engine ends."""
    screen.say("running", "Ctrl-C stops everything; the next `up` goes on where it stopped")
    mesh = LocalMesh(screen.places(args), screen.say)
    missed: set[str] = set()
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _WATCH_EVERY_S)
        for name in mesh.record.get("processes", {}):
            if not mesh.process(name) and name not in missed:
                missed.add(name)
                screen.say("ended", f"{name}: {mesh.last_words(name)}; `hoploom up` starts it again")


async def _stop(args: argparse.Namespace) -> None:
    screen.say("stopping", "services drain, then the engines end")
    places = screen.places(args)
    mesh = LocalMesh(places, screen.say)
    try:
        with alone(places, lambda: None):
            await down(mesh)
    finally:
        await mesh.close()
    screen.say("down", f"results are kept in {places.data}")


def _counts(args: argparse.Namespace) -> Counts:
    return Counts(args.inputs, args.outputs, args.managers, args.workers)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST}, not {text!r}")
    return int(text)


