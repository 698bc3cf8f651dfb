"""What the verbs on a worker's own machine share: where its identity is, and how managers are asked."""

import argparse
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hoploom.kit import retry
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder

PATIENCE_S = 30.0
"""For so long a mesh that does not answer is asked again: by the same key it answers the same."""

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of these verbs."""
    parser.add_argument(
        "--identity-dir", default="", metavar="DIR",
        help="folder with this worker's key and credential (default: $XDG_STATE_HOME/hoploom/worker)",
    )  # fmt: skip
    parser.add_argument("--mesh-ca-file", default="", metavar="FILE", help="certificates to check the mesh by")


def folder(args: argparse.Namespace) -> IdentityFolder:
    """Where the identity is; raises ConfigError where this account has no home folder."""
    return IdentityFolder.at(args.identity_dir)


def enrolment(args: argparse.Namespace) -> Enrolment:
    """What this machine knows of the mesh that it joined; raises ConfigError where it has not."""
    found = folder(args).read()
    if found is None:
        raise ConfigError("this machine has not joined a mesh: `hoploom worker join URL` does")
    return found


async def patiently(args: argparse.Namespace, ask: Callable[[HttpClient], Awaitable[T]]) -> T:
    """Ask a manager, again while nobody answers; raises what `ask` raises last."""
    http = HttpClient(args.mesh_ca_file)
    try:
        async for attempt in retry.patiently(PATIENCE_S):
            with attempt:
                return await ask(http)
    finally:
        await http.close()
    raise AssertionError("tenacity ends by an answer or an exception")
