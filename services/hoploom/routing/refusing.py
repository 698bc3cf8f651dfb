"""What in a line that can be read makes Fabio refuse its whole table all the same. Pure.

Source: Fabio 1.7.2, route/table.go (addRoute, delRoute, weighRoute), Go's net/url.Parse, github.com/gobwas/glob.
"""

import ipaddress
import re
from collections.abc import Iterator

from hoploom.kit import tag_checks
from hoploom.kit.tag_findings import Finding, error
from hoploom.routing.lines import Add, Command, Delete

TABLE = "Fabio refuses its whole table over it, for every service"
NOBODY = f"no target matches this weight: {TABLE}; wait until one is registered, or write it by `hoploom route weight`"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)", re.ASCII)
_PORT = re.compile(r"[^\[\]:]*(?::\d*)?|\[[^\[\]]+\](?::\d*)?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"\x80-\U0010ffff%]*")


def findings(command: Command) -> Iterator[Finding]:
    """Why Fabio refuses a table with this line, whatever is registered; nothing where it takes it."""
    if isinstance(command, Add):
        path = command.src[command.src.find("/") :] if "/" in command.src else "/"
        if not command.src.startswith(":") and not tag_checks.compiles(path):
            yield error(f"the path {path!r} is no glob that compiles: {TABLE}", "close every [ and {")
    if isinstance(command, Add) or (isinstance(command, Delete) and not command.tags and command.dst):
        problem = bad_url(command.dst)
        if problem:
            yield error(f"{command.dst!r} {problem}: {TABLE}", "write e.g. http://10.0.0.4:8080/")


def bad_url(url: str) -> str:
    """Why Go does not take this for an URL; empty where it does. Stricter than Go where no scheme is written."""
    plain, _, fragment = url.partition("#")
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in plain):  # noqa: PLR2004 (ASCII's control characters)
        return "has a control character"
    if _BAD_ESCAPE.search(fragment):
        return _bad_path(fragment)
    if plain.startswith(":"):
        return "has no scheme before the colon"
    found = _SCHEME.match(plain)
    rest = (plain[found.end() + 1 :] if found else plain).partition("?")[0]
    if not rest.startswith("/"):
        colon = not found and ":" in rest.partition("/")[0]
        return "has a colon in its first part" if colon else _bad_path("" if found else rest)
    if rest.startswith("//") and (found or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        return _bad_authority(authority) or _bad_path(slash + path)
    return _bad_path(rest)


def _is_ipv6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _bad_path(path: str) -> str:
    return "has a % without two hexadecimal digits" if _BAD_ESCAPE.search(path) else ""


def _bad_authority(text: str) -> str:
    user, at, host = text.rpartition("@")
    if at and (_BAD_ESCAPE.search(user) or not re.fullmatch(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", user, re.ASCII)):
        return "has a user that is none"
    if not _PORT.fullmatch(host) or (host.startswith("[") and not _is_ipv6(host[1 : host.index("]")])):
        return "has a host or port that is none"
    return "" if _HOST.fullmatch(host) and "%" not in host else "has a host that is none"
