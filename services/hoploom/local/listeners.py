"""Further listeners of a Fabio, as `hoploom up --listen` takes them: `:9090;proto=tcp`. Pure.

Fabio's own grammar (1.7.2, config/load.go), checked before anything is started: Fabio passes an option that it does not
know over in silence, and ends where it cannot listen. Its `tcp-dynamic` is left out: with it any tag of any service
opens a port of its own on every address.
"""

import difflib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hoploom.kit.errors import ConfigError

LOOPBACK = "127.0.0.1"
PROTOS = ("http", "https", "tcp", "tcp+sni", "https+tcp+sni", "grpc", "grpcs")
SECURE = ("https", "grpcs", "https+tcp+sni")
"""What ends TLS, with the certificates in Consul's KV store."""

_MAX_PORT = 65_535
_TIME = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+", re.ASCII)
_VALUES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "it": (_TIME, "2m"),
    "rt": (_TIME, "30s"),
    "wt": (_TIME, "30s"),
    "pxytimeout": (_TIME, "250ms"),
    "pxyproto": (re.compile("true|false"), "true"),
    "strictmatch": (re.compile("true|false"), "true"),
    "tlsmin": (re.compile("tls1[23]"), "tls13"),
    "tlsmax": (re.compile("tls1[23]"), "tls13"),
}
"""What an option's value looks like, and one that does."""


@dataclass(frozen=True)
class Listener:
    """One listener.

    Attributes:
        at: Where, `address:port`.
        proto: What is spoken there, one of `PROTOS`.
        tls: Ends TLS though `proto` does not say so.
        options: Fabio's further options by name.
    """

    at: str
    proto: str = "http"
    tls: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.at.rpartition(":")[2])

    @property
    def needs_certificates(self) -> bool:
        """Whether it ends TLS."""
        return self.tls or self.proto in SECURE

    def as_dict(self) -> dict[str, Any]:
        """For the template of Fabio's settings, and for the record."""
        return asdict(self)


def read(text: str) -> Listener:
    """One listener; without an address it is one of loopback.

    Raises:
        ConfigError: It is none that Fabio would open as it is meant; with the way out.
    """
    if "," in text:
        raise _wrong(text, "one listener each; name the flag again for another")
    at, *words = text.split(";")
    options: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in options:
            raise _wrong(text, f"{name}= stands twice")
        options[name] = value
    proto, source = options.pop("proto", ""), options.pop("cs", "")
    proto = proto or ("https" if source else "http")
    if proto not in PROTOS:
        raise _wrong(text, f"Fabio's protocols are {', '.join(PROTOS)}, not {proto!r}")
    if source not in ("", "mesh") or (source and proto not in (*SECURE, "tcp")):
        raise _wrong(text, "cs=mesh goes with https, grpcs, https+tcp+sni or tcp, and there is no other")
    for name, value in options.items():
        _check(text, name, value)
    return Listener(_at(text, at), proto, tls=bool(source) and proto not in SECURE, options=options)


def read_all(texts: Sequence[str], taken: Mapping[str, int]) -> list[Listener]:
    """Several, each on a port of its own.

    Args:
        texts: As `read` takes them.
        taken: Ports of the mesh itself, by what listens there.

    Raises:
        ConfigError: One is wrong, or two have one port.
    """
    found, whose = [], {port: name for name, port in taken.items()}
    for text in texts:
        listener = read(text)
        if listener.port in whose:
            raise _wrong(text, f"that port is {whose[listener.port]}'s already")
        whose[listener.port] = text
        found.append(listener)
    return found


def _check(text: str, name: str, value: str) -> None:
    if name not in _VALUES:
        near = difflib.get_close_matches(name, [*_VALUES, "proto", "cs"], n=1)
        cure = f"did you mean {near[0]}=?" if near else f"there are proto, cs, {', '.join(_VALUES)}"
        raise _wrong(text, f"Fabio knows no option {name!r} and would pass it over in silence ({cure})")
    pattern, example = _VALUES[name]
    if not pattern.fullmatch(value):
        raise _wrong(text, f"{name}= is like {name}={example}, not {value!r}")


def _at(text: str, at: str) -> str:
    host, colon, port = at.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) <= _MAX_PORT:
        raise _wrong(text, "it begins with a port from 1 to 65535, like :9090")
    try:
        is_here = not host or host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise _wrong(text, "a mesh on one machine listens on loopback alone; on hosts it is `fabio_listeners`")
    return f"{host or LOOPBACK}:{int(port)}"


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError(f"--listen {text!r}: {why}")
