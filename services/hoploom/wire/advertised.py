"""Addresses that others advertise, and whether to ask there: nobody may have us call our own machine. Pure.

An advertised URL that led to loopback, to a link-local address or to a cloud's metadata service would make of every
hearer a proxy into its own host. Private networks are allowed: meshes live in them.

Source: OWASP, "Server-Side Request Forgery Prevention"; RFC 6890 (special-purpose addresses); RFC 3927; RFC 4291.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

SCHEMES = ("http", "https")
_METADATA = tuple(map(ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))
_TRANSLATED = ip_network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in its last 32 bits, which a translator turns back."""

_LAST_32_BITS = 2**32 - 1


def why_not(address: str, *, from_loopback: bool = False) -> str:
    """Why not to connect to an address, in words; empty where nothing speaks against it.

    Args:
        address: An IPv4 or IPv6 address, as a resolver gives it.
        from_loopback: We are on loopback ourselves, as in a mesh on one machine: then loopback is nobody's secret.
    """
    try:
        found = _plain(ip_address(address.partition("%")[0]))
    except ValueError:
        return f"{address[:64]!r} is no address"
    if found.is_loopback:
        return "" if from_loopback else f"{found} is this machine itself"
    if found in _METADATA:
        return f"{found} is a cloud's metadata service"
    if found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved:
        return f"{found} is no address of a host elsewhere"
    return ""


def why_not_url(url: str, *, from_loopback: bool = False) -> str:
    """Why not to ask an URL as far as its text tells: a name is judged by `why_not` when it is resolved."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return f"{url[:80]!r} is no URL"
    if parts.scheme not in SCHEMES or not host or parts.username is not None:
        return f"{url[:80]!r} is no http or https URL of a host"
    is_literal = ":" in host or host.replace(".", "").isdigit() or host.lower().startswith("0x")
    return why_not(host, from_loopback=from_loopback) if is_literal else ""


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & _LAST_32_BITS)
    return address.ipv4_mapped or address.sixtofour or address
