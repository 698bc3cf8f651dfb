"""Makes a `Topology` of a `Declaration`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix
from hoploom.wire.addresses import column
from lab.internet.declared import QUOTES, Balancer, Declaration, DeclarationError, Interface, Prefix
from lab.internet.topology import MAX_TTL, Interfaces, Steps, Topology, Ways, keys

_NS_PER_MS = 1_000_000
_KEY_BITS = 64
"""Of an IPv6 address, see `topology.keys`."""


class _Step(NamedTuple):
    """One step of a way: its alternatives, what balances them, and the worst of their links."""

    names: tuple[str, ...]
    salt: int
    is_per_packet: bool
    delay_ms: float
    loss: float


def compiled(declaration: Declaration) -> Topology:
    """The topology as arrays.

    Raises:
        DeclarationError: Two prefixes overlap or an unknown name is used, with the names.
    """
    rows = {name: row for row, name in enumerate(declaration.interfaces)}
    laid = {name: _laid(declaration, name, number) for number, name in enumerate(_names(declaration))}
    first_step: dict[str, int] = {}
    steps: list[_Step] = []
    for name, parts in laid.items():
        first_step[name] = len(steps)
        steps += parts
    return Topology(
        interfaces=_interfaces(list(declaration.interfaces.values())),
        steps=_steps(steps, rows),
        ways=_ways(declaration, laid, first_step),
        loss=declaration.loss,
    )


def _names(declaration: Declaration) -> list[str]:
    both = declaration.interfaces.keys() & declaration.balancers.keys()
    if both:
        raise DeclarationError(f"{min(both)} is both an interface and a balancer")
    return [*declaration.interfaces, *declaration.balancers]


def _laid(declaration: Declaration, name: str, number: int) -> list[_Step]:
    """The steps that a name stands for in a way."""
    balancer = declaration.balancers.get(name, Balancer(branches=((name,),)))
    if len({len(branch) for branch in balancer.branches}) != 1:
        raise DeclarationError(f"the branches of balancer {name} have different lengths")
    steps = []
    for names in zip(*balancer.branches, strict=True):
        links = [_interface(declaration, each) for each in names]
        worst = max(link.delay_ms for link in links), max(link.loss for link in links)
        steps.append(_Step(names, number, balancer.by == "packet", *worst))
    return steps


def _interface(declaration: Declaration, name: str) -> Interface:
    if name not in declaration.interfaces:
        raise DeclarationError(f"there is no interface {name}")
    return declaration.interfaces[name]


def _interfaces(declared: Sequence[Interface]) -> Interfaces:
    addresses = column(each.address for each in declared)
    if len({row.tobytes() for row in addresses}) != len(declared):
        raise DeclarationError("two interfaces have the same address")
    routers: dict[str, int] = {}
    for each in declared:
        routers.setdefault(each.router or each.address, len(routers))
    return Interfaces(
        address=addresses,
        router=np.array([routers[each.router or each.address] for each in declared], np.int32),
        is_silent=np.array([each.silent for each in declared]),
        initial_ttl=np.array([each.initial_ttl for each in declared], np.int16),
        quote=np.array([QUOTES.index(each.quote) for each in declared], np.uint8),
        quoted_destination=column(each.quoted_destination for each in declared),
        errors_per_s=np.array([each.errors_per_s for each in declared]),
        burst=np.array([each.burst for each in declared], np.float64),
        labels=tuple(each.labels for each in declared),
    )


def _steps(steps: Sequence[_Step], rows: dict[str, int]) -> Steps:
    width = np.array([len(step.names) for step in steps], np.int64)
    return Steps(
        member=np.array([rows[name] for step in steps for name in step.names], np.int32),
        first=np.cumsum(width) - width,
        width=width.astype(np.uint64),
        salt=mix(np.array([step.salt for step in steps], np.uint64) + np.uint64(1)),
        is_per_packet=np.array([step.is_per_packet for step in steps]),
    )


def _ways(declaration: Declaration, laid: dict[str, list[_Step]], first_step: dict[str, int]) -> Ways:
    ordered = sorted(declaration.prefixes, key=lambda each: _bounds(each)[0])
    first, last = np.array([_bounds(each) for each in ordered], np.uint64).T
    for row in np.flatnonzero(last[:-1] >= first[1:]).tolist():
        raise DeclarationError(f"{ordered[row].prefix} and {ordered[row + 1].prefix} overlap")
    paths = [_path(each, laid, first_step) for each in ordered]
    step = np.full((len(ordered), MAX_TTL), -1, np.int32)
    for row, path in enumerate(paths):
        step[row, : len(path)] = path
    length = np.array([len(path) for path in paths], np.int16)
    delay_ns, survival = _costs([one for parts in laid.values() for one in parts], step, length, ordered)
    told = [_told(each) for each in ordered]
    return Ways(
        first=first,
        last=last,
        is_v6=np.array([":" in each.prefix for each in ordered]),
        step=step,
        length=length,
        delay_ns=delay_ns,
        survival=survival,
        hosts=np.array([each.hosts for each in ordered]),
        unreachable_type=np.array([each[0] for each in told], np.int16),
        unreachable_code=np.array([each[1] for each in told], np.int16),
        is_by_host=np.array([each.unreachable is not None and each.unreachable.by == "host" for each in ordered]),
    )


def _told(declared: Prefix) -> tuple[int, int]:
    """ICMP type and code about addresses without a host."""
    if declared.unreachable is None:
        return -1, -1
    return declared.unreachable.type or (1 if ":" in declared.prefix else 3), declared.unreachable.code


def _bounds(declared: Prefix) -> tuple[int, int]:
    """First and last key of a prefix."""
    network = ip_network(declared.prefix)
    if network.version == 6 and network.prefixlen > _KEY_BITS:
        raise DeclarationError(f"{declared.prefix} is longer than {_KEY_BITS} bits")
    first, last = keys(column([str(network.network_address), str(network.broadcast_address)]))
    return int(first), int(last)


def _path(declared: Prefix, laid: dict[str, list[_Step]], first_step: dict[str, int]) -> list[int]:
    """Rows of the steps on the way to a prefix; a loop is walked until no TTL is left."""
    path: list[int] = []
    for name in declared.path:
        if name not in laid:
            raise DeclarationError(f"the way to {declared.prefix} has an unknown {name}")
        path += range(first_step[name], first_step[name] + len(laid[name]))
    while declared.loop and len(path) < MAX_TTL:
        path += path[-declared.loop :]
    if not path or (len(path) >= MAX_TTL and not declared.loop):
        raise DeclarationError(f"the way to {declared.prefix} has 1 to {MAX_TTL - 1} hops")
    return path[:MAX_TTL]


def _costs(
    steps: Sequence[_Step], step: NDArray[np.int32], length: NDArray[np.int16], ordered: Sequence[Prefix]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`Ways.delay_ns` and `Ways.survival`."""
    shape, rows = (len(step), MAX_TTL + 1), np.arange(len(step))
    delay_ms, kept = np.zeros(shape), np.ones(shape)
    delay_ms[:, :-1] = np.where(step >= 0, np.array([one.delay_ms for one in steps])[step], 0)
    kept[:, :-1] = np.where(step >= 0, 1 - np.array([one.loss for one in steps])[step], 1)
    delay_ms[rows, length] = [each.delay_ms for each in ordered]
    kept[rows, length] = [1 - each.loss for each in ordered]
    there_and_back_ns = np.round(2 * _NS_PER_MS * np.cumsum(delay_ms, axis=1)).astype(np.int64)
    return there_and_back_ns, np.square(np.cumprod(kept, axis=1, dtype=np.float64))
