"""The options behind a tag's `host/path`: text to typed values and back.

Fabio passes every unknown option on in silence and reads the last of two equal ones, so a slip of the pen shows
nowhere; here both are refused. Pure: whether options fit each other is `tag_checks`' matter.

Source: Fabio 1.7.2, registry/consul/routecmd.go (proto, weight, redirect), route/route.go and route/access_rules.go.
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from hoploom.kit.tag_findings import Finding, Malformed, error, warning

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_WEIGHT = re.compile(r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CODE = re.compile(r"\d{1,9}", re.ASCII)
_PREFIX_LENGTH = re.compile(r"\d{1,3}", re.ASCII)
_SNI_ONLY_LISTENER = "tcp+sni"


class Proto(StrEnum):
    """What the instance behind the route speaks."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"
    """By port (`:3306`), or by the address and port that the client dialled (`10.0.0.1:3306`)."""
    TCP_SNI = "tcp+sni"
    """TLS passed through unopened, routed by the server name; the tag says `host/ proto=tcp`."""
    GRPC = "grpc"
    GRPCS = "grpcs"


@dataclass(frozen=True)
class Redirect:
    """An answer by Fabio itself instead of the instance.

    Attributes:
        code: HTTP status, 300-399.
        url: Where to; may contain `$host` and `$path` of the request.
    """

    code: int
    url: str


def _text(value: str) -> str:
    if not value:
        raise Malformed("it has no value", "write one after the = or leave the option out")
    return value


def _prepend(value: str) -> str:
    return value if value.startswith("/") or not value else "/" + value


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise Malformed("Fabio takes only the word true for yes", "write =true, or leave the option out")
    return value == "true"


def _weight(value: str) -> float:
    if not _WEIGHT.fullmatch(value):
        raise Malformed(f"{value!r} is no number, and Fabio then refuses every change of its table", "write e.g. 0.05")
    return float(value)


def _redirect(value: str) -> Redirect:
    code, *urls = value.split(",")
    if len(urls) != 1 or not _CODE.fullmatch(code):
        raise Malformed("it is not <code>,<URL without a comma>", "write e.g. redirect=301,https://example.com$path")
    return Redirect(int(code), urls[0])


def _network(value: str) -> Network:
    kind, _, text = value.partition(":")
    address, slash, length = text.strip().partition("/")
    try:
        if kind.strip().lower() != "ip" or "%" in address or (slash and not _PREFIX_LENGTH.fullmatch(length)):
            raise ValueError(value)
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        problem = f"{value!r} is no ip:<address or CIDR block>, and Fabio then leaves the rule out and the route open"
        raise Malformed(problem, "write e.g. ip:10.0.0.0/8,ip:fd00::/8") from None


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(_network(item) for item in value.split(","))


def _proto(value: str) -> Proto:
    if value not in tuple(Proto):
        cure = f"write one of {', '.join(Proto)}"
        raise Malformed(f"Fabio knows no proto={value} and takes the route for HTTP", cure)
    return Proto(value)


def _write_networks(networks: tuple[Network, ...]) -> str:
    return ",".join(f"ip:{network.with_prefixlen}" for network in networks)


def _write_proto(proto: Proto) -> str:
    return "tcp" if proto is Proto.TCP_SNI else str(proto)


def _write_redirect(redirect: Redirect) -> str:
    return f"{redirect.code},{redirect.url}"


@dataclass(frozen=True)
class Option:
    """One option of the grammar.

    Attributes:
        name: Fabio's word before the `=`.
        field: Name of the field of `Route`.
        absent: The field's value that is not written at all.
        read: Text to value; raises Malformed.
        write: Value to text.
    """

    name: str
    field: str
    absent: Any
    read: Callable[[str], Any] = _text
    write: Callable[[Any], str] = str


OPTIONS: tuple[Option, ...] = (
    Option("proto", "proto", Proto.HTTP, _proto, _write_proto),
    Option("strip", "strip", ""),
    Option("prepend", "prepend", "", lambda value: _prepend(_text(value))),
    Option("host", "host_header", ""),
    Option("redirect", "redirect", None, _redirect, _write_redirect),
    Option("allow", "allow", (), _networks, _write_networks),
    Option("deny", "deny", (), _networks, _write_networks),
    Option("auth", "auth", ""),
    Option("tlsskipverify", "tls_skip_verify", False, _flag, lambda value: "true"),
    Option("pxyproto", "proxy_protocol", False, _flag, lambda value: "true"),
    Option("grpcservername", "grpc_server_name", ""),
    Option("register", "register", ""),
    Option("weight", "weight", None, _weight, repr),
)
"""The whole grammar of Fabio 1.7.2, in the order in which a tag is written."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}
BY_FIELD: Mapping[str, Option] = {option.field: option for option in OPTIONS}


def write(route: object) -> list[str]:
    """The options of a route as `name=value`, in the order of `OPTIONS`.

    Args:
        route: A `Route` (any object with the fields that `OPTIONS` names).
    """
    values = ((option, getattr(route, option.field)) for option in OPTIONS)
    return [f"{option.name}={option.write(value)}" for option, value in values if value != option.absent]


def unknown(name: str) -> Finding:
    """That Fabio knows no option of this name."""
    near = difflib.get_close_matches(name, BY_NAME, n=1)
    cure = f"did you mean {near[0]}=?" if near else f"Fabio's are {', '.join(BY_NAME)}"
    return error(f"Fabio knows no option {name!r} and passes it over in silence", cure)


def _remarks(name: str, value: str) -> list[Finding]:
    if name == "prepend" and value and not value.startswith("/"):
        return [warning("prepend= has no leading slash", f"write prepend=/{value}")]
    if name == "proto" and value == _SNI_ONLY_LISTENER:
        problem = "proto=tcp+sni names a listener; as an option Fabio does not know it and offers the route to HTTP too"
        return [warning(problem, "write proto=tcp behind host/")]
    return []


def read(words: Sequence[str]) -> tuple[dict[str, Any], list[Finding]]:
    """Typed values of a tag's options, and all that is wrong with them.

    Args:
        words: The words behind `host/path`, each `name=value`.

    Returns:
        Values by field of `Route`, without those that could not be read; and the findings.
    """
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for word in words:
        name, _, value = word.partition("=")
        option = BY_NAME.get(name)
        if option is None:
            findings.append(unknown(name))
            continue
        if option.field in values:
            findings.append(error(f"{name}= stands twice and Fabio reads the last", "write it once"))
        findings += _remarks(name, value)
        try:
            values[option.field] = option.read(value)
        except Malformed as malformed:
            refused = malformed.finding
            findings.append(error(f"{name}= is wrong: {refused.problem}", refused.cure))
    return values, findings
