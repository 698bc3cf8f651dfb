"""The script that makes a machine a worker: one text that a person reads before it runs. Pure.

Everything in it comes from this manager: the sums that it checks, and the authority that it trusts. It asks for the
token on the terminal, since what is typed into a command line is seen by everybody on the machine.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2

from hoploom.kit.errors import BadRequest
from hoploom.manager.joining.archives import Archive

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_SCHEMES = ("http", "https")


@dataclass(frozen=True)
class Offer:
    """What a machine is offered.

    Attributes:
        url: The mesh's address.
        archives: One for each machine and Python; none where this manager has none.
        folder: Where it looked for them, for whoever runs it.
        authority: Certificate of the authority that signs that address, PEM; empty for a public one.
    """

    url: str
    archives: Sequence[Archive]
    folder: str
    authority: str = ""


def address(scheme: str, host: str, prefix: str) -> str:
    """The address by which a request came, for who has told a manager none.

    Args:
        scheme: `http` or `https`, as the router says.
        host: The header `Host`.
        prefix: Path before all routes of the mesh.

    Raises:
        BadRequest: It is no address; it would become a part of a script.
    """
    if scheme not in _SCHEMES or not _HOST.fullmatch(host):
        raise BadRequest("ask for this page by the mesh's address: the header Host names none")
    return f"{scheme}://{host}{prefix.rstrip('/')}"


def templates(loader: jinja2.BaseLoader) -> jinja2.Environment:
    """Templates of shell scripts: strict, and everything that varies goes through `quoted`."""
    found = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    found.filters["quoted"] = shlex.quote
    return found


def render(environment: jinja2.Environment, offer: Offer) -> str:
    """The script."""
    # The newest first; all have two digits behind the point.
    pythons = sorted({each.python for each in offer.archives}, reverse=True)
    return environment.get_template("join.sh.j2").render(offer=offer, pythons=pythons, lacking=_lacking(offer)) + "\n"


def _lacking(offer: Offer) -> str:
    where = f"the folder {offer.folder} of this manager has none of `hoploom build --only worker` for any machine"
    why = where if offer.folder else "its managers were started without --archive-dir"
    return f"hoploom: this mesh offers no archive for workers: {why}; nothing was installed"
