"""The header that tells for whom an instance calls another: the name of a person, for the log and for people. Pure.

It proves nothing: who calls has shown the operators' token, and is believed.
"""

from collections.abc import Mapping
from urllib.parse import quote, unquote

from hoploom.kit.errors import BadRequest
from hoploom.wire.campaign import MAX_PERSON

HEADER = "X-On-Behalf-Of"


def header(name: str) -> dict[str, str]:
    """The header for a person; percent-encoded, because headers are ASCII and names are not."""
    return {HEADER: quote(name, safe="")}


def read(headers: Mapping[str, str], default: str) -> str:
    """For whom a request is made; raises BadRequest where that is no name.

    Args:
        headers: Of the request.
        default: Where nobody is named.
    """
    name = unquote(headers.get(HEADER, "")) or default
    if len(name) > MAX_PERSON or not name.isprintable():
        raise BadRequest(f"{HEADER} is a name of at most {MAX_PERSON} characters that can be printed, percent-encoded")
    return name
