"""Which engines `up --attach` shall join: flags, then the engines' own environment, then where they usually are."""

import argparse
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hoploom.kit import credentials
from hoploom.kit.errors import ConfigError
from hoploom.local import consul_given
from hoploom.local.attached import Attached

OWN = "own"
_HTTP = ("http", "https")


@dataclass(frozen=True)
class Wish:
    """One engine: where to look for it, and whether somebody has said so.

    Attributes:
        url: Where; empty where an engine of our own is wanted.
        said: Named by a person, so that its absence is an error.
        token: Of that engine; empty for none.
    """

    url: str
    said: bool
    token: str = ""


@dataclass(frozen=True)
class Wishes:
    """What a person asked for.

    Attributes:
        consul: Consul's HTTP address.
        nomad: Nomad's HTTP address.
        fabio: Address at which Fabio routes; where nobody has said one, its own configuration says it.
        fabio_admin: Address of Fabio's pages.
        prefix: Of all that we enter.
    """

    consul: Wish
    nomad: Wish
    fabio: Wish
    fabio_admin: Wish
    prefix: str

    def after(self, known: Attached, tokens: Mapping[str, str]) -> "Wishes":
        """The same, going on with what was joined before where nobody says otherwise.

        Args:
            known: What was joined before.
            tokens: The tokens that were kept then.
        """
        return replace(
            self,
            consul=_again(self.consul, known.consul, tokens.get("management", "") if known.consul_acl else ""),
            nomad=_again(self.nomad, known.nomad, tokens.get("nomad", "") if known.nomad_acl else ""),
            fabio=_again(self.fabio, known.fabio, ""),
            fabio_admin=_again(self.fabio_admin, known.fabio_admin, ""),
            prefix=known.prefix or self.prefix,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `up`."""
    group = parser.add_argument_group(
        "joining what runs already", "tokens come from the environment or from files, never from flags"
    )
    group.add_argument(
        "--attach", action="store_true",
        help="join the Consul, Nomad and Fabio of this host, start what is missing, and change nothing of theirs",
    )  # fmt: skip
    for name, env in (("consul", "CONSUL_HTTP_ADDR"), ("nomad", "NOMAD_ADDR")):
        where = f"address of the {name.title()} to join, or `own` ({env}; default: where it usually is)"
        group.add_argument(f"--{name}", metavar="URL", help=where)
        group.add_argument(f"--{name}-token-file", metavar="FILE", help=f"file with the token for that {name.title()}")
    group.add_argument("--fabio", metavar="URL", help="address at which the Fabio to join routes, or `own`")
    group.add_argument("--fabio-admin", metavar="URL", help="its pages, where they are not at port 9998 of that host")
    group.add_argument("--prefix", default="hoploom", help="of all that is entered there (default: hoploom)")
    group.add_argument("--print-policy", action="store_true", help="print the policies that the tokens need, and end")


def wishes(args: argparse.Namespace, environ: Mapping[str, str]) -> Wishes:
    """Put flags, environment and usual places together.

    Raises:
        ConfigError: An address is none, or a token file cannot be read.
    """
    consul = consul_given.given(environ, args.consul, args.consul_token_file)
    nomad_token = environ.get("NOMAD_TOKEN", "") if not args.nomad_token_file else ""
    fabio = _wish("--fabio", args.fabio, "http://127.0.0.1:9999")
    return Wishes(
        _wish(
            "Consul", args.consul or consul.address, "http://127.0.0.1:8500", consul.token,
        ),
        _wish(
            "Nomad", args.nomad or environ.get("NOMAD_ADDR", ""), "http://127.0.0.1:4646",
            nomad_token or credentials.read(args.nomad_token_file or ""),
        ),
        fabio,
        _wish("Fabio's pages", args.fabio_admin, f"http://{_host(fabio.url)}:9998"),
        args.prefix,
    )  # fmt: skip


def is_local(host: str) -> bool:
    """Whether a name or address is one of this host's own."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return any(_binds(family, address) for family, _, _, _, address in found)


def _binds(family: int, address: object) -> bool:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)  # type: ignore[arg-type]
        except OSError:
            return False
    return True


def _again(wish: Wish, known: str, token: str) -> Wish:
    if not known or not (wish.url == known or not wish.said):
        return wish
    return Wish(known, said=True, token=wish.token or token)


def _wish(what: str, given: str | None, usual: str, token: str = "") -> Wish:
    if given == OWN:
        return Wish("", said=True)
    return Wish(_address(what, given) if given else usual, bool(given), token)


def _address(what: str, given: str) -> str:
    full = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(full)
        wrong = parts.scheme not in _HTTP or not parts.hostname or parts.path not in ("", "/") or parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise ConfigError(f"the address of {what} is like http://127.0.0.1:8500, not {given!r} (`own` is one of ours)")
    return full.rstrip("/")


def _host(url: str) -> str:
    host = urlsplit(url).hostname or "127.0.0.1"
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host  # noqa: PLR2004
    except ValueError:
        return host


