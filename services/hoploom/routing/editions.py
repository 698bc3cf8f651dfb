"""By which a Fabio's table shows which text of our overrides it was made of. Pure.

Most changes of overrides show in a table, some do not: a share for instances that are still to come. So our text ends
in a route of its own whose path carries the text's hash. A table with that route was made of that text, whole; one
without it has not seen it yet, or refuses it. Nobody is let through it (403), and it leads nowhere.
"""

import hashlib
from collections.abc import Iterable

from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing.lines import Add, write

SERVICE = "hoploom-overrides"
PATH = "/_mesh/overrides/"
_NOBODY = "deny=ip:0.0.0.0/0,ip:::/0"
_BEGIN = f"route add {SERVICE} "


def edition(text: str, path: str = PATH) -> str:
    """The route by which a table shows this text; empty for a text without a command."""
    commands = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    return path + hashlib.sha256("\n".join(commands).encode()).hexdigest()[:12] if commands else ""


def marked(text: str, path: str = PATH) -> str:
    """The text as it is stored."""
    src = edition(text, path)
    line = write(Add(SERVICE, src, "http://0.0.0.0:0/", opts=_NOBODY)) if src else ""
    return f"{text.rstrip()}\n{line}\n" if src else text


def unmarked(stored: str) -> str:
    """The text without its mark."""
    return "\n".join(line for line in stored.split("\n") if not line.startswith(_BEGIN))


def stored(text: str) -> str:
    """The edition that a stored text says it is."""
    return next((line.split()[3] for line in text.split("\n") if line.startswith(_BEGIN)), "")


def shown(table: Iterable[RouteEntry], path: str = PATH) -> str:
    """The edition of which a table was made; empty where our key is empty or away."""
    return next((each.src for each in table if each.service == SERVICE and each.src.startswith(path)), "")
