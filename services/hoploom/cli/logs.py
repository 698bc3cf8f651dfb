"""`hoploom logs NAME`: the log of an engine, of a service's instances, or of one of them."""

import argparse
import json
from pathlib import Path

from hoploom.cli import screen
from hoploom.kit.errors import ConfigError
from hoploom.local import task_logs
from hoploom.local.attached import Attached
from hoploom.local.consul_agent import SERVICES
from hoploom.local.mesh import ENGINES
from hoploom.local.submission import job_id

NAME = "logs"
HELP = "print the log of a service, an instance, an allocation or an engine (consul, fabio, nomad-server, ...)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    names = ", ".join((*SERVICES, *ENGINES))
    what = f"one of {names}, a service of your own, or the id of an instance or an allocation"
    parser.add_argument("service", metavar="NAME", help=f"{what}, or how it begins")
    parser.add_argument("-n", "--lines", type=int, default=200, help="last lines of each file (default: 200)")


def run(args: argparse.Namespace) -> int:
    """Print the last lines, in the order of time where they say it."""
    name = args.service
    root, attached = screen.places(args).root, Attached.of(screen.places(args).read())
    if attached.nomad and name not in ENGINES:
        job = job_id(attached, name) if name in SERVICES else name
        raise ConfigError(f"Nomad at {attached.nomad} keeps that log: `nomad alloc logs -job {job}`")
    files = _files(root, name)
    if not files and name in (*SERVICES, *ENGINES):
        raise ConfigError(f"mesh {args.mesh!r} has no log of {name} yet (start it with `hoploom up`)")
    if not files:
        known = sorted({*SERVICES, *task_logs.tasks(root)})
        raise ConfigError(f"there is no log of {name!r} (one of {', '.join((*known, *ENGINES))}, or an instance's id)")
    lines = [line for file in files for line in _tail(file, args.lines)]
    for line in lines if name in ENGINES else sorted(lines, key=_time):
        print(line)
    return 0


def _files(root: Path, name: str) -> list[Path]:
    if name in ENGINES:
        return [path for path in [root / "logs" / f"{name}.log"] if path.exists()]
    return task_logs.find(root, name)


def _tail(path: Path, count: int) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]


def _time(line: str) -> str:
    try:
        return str(json.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return ""
