"""`hoploom worker leave`: takes this machine off the mesh that it joined; nothing of it is kept on either side."""

import argparse
import asyncio

from hoploom.cli import screen
from hoploom.cli.workers import own, purging
from hoploom.kit.errors import Forbidden, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling

NAME = "leave"
HELP = "on a worker's machine: have the mesh forget it, and remove its key and credential"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    parser.add_argument(
        "--purge", action="store_true",
        help="remove the service, its code, results that wait and the owner's file too, as /join made them",
    )  # fmt: skip
    own.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Leave."""
    if not args.purge:
        own.enrolment(args)
        if own.folder(args).path.is_relative_to(purging.STATE):
            # Without a credential the service would only be started over and over.
            purging.stop()
        screen.say("left", f"{_told(args)}; its key and credential are removed")
        return 0
    purging.require_root()
    # First, so that it gives back what it holds while it is let in.
    purging.stop()
    is_told = _has_told(args)
    left = purging.remove()
    screen.say("removed", "its service, code, state, settings and user" if not left else "all but what follows")
    for path in left:
        screen.say("still there", path)
    return int(bool(left) or not is_told)


def _has_told(args: argparse.Namespace) -> bool:
    """Whether the mesh has forgotten it, or never knew it; what is removed goes all the same."""
    known = own.folder(args).read()
    if known is None:
        return True
    try:
        screen.say("left", _told(args))
    except Unavailable as error:
        screen.say("not told", f"{error}: an operator says `hoploom worker rm {known.answer.name}` there")
        return False
    return True


def _told(args: argparse.Namespace) -> str:
    known, folder = own.enrolment(args), own.folder(args)
    key, name = folder.key(), known.answer.name

    async def leave(http: HttpClient) -> str:
        try:
            await enrolling.leave(http, known.mesh_url, name, key)
        except Forbidden:
            return f"{name} was no worker of {known.mesh_url} any more"
        return f"{name} is no worker of {known.mesh_url} any more"

    said = asyncio.run(own.patiently(args, leave))
    folder.forget()
    return said
