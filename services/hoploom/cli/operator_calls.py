"""How an operator's command reaches a mesh: one of this machine by its name, or any by its address and a token."""

import argparse
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.balance import ServiceClient
from hoploom.kit.errors import BadRequest, ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.local import tokens
from hoploom.local.mesh import LocalMesh
from hoploom.ping_service import enrolling

TIMEOUT_S = 5.0
_AWAY = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of verbs that ask a mesh something and tell the answer."""
    screen.add_mesh(parser)
    add_elsewhere(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def add_elsewhere(parser: argparse.ArgumentParser) -> None:
    """Flags that name a mesh by its address."""
    parser.add_argument("--url", default="", metavar="URL", help="the mesh's address, where it is not on this machine")
    parser.add_argument("--operator-token-file", default="", metavar="FILE", help="the operators' token, with --url")
    parser.add_argument("--mesh-ca-file", default="", metavar="FILE", help="certificates to check --url by")


def address(args: argparse.Namespace) -> str:
    """Where the mesh is reached.

    Raises:
        ConfigError: No mesh of that name runs here.
    """
    if _elsewhere(args):
        return _elsewhere(args)
    mesh = LocalMesh(screen.places(args), screen.say)
    mesh.require_running()
    return mesh.fabio_url


async def asked(args: argparse.Namespace, method: str, path: str, **options: Any) -> dict[str, Any]:
    """One call with the operators' token.

    Args:
        args: With the flags of `screen.add_mesh`, and of `add_elsewhere` where the command has them.
        method: "GET", "POST" ...
        path: Path with query.
        options: As `HttpClient.request` takes them.

    Raises:
        ConfigError: There is no such mesh, or no token.
        BadRequest: It is refused, with the reason.
        Unavailable: Nobody answered, so whether it was done is not known.
    """
    async with _client(args) as (client, token):
        # With the key it is tried once more: an instance that leaves just now must not cost the call.
        headers = {**credentials.header(token), "Idempotency-Key": uuid.uuid4().hex}
        answer = await client.request(method, path, headers=headers, timeout_s=TIMEOUT_S, **options)
    if answer.status >= _AWAY:
        raise Unavailable(f"the mesh does not take it: {answer.reason()}")
    if not answer.ok:
        raise BadRequest(f"the mesh refuses it: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found


@asynccontextmanager
async def _client(args: argparse.Namespace) -> AsyncIterator[tuple[ServiceClient, str]]:
    if _elsewhere(args):
        if not args.operator_token_file:
            raise ConfigError("--url needs the operators' token: --operator-token-file FILE")
        token, http = credentials.read(args.operator_token_file), HttpClient(args.mesh_ca_file)
    else:
        mesh = LocalMesh(screen.places(args), screen.say)
        token, http = tokens.read(mesh.places).get("operator", ""), mesh.http
    try:
        yield ServiceClient.through(http, address(args)), token
    finally:
        await http.close()


def _elsewhere(args: argparse.Namespace) -> str:
    url = str(getattr(args, "url", ""))
    return enrolling.mesh_url(url) if url else ""
