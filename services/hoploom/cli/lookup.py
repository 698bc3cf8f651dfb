"""Targets that a person names: lists read, names resolved in threads, space that is set aside refused.

Shared by `hoploom ping` and `hoploom trace`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from collections.abc import Sequence
from typing import NamedTuple

from hoploom.kit.errors import BadRequest, HoploomError
from hoploom.targets.notation import IPV4, IPV6, Block
from hoploom.targets.space import by_family, reason, split
from hoploom.targets.special_purpose import Space

_AT_ONCE = 32
"""Lookups at a time: resolvers queue more than that themselves."""
FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Unreadable(HoploomError):
    """A list cannot be read; its text is the system's reason."""


class Found(NamedTuple):
    """What became of a target's name.

    Attributes:
        target: As it was written.
        addresses: What it stands for, in the resolver's order; empty when it was not found.
        reason: Why it was not found, in the resolver's words.
    """

    target: str
    addresses: tuple[str, ...]
    reason: str = ""


class SetAside(BadRequest):
    """A target lies in space that nobody should probe by mistake."""


def read_list(path: str) -> list[str]:
    """The first word of each line of a file, or of stdin (`-`); empty lines and comments (`#`) stand for nothing.

    Raises:
        Unreadable: It cannot be read.
    """
    try:
        if path == "-":
            text = sys.stdin.read() if sys.stdin else ""
        else:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    words = (line.split(maxsplit=1) for line in text.split("\n"))
    return [each[0] for each in words if each and not each[0].startswith("#")]


async def resolve(targets: Sequence[str], family: int) -> list[Found]:
    """Look up all targets, many at a time.

    Args:
        targets: Names and addresses.
        family: 4 or 6 restricts them to it; 0 does not.

    Returns:
        One for each, in their order; a name that was not found has no addresses.
    """
    limit = asyncio.Semaphore(_AT_ONCE)
    literal = [_literal(each, family) for each in targets]
    looked_up = await asyncio.gather(
        *(_resolve(limit, target, family) for target, found in zip(targets, literal, strict=True) if found is None)
    )
    rest = iter(looked_up)
    return [found or next(rest) for found in literal]


async def names(addresses: Sequence[str]) -> list[str]:
    """The names that addresses resolve to; the address itself where there is none."""
    limit = asyncio.Semaphore(_AT_ONCE)
    return await asyncio.gather(*(_name(limit, each) for each in addresses))


def require_ordinary(addresses: Sequence[str]) -> None:
    """Refuse multicast, link-local and the rest of IANA's special-purpose space beyond loopback and private blocks.

    Raises:
        SetAside: One of them lies there, or several do.
    """
    for family, ranges in by_family(map(_block, addresses)).items():
        never = split(family, ranges).get(Space.NEVER)
        if never:
            first = Block(family, never[0][0], never[0][0])
            raise SetAside(f"{first} is set aside ({reason(first)}): nothing was sent; --any if it is meant")


def interface(addresses: Sequence[str], asked: str) -> str:
    """The interface to send by, empty for any: the one that was asked for, or that link-local addresses name (`%eth0`).

    Raises:
        BadRequest: More than one would be needed.
    """
    scopes = {address.partition("%")[2] for address in addresses}
    needed = {scope or asked for scope in scopes}
    if asked or not needed:
        needed.add(asked)
    if len(needed) > 1:
        raise BadRequest("one run sends by one interface: name targets by themselves that have another one (%) or none")
    return needed.pop()


def _block(address: str) -> Block:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return Block(IPV4 if parsed.version == IPV4 else IPV6, int(parsed), int(parsed))


def _literal(target: str, family: int) -> Found | None:
    """A plain address needs no resolver; one of the other family gets the resolver's own refusal."""
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        return None
    return Found(target, (str(address),)) if family in (0, address.version) else None


async def _resolve(limit: asyncio.Semaphore, target: str, family: int) -> Found:
    async with limit:
        try:
            found = await asyncio.to_thread(socket.getaddrinfo, target, None, FAMILIES[family], socket.SOCK_DGRAM)
        except socket.gaierror as error:
            return Found(target, (), error.strerror or str(error))
        except UnicodeError:
            return Found(target, (), "Name or service not known")
    return Found(target, tuple(dict.fromkeys(str(each[4][0]) for each in found)))


async def _name(limit: asyncio.Semaphore, address: str) -> str:
    async with limit:
        try:
            found, _ = await asyncio.to_thread(socket.getnameinfo, (address, 0), socket.NI_NAMEREQD)
        except OSError:
            return address
    return found
