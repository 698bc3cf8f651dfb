"""`hoploom run FILE.nomad.hcl`: a job of one's own on the mesh of this machine, told where its engines are."""

import argparse
import asyncio
from pathlib import Path

from hoploom.cli import screen
from hoploom.cli.routes import reaching
from hoploom.deploying import arriving, words
from hoploom.deploying.happenings import Tell
from hoploom.deploying.nomad_api import NomadApi
from hoploom.kit.errors import ConfigError
from hoploom.local import own_jobs
from hoploom.local.mesh import LocalMesh

NAME = "run"
HELP = "submit a Nomad job of your own (`hoploom new` writes one) to the mesh of this machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help="the job file, such as orders/orders.nomad.hcl")
    parser.add_argument("--detach", action="store_true", help="do not wait until its instances are there")
    parser.add_argument("--ready-seconds", type=float, default=0.0, metavar="S",
                        help="longest wait for them (default: the job's healthy_deadline and a minute)")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable of it; repeatable")


def run(args: argparse.Namespace) -> int:
    """Submit it, and wait for its instances; Nomad rolls what runs already. Exit 1 where they did not come."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    given = dict(_pair(each) for each in args.var)
    text = _text(args.file)
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        if not mesh.attached.is_own("nomad"):
            raise ConfigError(f"Nomad at {mesh.nomad_url} is somebody else's: submit it with `nomad job run`")
        if not mesh.is_up("nomad-server"):
            raise ConfigError("this mesh has no Nomad (start one with `hoploom up --only engines --detach`)")
        values = own_jobs.values(text, given, own_jobs.known(mesh, args.file))
        job = await mesh.nomad().run(args.file, values)
        screen.say("submitted", f"{args.file.name}: {_words(values)}")
        if not args.detach and (why := await _arrived(args, mesh, job)):
            screen.err.print(f"hoploom: {job} was submitted, and not all of it came: {why}; Nomad goes on by itself: "
                             f"{mesh.nomad_url}/ui/jobs/{job}", markup=False)  # fmt: skip
            return 1
        screen.say("next", f"hoploom logs SERVICE · hoploom deploy SERVICE --version V · {mesh.nomad_url}/ui/")
        return 0
    finally:
        await mesh.close()


async def _arrived(args: argparse.Namespace, mesh: LocalMesh, job: str) -> str:
    here = argparse.Namespace(mesh=mesh.places.mesh, consul="", consul_token_file="", fabio=[])
    async with reaching.reached(here) as reach:
        nomad = NomadApi(reach.http, mesh.nomad_url, mesh.secrets.get("nomad", ""))
        asked = arriving.Mesh(nomad, reach.consul, reach.http, reach.routers)
        return await arriving.arrived(asked, job, args.ready_seconds, _said)


def _said(tell: Tell) -> None:
    _, text = words.told(tell, "")
    screen.say("instance", text)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.isidentifier() or not equals:
        raise ConfigError(f"--var takes NAME=VALUE, not {text!r}")
    return name, value


def _words(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items())) or "no variables"
