"""`hoploom logs NAME`: the log of an engine or of a service's instances."""

import argparse
import json
from pathlib import Path

from hoploom.cli import screen
from hoploom.kit.errors import ConfigError
from hoploom.local.attached import Attached
from hoploom.local.consul_agent import SERVICES
from hoploom.local.mesh import ENGINES
from hoploom.local.submission import job_id

NAME = "logs"
HELP = "print the log of a service (input, output, manager, ping) or an engine (consul, fabio, nomad-server, ...)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("service", metavar="NAME", help=f"one of {', '.join((*SERVICES, *ENGINES))}")
    parser.add_argument("-n", "--lines", type=int, default=200, help="last lines of each file (default: 200)")


def run(args: argparse.Namespace) -> int:
    """Print the last lines, in the order of time where they say it."""
    if args.service not in (*SERVICES, *ENGINES):
        raise ConfigError(f"there is no log of {args.service!r} (one of {', '.join((*SERVICES, *ENGINES))})")
    root, attached = screen.places(args).root, Attached.of(screen.places(args).read())
    if attached.nomad and args.service in SERVICES:
        raise ConfigError(f"Nomad at {attached.nomad} keeps that log: `nomad alloc logs -job "
                          f"{job_id(attached, args.service)}`")  # fmt: skip
    files = _files(root, args.service)
    if not files:
        raise ConfigError(f"mesh {args.mesh!r} has no log of {args.service} yet (start it with `hoploom up`)")
    lines = [line for file in files for line in _tail(file, args.lines)]
    for line in sorted(lines, key=_time) if args.service in SERVICES else lines:
        print(line)
    return 0


def _files(root: Path, name: str) -> list[Path]:
    if name in ENGINES:
        return [path for path in [root / "logs" / f"{name}.log"] if path.exists()]
    found = (root / "nomad-client" / "alloc").glob(f"*/alloc/logs/{name}.std*.*")
    return sorted((path for path in found if path.stat().st_size), key=lambda path: path.stat().st_mtime)


def _tail(path: Path, count: int) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]


def _time(line: str) -> str:
    try:
        return str(json.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return ""
