"""Writes small files in MaxMind's format, for tests of what reads them.

Source: MaxMind DB File Format Specification 2.0: a binary tree over the bits of an address, sixteen zeros, records of
typed fields, and a map of metadata at the end. Records have 32 bits here; IPv4 lies below ::/96.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"
_STRING, _DOUBLE, _UINT16, _UINT32, _MAP = 2, 3, 5, 6, 7
_UINT64, _ARRAY = 9, 11
_LONG = 29
"""Sizes from here on are written in a further byte."""


def write(path: Path, records: Mapping[str, Any]) -> Path:
    """A file of records by network, disjoint ones; returns its path."""
    offsets, data = {}, b""
    for network, record in records.items():
        offsets[network] = len(data)
        data += _field(record)
    nodes = _tree(offsets)
    tree = b"".join(struct.pack(">II", *(_pointer(side, len(nodes)) for side in node)) for node in nodes)
    path.write_bytes(tree + bytes(16) + data + _MARKER + _field(_metadata(len(nodes))))
    return path


def city(country: str, latitude: float, longitude: float) -> dict[str, Any]:
    """A record as files of cities have it."""
    return {"country": {"iso_code": country}, "location": {"latitude": latitude, "longitude": longitude}}


def _tree(offsets: Mapping[str, int]) -> list[list[Any]]:
    """Nodes with two sides each: None, the number of a node, or ("data", offset)."""
    nodes: list[list[Any]] = [[None, None]]
    for text, offset in offsets.items():
        network, at = ip_network(text), 0
        *way, last = _bits(network)
        for bit in way:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][last] = ("data", offset)
    return nodes


def _bits(network: IPv4Network | IPv6Network) -> list[int]:
    length = network.prefixlen + (96 if network.version == 4 else 0)
    number = int(network.network_address)
    return [number >> (127 - at) & 1 for at in range(length)]


def _pointer(side: Any, nodes: int) -> int:
    if side is None:
        return nodes
    return nodes + 16 + int(side[1]) if isinstance(side, tuple) else int(side)


def _metadata(nodes: int) -> dict[str, Any]:
    return {
        "binary_format_major_version": (_UINT16, 2), "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, 1_700_000_000), "database_type": "Test-City", "description": {"en": "a test"},
        "ip_version": (_UINT16, 6), "languages": ["en"], "node_count": (_UINT32, nodes), "record_size": (_UINT16, 32),
    }  # fmt: skip


def _field(value: Any) -> bytes:
    if isinstance(value, str):
        return _head(_STRING, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _head(_DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, dict):
        return _head(_MAP, len(value)) + b"".join(_field(name) + _field(each) for name, each in value.items())
    if isinstance(value, list):
        return _head(_ARRAY, len(value)) + b"".join(map(_field, value))
    kind, number = value
    packed = int(number).to_bytes((int(number).bit_length() + 7) // 8)
    return _head(int(kind), len(packed)) + packed


def _head(kind: int, size: int) -> bytes:
    more = b""
    if size >= _LONG:
        size, more = _LONG, bytes([size - _LONG])
    # Types above seven stand in a byte of their own.
    return bytes([kind << 5 | size]) + more if kind <= _MAP else bytes([size, kind - _MAP]) + more
