"""`hoploom worker leave`: takes this machine off the mesh that it joined; nothing of it is kept on either side."""

import argparse
import asyncio

from hoploom.cli import screen
from hoploom.cli.workers import own
from hoploom.kit.errors import Forbidden
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling

NAME = "leave"
HELP = "on a worker's machine: have the mesh forget it, and remove its key and credential"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    own.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Leave."""
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
    screen.say("left", f"{said}; its key and credential are removed")
    return 0
