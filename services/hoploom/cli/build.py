"""`hoploom build`: makes the archive that hosts unpack: hoploom with all that it needs, but Python itself."""

import argparse
import platform
import time
from pathlib import Path

from hoploom import __version__
from hoploom.archive import making
from hoploom.cli import screen

NAME = "build"
HELP = "make the archive by which hoploom reaches hosts (64-bit Linux), with its SHA-256 beside it"
_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    here = platform.machine() if platform.machine() in making.ARCHITECTURES else making.ARCHITECTURES[0]
    parser.add_argument("--arch", choices=making.ARCHITECTURES, default=here,
                        help=f"machine of the hosts (default: {here}); 32-bit ones cannot run it")
    parser.add_argument("--python", choices=making.PYTHONS, default=making.PYTHONS[0],
                        help="Python of the hosts (default: 3.11, Debian 12's)")
    parser.add_argument("--only", choices=making.PARTS[1:], dest="part", default=making.PARTS[0],
                        help="worker: leave DuckDB out, half of the size; such a host cannot `query` nor collect")
    parser.add_argument("--version", default=__version__, metavar="VERSION",
                        help=f"what hoploom calls itself there (default: {__version__}); for trying upgrades")
    parser.add_argument("-o", "--output", default="dist", metavar="DIR", help="where to put it (default: dist)")


def run(args: argparse.Namespace) -> int:
    """Make it, and say where it is and what its sum is."""
    began = time.monotonic()
    wanted = making.Wanted(args.arch, args.python, args.part, args.version)
    screen.say("making", f"{wanted.name} (some seconds; a minute where its wheels have to be fetched first)")
    made = making.make(wanted, Path(args.output))
    screen.say("archive", str(made.path))
    screen.say("size", f"{made.size_bytes / _MB:.1f} MB, made in {time.monotonic() - began:.0f} s")
    screen.say("sha256", made.sha256)
    return 0
