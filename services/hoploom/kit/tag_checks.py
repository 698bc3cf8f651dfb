"""Which typed routes Fabio would drop, misread, ignore, or lose its whole table over.

Every rule was read in Fabio 1.7.2's source (registry/consul/routecmd.go, route/parse_new.go, route/table.go,
route/route.go, main.go) and the harmful ones are shown against the real Fabio by tests/integration/test_tags_fabio.py.
Three traps make checking before registering worth its lines: the generated route commands are re-parsed as *text*, so
one bad word in one team's tag stops every later change for everybody; a tab or newline in a path can smuggle in whole
commands; and a malformed access rule leaves the route open instead of closed.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hoploom.kit.tag_findings import Finding, error
from hoploom.kit.tag_options import BY_FIELD, Proto

if TYPE_CHECKING:
    from hoploom.kit.tags import Route

MAX_PORT = 65_535
_REDIRECTS = range(300, 400)
_TABLE = "Fabio then refuses every change of its whole table"

# Only $DC is set in Fabio (routecmd.go expands host and path); every other name becomes nothing.
VARIABLE = re.compile(r"\$DC(?!\w)|\$\{DC\}", re.ASCII)
# One level of gobwas/glob groups: {a,b}, [abc], [a-z], [!a-z]. An unbalanced one does not compile.
_GROUP = re.compile(r"\{[^{}\[\]\\,]+(,[^{}\[\]\\,]+)*\}|\[!?(?:(?P<low>\w)-(?P<high>\w)|[^-!{}\[\]\\]+)\]")
_GLOB = re.compile(r"[*?\[\]{}]")
_HOST = re.compile(r"[a-z0-9._*?-]*", re.ASCII)
_PLAIN_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,62})", re.ASCII)
_HEADER_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]+", re.ASCII)
_REDIRECT_URL = re.compile(
    r"https?://(\$host|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(?P<rest>[/?#].*)?", re.ASCII
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_word(text: str) -> bool:
    """Whether the text survives as one word of a route command: no blank, quote, backslash or control character."""
    return bool(text) and all(c.isprintable() and not c.isspace() and c not in '"\\' for c in text)


def compiles(text: str) -> bool:
    """Whether a text is a glob that Fabio can compile; stricter than it where brackets lie within one another."""
    rest = _GROUP.sub("", text)
    ordered = all(not m["low"] or m["low"] <= m["high"] for m in _GROUP.finditer(text))
    return ordered and not any(c in rest for c in "[]{}")


def _variables(what: str, text: str) -> Iterator[Finding]:
    if "$" in VARIABLE.sub("", text):
        yield error(f"the {what} has a variable other than $DC, which Fabio replaces by nothing", "use $DC or ${DC}")


def _host(route: "Route") -> Iterator[Finding]:
    if not route.host:
        return
    if not is_word(route.host):
        yield error(f"the host {route.host!r} has a blank, quote or control character", "write a plain host name")
        return
    yield from _variables("host", route.host)
    rest = _GROUP.sub("", VARIABLE.sub("", route.host))
    if "$" in rest:
        return
    if not compiles(route.host) or not _HOST.fullmatch(rest):
        yield error(
            f"{route.host!r} is no host name or glob that Fabio can match",
            "write letters, digits, dots and * (punycode for other alphabets, a name for an IPv6 address)",
        )


def _path(route: "Route") -> Iterator[Finding]:
    if not route.path:
        return
    if not route.path.startswith("/"):
        yield error(f"the path {route.path!r} has no leading slash", f"write /{route.path.strip()}")
    elif not is_word(route.path):
        yield error(f"the path {route.path!r} has a blank, quote, backslash or control character", "leave it out")
    else:
        yield from _variables("path", route.path)
        if not compiles(VARIABLE.sub("", route.path)):
            yield error(f"the path {route.path!r} is no glob that compiles: {_TABLE}", "close every [ and {")


def _port(route: "Route") -> Iterator[Finding]:
    if route.port is not None and not 0 < route.port <= MAX_PORT:
        yield error(f"the port {route.port} is outside 1-{MAX_PORT}", "write a TCP port")


def _tcp_source(route: "Route") -> Iterator[Finding]:
    if route.path:
        yield error("a TCP route has no path, and Fabio never matches one", "write :port or ip:port")
    if route.port is None:
        yield error("a TCP route needs a port", "write :port or ip:port, or host/ for TLS by server name")
    try:
        ipaddress.IPv4Address(route.host or "0.0.0.0")  # a placeholder for "no host"
    except ValueError:
        problem = "Fabio compares the host of a TCP route with the IPv4 address that was dialled, and only splits that"
        yield error(problem, "write an IPv4 address before the colon, or nothing")


def _sni_source(route: "Route") -> Iterator[Finding]:
    if route.path != "/":
        yield error("TLS by server name knows no path", "write host/ proto=tcp")
    if route.port is not None or not _PLAIN_HOST.fullmatch(VARIABLE.sub("dc", route.host)):
        yield error("TLS by server name needs one full host name, without port or glob", "write host/ proto=tcp")


def _http_source(route: "Route") -> Iterator[Finding]:
    if route.port is not None and not route.host:
        yield error("a route by port alone is TCP", "add proto=tcp, or write a host before the port")
    elif not route.path:
        # Empty altogether it is a route command without a source; an old Fabio drops a host alone (fabio#766).
        then = "only newer Fabios take it for /" if route.host else _TABLE
        yield error(f"the route has no path, and {then}", "write / behind the host")


_SOURCES: dict[Proto, Callable[["Route"], Iterator[Finding]]] = {Proto.TCP: _tcp_source, Proto.TCP_SNI: _sni_source}

_HTTP_ONLY = ("strip", "prepend", "host_header", "redirect", "auth")
_IDLE: dict[Proto, tuple[str, ...]] = {
    Proto.HTTP: ("tls_skip_verify", "proxy_protocol", "grpc_server_name"),
    Proto.HTTPS: ("redirect", "proxy_protocol", "grpc_server_name"),
    Proto.TCP: (*_HTTP_ONLY, "tls_skip_verify", "grpc_server_name"),
    Proto.TCP_SNI: (*_HTTP_ONLY, "tls_skip_verify", "grpc_server_name"),
    Proto.GRPC: (*_HTTP_ONLY, "allow", "deny", "tls_skip_verify", "proxy_protocol", "grpc_server_name"),
    Proto.GRPCS: (*_HTTP_ONLY, "allow", "deny", "proxy_protocol"),
}
"""Options that Fabio accepts and does not carry out; allow, deny and auth on gRPC would look like protection."""


def _idle(route: "Route") -> Iterator[Finding]:
    for field in _IDLE[route.proto]:
        option = BY_FIELD[field]
        if getattr(route, field) != option.absent:
            yield error(f"Fabio does not carry out {option.name}= on a {route.proto} route", "leave it out")
    if route.proto is Proto.TCP and route.host and route.proxy_protocol:
        yield error("Fabio does not carry out pxyproto= on an ip:port route", "route by :port instead")


def _prefixes(route: "Route") -> Iterator[Finding]:
    for name, value in (("strip", route.strip), ("prepend", route.prepend)):
        if value and not value.startswith("/"):
            yield error(f"{name}={value} has no leading slash, so it never matches a path", f"write {name}=/{value}")
        elif value and (not is_word(value) or "$" in value):
            yield error(f"{name}= has a blank, quote or variable; Fabio expands none in options", "write a plain path")
    apart = not route.path.startswith(route.strip) and not route.strip.startswith(route.path)
    if route.strip and apart and not _GLOB.search(route.path) and "$" not in route.path:
        problem = f"strip={route.strip} is no beginning of {route.path}, so nothing is ever stripped"
        yield error(problem, "strip a beginning of the path")


def _names(route: "Route") -> Iterator[Finding]:
    for name, value in (("auth", route.auth), ("register", route.register), ("grpcservername", route.grpc_server_name)):
        if value and not _NAME.fullmatch(value):
            yield error(f"{name}={value!r} is no name", "write letters, digits, dots, dashes")
    if route.host_header and not _HEADER_HOST.fullmatch(route.host_header):
        yield error(f"host={route.host_header!r} is no host name", "write a name, or host=dst for the instance's own")


def _redirect(route: "Route") -> Iterator[Finding]:
    if route.redirect is None:
        return
    if route.redirect.code not in _REDIRECTS:
        yield error(f"Fabio drops the redirect code {route.redirect.code}, outside 300-399", "write e.g. 301 or 308")
    # $path may stand right behind the host, but not behind a port, where Go's URL parser stumbles over it.
    url = re.sub(r"^(https?://[^/:?#]+)\$path", r"\1/", route.redirect.url)
    match = _REDIRECT_URL.fullmatch(url)
    if not is_word(url) or "," in url or not match or _BAD_ESCAPE.search(match["rest"] or ""):
        problem = f"{route.redirect.url!r} is no URL to redirect to; one that cannot be read costs the whole table"
        yield error(problem, "write e.g. https://example.com$path, and a slash before $path behind a port")
    elif "$" in url.replace("$path", "").replace("$host", ""):
        yield error("the redirect has a variable other than $host and $path, which stays as it is", "write it out")
    if route.host_header:
        yield error("host= does nothing on a redirect", "leave it out")


def _access(route: "Route") -> Iterator[Finding]:
    if route.allow and route.deny:
        problem = "allow= and deny= together switch both off in Fabio and leave the route open"
        yield error(problem, "keep allow= alone: all else is denied")


def _weight(route: "Route") -> Iterator[Finding]:
    if route.weight is None:
        return
    if route.weight == 0:
        yield error("weight=0 means an even share in Fabio, not none", "leave it out, or take the tag away")
    elif not (math.isfinite(route.weight) and 0 < route.weight <= 1):
        yield error(f"the weight {route.weight} is outside 0-1", "write the instance's share, e.g. 0.05 for 5 %")


_CHECKS = (_host, _path, _port, _idle, _prefixes, _names, _redirect, _access, _weight)


def check(route: "Route") -> list[Finding]:
    """Everything that is wrong with a route; empty means that Fabio reads it as it is meant."""
    source = _SOURCES.get(route.proto, _http_source)
    return [finding for one in (*_CHECKS, source) for finding in one(route)]


def check_service_name(name: str) -> None:
    """Refuse a service name that would break Fabio's route commands or Consul's DNS.

    Raises:
        Malformed: The name has a blank or another character outside `[A-Za-z0-9_.-]`, or is longer than 63.
    """
    from hoploom.kit.tag_findings import Malformed  # noqa: PLC0415

    if not _NAME.fullmatch(name):
        raise Malformed(f"{name!r} is no service name: with a blank in it {_TABLE}", "write letters, digits, dashes")
