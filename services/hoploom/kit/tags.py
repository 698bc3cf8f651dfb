"""The `urlprefix-` tags that drive Fabio: built, parsed and linted by one typed thing, `Route`.

    Route(path="/orders", strip="/orders", weight=0.05).tag()  ->  "urlprefix-/orders strip=/orders weight=0.05"

Grammar (Fabio 1.7.2): `[host]/path`, `:port proto=tcp`, `ip:port proto=tcp`, `host/ proto=tcp` (TLS by server name),
each with options behind blanks. A tag that Fabio would drop, misread or ignore is refused before it is registered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hoploom.kit import tag_checks, tag_options
from hoploom.kit.tag_findings import Finding, Malformed, Severity, TagError, error, warning
from hoploom.kit.tag_options import Network, Proto, Redirect

PREFIX = "urlprefix-"
__all__ = [
    "PREFIX",
    "Finding",
    "Proto",
    "Redirect",
    "Route",
    "Severity",
    "TagError",
    "check_service_name",
    "lint",
    "parse",
]

_PORT = re.compile(r"(?P<host>[^/]*):(?P<port>\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class Route:
    """One route to a service; which requests match, and what Fabio does with them on the way.

    Attributes:
        host: Host or glob, lower-case; for TCP the IPv4 address that was dialled. Empty matches every host.
        path: Beginning of the path, with its slash; empty for TCP by port.
        port: Port that was dialled; None where the listener's does not matter.
        proto: What the instance speaks.
        strip: Removed from the beginning of the path.
        prepend: Put before the path, after `strip`.
        host_header: Host header for the instance; "dst" for its own address.
        redirect: Answered by Fabio itself.
        allow: Only clients of these networks.
        deny: All clients but those of these networks.
        auth: Name of an authentication scheme of Fabio's.
        tls_skip_verify: Take any certificate of the instance.
        proxy_protocol: Send the PROXY header to the instance.
        grpc_server_name: Name expected in the certificate of a gRPC instance.
        register: Fabio registers this name in Consul as its own.
        weight: This instance's share of the traffic, 0 < weight <= 1; None for an even share.
    """

    host: str = ""
    path: str = ""
    port: int | None = None
    proto: Proto = Proto.HTTP
    strip: str = ""
    prepend: str = ""
    host_header: str = ""
    redirect: Redirect | None = None
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    auth: str = ""
    tls_skip_verify: bool = False
    proxy_protocol: bool = False
    grpc_server_name: str = ""
    register: str = ""
    weight: float | None = None

    @property
    def source(self) -> str:
        """Fabio's first word: `host/path`, `host:port/path`, `:port` or `ip:port`."""
        return f"{self.host}{'' if self.port is None else f':{self.port}'}{self.path}"

    def tag(self, prefix: str = PREFIX) -> str:
        """The tag to register.

        Raises:
            TagError: Fabio would not do what is meant; all reasons at once.
        """
        findings = tag_checks.check(self)
        if findings:
            raise TagError(f"the route {self.source!r}", findings)
        return prefix + " ".join([self.source, *tag_options.write(self)])


def parse(tag: str, prefix: str = PREFIX) -> Route:
    """Read a tag.

    Raises:
        TagError: It is no tag of Fabio's, or one that Fabio would drop, misread or ignore.
    """
    route, findings = _read(tag, prefix)
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    if wrong or route is None:
        raise TagError(f"the tag {tag!r}", wrong)
    return route


def lint(tags: Sequence[str], prefix: str = PREFIX) -> list[Finding]:
    """All that is wrong or unclear with somebody's tags; tags without the prefix are not Fabio's and pass."""
    return [
        replace(finding, tag=tag) for tag in tags if tag.strip().startswith(prefix) for finding in _read(tag, prefix)[1]
    ]


def check_service_name(name: str) -> None:
    """Raises TagError for a service name that would break Fabio's route commands."""
    try:
        tag_checks.check_service_name(name)
    except Malformed as malformed:
        raise TagError(f"the service name {name!r}", [malformed.finding]) from None


def _read(tag: str, prefix: str) -> tuple[Route | None, list[Finding]]:
    if not tag.startswith(prefix):
        return None, [error(f"it does not begin with {prefix}", f"write {prefix}/path")]
    if any(character in tag for character in "\t\r\n\"\\") or not tag.isprintable():
        return None, [error("it has a quote, backslash or control character", "separate words by single blanks")]
    source, *words = tag[len(prefix) :].strip().split(" ")
    values, findings = tag_options.read([word for word in words if word])
    route, remarks = _matched(source, values.pop("proto", Proto.HTTP))
    if route is None:
        return None, [*findings, *remarks]
    whole = replace(route, **values)
    return whole, [*findings, *remarks, *tag_checks.check(whole)]


def _matched(source: str, proto: Proto) -> tuple[Route | None, list[Finding]]:
    host, slash, rest = source.partition("/")
    if proto is Proto.TCP and slash:
        proto = Proto.TCP_SNI
    port = None
    match = _PORT.fullmatch(host)
    if match:
        host, port = match["host"], int(match["port"])
    elif not slash:
        return None, [error(f"{source!r} is neither host/path nor :port", "write /path, host/path or :port proto=tcp")]
    plain = tag_checks.VARIABLE.sub("", host)
    remarks = [warning("the host has capital letters", f"write {host.lower()}")] if plain != plain.lower() else []
    if "$" not in host:
        host = host.lower()
    return Route(host=host, path=slash + rest, port=port, proto=proto), remarks
