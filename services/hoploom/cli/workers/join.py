"""`hoploom worker join URL`: makes this machine a worker of a mesh elsewhere.

The token comes from the terminal, from standard input or from a file: what stands in the command line is read by all
users of the machine. The key is kept before anything is asked, so it may be tried again when the answer was lost.
"""

import argparse
import asyncio
import getpass
import json
import sys
from pathlib import Path

from hoploom.cli import screen
from hoploom.cli.workers import own
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling
from hoploom.ping_service.identity_folder import Enrolment
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import Enrolled, token_digest

NAME = "join"
HELP = "on the worker's machine: join the mesh at URL with the token of `hoploom worker invite`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    parser.add_argument("mesh_url", metavar="URL", help="the mesh's address, such as https://map.example.org")
    parser.add_argument(
        "--token-file", default="", metavar="FILE", help="file with the token, - for standard input (default: asked)"
    )
    parser.add_argument(
        "--copied", action="store_true",
        help="this machine's disk is a copy of another worker's: forget here, and here alone, who that is",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    own.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Join."""
    url, folder = enrolling.mesh_url(args.mesh_url), own.folder(args)
    before = folder.read()
    if before is not None and not args.copied:
        raise ConfigError(
            f"this machine is the worker {before.answer.name} of {before.mesh_url} already: "
            "`hoploom worker leave` first to join another or anew; `--copied` where its disk is a copy of that worker's"
        )
    token = _token(args.token_file)
    if not token:
        raise ConfigError("no token was given: `hoploom worker invite NAME` at the mesh prints one")
    token_digest(token)
    # The original goes on with the key that was copied: another one takes its place once a manager knows it.
    key = Signer.new() if args.copied else folder.key()

    async def enrol(http: HttpClient) -> Enrolled:
        return await enrolling.enrol(http, url, token, key)

    try:
        answer = asyncio.run(own.patiently(args, enrol))
    except Unavailable as error:
        again = "it takes a new token" if args.copied else "the same token may be tried again"
        raise Unavailable(f"{error}: is {url} the mesh's address? Later {again}") from error
    if args.copied:
        folder.take(key)
    folder.write(Enrolment(mesh_url=url, answer=answer))
    if args.json:
        print(json.dumps({"v": 1, "name": answer.name, "number": answer.number, "mesh_url": url}))
        return 0
    if url.startswith("http://"):
        screen.say("note", "plain http: whoever is on the way can read the credential and act as this worker")
    screen.say("joined", f"worker {answer.name}, number {answer.number}: {url}   (leave: hoploom worker leave)")
    return 0


def _token(path: str) -> str:
    try:
        if path == "-" or (not path and not sys.stdin.isatty() and not _has_terminal()):
            return sys.stdin.readline().strip()
        if path:
            return Path(path).read_text(encoding="utf-8").strip()
        # From the terminal itself, also where a pipe is standard input.
        return getpass.getpass("Token: ").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"cannot read the token file {path}: {why}") from error
    except EOFError:
        return ""


def _has_terminal() -> bool:
    try:
        Path("/dev/tty").open("rb").close()
    except OSError:
        return False
    return True
