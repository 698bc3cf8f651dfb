"""Optional fields as warts writes them: flags that say which there are, their length, then they. Pure.

Seven flags to a byte, its highest bit says that another byte follows; after them, where any is set, 16 bits with the
length of all fields. A reader that knows fewer fields than a writer goes on behind that length. An address stands in
full where a record first has it, and as its number, counted within the record from 0, wherever it has it again.

Source: warts(5), "Flags and parameters" and "Addresses"; the kinds of fields, files by scamper 20211212.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from itertools import groupby
from socket import AF_INET, AF_INET6, inet_ntop
from struct import Struct
from typing import Any, Final, NamedTuple

from hoploom.kit.errors import ConfigError

_FLAGS_A_BYTE: Final = 7
_LINK: Final = 0x80
_MOST_FLAG_BYTES: Final = 16
"""Three times what the largest record of any version has."""
_FAMILIES: Final = {1: AF_INET, 2: AF_INET6}
_SIZES: Final = {1: 4, 2: 16}
"""By the type of an address: the bytes of IPv4 and IPv6; other types are of links (Ethernet, FireWire)."""
_US_PER_S: Final = 1_000_000
_MOST_US: Final = 2**32 * _US_PER_S - 1
_MOMENT: Final = Struct(">II")
_MPLS_STACK: Final = b"\1\1"
"""Class and type of an ICMP extension that is an MPLS label stack (RFC 4950)."""
_LABEL_SIZE: Final = 4

Params = dict[str, Any]
"""Fields of a record by their names; what a record lacks is not in it."""


class Cursor:
    """Reads a record from its start to its end; nothing that it says is believed before the bytes are there."""

    def __init__(self, data: bytes) -> None:
        """Begin with a record's body, without the header."""
        self.at, self.end = 0, len(data)
        self._data = data
        self._addresses: list[str] = []

    def take(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            ConfigError: So many are not left.
        """
        begin, self.at = self.at, self.at + size
        if self.at > self.end:
            raise ConfigError(f"{size} bytes are announced where {self.end - begin} are left")
        return self._data[begin : self.at]

    def number(self, size: int) -> int:
        """The next `size` bytes as a number."""
        return int.from_bytes(self.take(size))

    def text(self) -> str:
        """The text up to the next zero byte; what is no UTF-8 in it is replaced."""
        stop = self._data.find(b"\0", self.at, self.end)
        found = self.take((self.end if stop < 0 else stop) - self.at)
        self.take(1)
        return found.decode("utf-8", "replace")

    def address(self) -> str:
        """The next address, in full or by number; empty for one of a link."""
        if size := self.number(1):
            self._addresses.append(_address(self.number(1), self.take(size)))
            return self._addresses[-1]
        number = self.number(4)
        if number >= len(self._addresses):
            raise ConfigError(f"address {number} is named where the record has had {len(self._addresses)}")
        return self._addresses[number]


def _address(kind: int, packed: bytes) -> str:
    if kind not in _FAMILIES:
        return ""
    if len(packed) != _SIZES[kind]:
        raise ConfigError(f"an address of type {kind} has {len(packed)} bytes")
    return _text(kind, packed)


@lru_cache(maxsize=65_536)
def _text(kind: int, packed: bytes) -> str:
    return inet_ntop(_FAMILIES[kind], packed)


class Body:
    """Collects the bytes of a record."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.data = bytearray()
        self._addresses: dict[str, int] = {}

    def number(self, value: int, size: int) -> None:
        """Append a number of `size` bytes."""
        self.data += value.to_bytes(size)

    def text(self, value: str) -> None:
        """Append a text, which a zero byte ends."""
        self.data += value.replace("\0", "").encode() + b"\0"

    def address(self, value: str) -> None:
        """Append an address: in full the first time, by its number from then on."""
        if value in self._addresses:
            self.data += b"\0" + self._addresses[value].to_bytes(4)
            return
        self._addresses[value] = len(self._addresses)
        self.data += _in_full(value)


@lru_cache(maxsize=65_536)
def _in_full(address: str) -> bytes:
    packed = ip_address(address).packed
    kind = next(kind for kind, size in _SIZES.items() if size == len(packed))
    return bytes((len(packed), kind)) + packed


class Kind(NamedTuple):
    """How a field that is no plain number is read and written."""

    read: Callable[[Cursor], Any]
    write: Callable[[Body, Any], None]


def _moment(cursor: Cursor) -> int:
    seconds, us = _MOMENT.unpack(cursor.take(_MOMENT.size))
    return int(seconds * _US_PER_S + us)


def _write_moment(body: Body, at_us: int) -> None:
    # A worker's clock may be anywhere; the format has 1970 to 2106.
    seconds, rest = divmod(min(max(at_us, 0), _MOST_US), _US_PER_S)
    body.data += _MOMENT.pack(seconds, rest)


def _labels(cursor: Cursor) -> tuple[int, ...]:
    """MPLS label stack entries among the ICMP extensions (RFC 3032: label, class, bottom, TTL)."""
    size = cursor.number(2)
    stop, found = cursor.at + size, b""
    while cursor.at < stop:
        length = cursor.number(2)
        kind, data = cursor.take(2), cursor.take(length)
        found += data if kind == _MPLS_STACK else b""
    entries = range(0, len(found) - _LABEL_SIZE + 1, _LABEL_SIZE)
    return tuple(int.from_bytes(found[at : at + _LABEL_SIZE]) for at in entries)


def _write_labels(body: Body, entries: tuple[int, ...]) -> None:
    size = _LABEL_SIZE * len(entries)
    body.number(size + 4, 2)
    body.number(size, 2)
    body.data += _MPLS_STACK
    for entry in entries:
        body.number(entry, _LABEL_SIZE)


def _addresses(cursor: Cursor) -> tuple[str, ...]:
    return tuple(cursor.address() for _ in range(cursor.number(1)))


def _timestamps(cursor: Cursor) -> tuple[str, ...]:
    """The addresses of an IPv4 timestamp option; its times, before them, are passed over."""
    times, addresses = cursor.number(1), cursor.number(1)
    cursor.take(4 * times)
    return tuple(cursor.address() for _ in range(addresses))


def _never(_: Body, value: object) -> None:
    raise TypeError(f"fields of this kind are read alone, not written: {value!r}")


U8, U16, U32 = "B", "H", "I"
"""Plain numbers, by their codes in `struct`: those that follow each other are read at a time."""
TEXT: Final = Kind(Cursor.text, Body.text)
ADDRESS: Final = Kind(Cursor.address, Body.address)
MOMENT: Final = Kind(_moment, _write_moment)
"""UTC microseconds since 1970."""
LABELS: Final = Kind(_labels, _write_labels)
PATTERN: Final = Kind(lambda cursor: cursor.take(cursor.number(2)), _never)
"""Length and bytes of a ping's payload, which have two flags and are there both or not at all."""
NOTHING: Final = Kind(lambda _: b"", _never)
ADDRESSES: Final = Kind(_addresses, _never)
TIMESTAMPS: Final = Kind(_timestamps, _never)


class Layout:
    """The optional fields that a type of record may have, in the order of their flags."""

    def __init__(self, **fields: Kind | str) -> None:
        """Take them by name."""
        self.fields = fields
        self.bits = {name: 1 << number for number, name in enumerate(fields)}
        self.known = (1 << len(fields)) - 1


class _Part(NamedTuple):
    """Fields that follow each other: plain numbers, or one of a kind."""

    names: list[str]
    kind: Kind | Struct


@lru_cache(maxsize=1024)
def _parts(layout: Layout, flags: int) -> list[_Part]:
    """The fields that flags say; kept, because the records of a file have few different ones."""
    present = [name for name in layout.fields if flags & layout.bits[name]]
    found: list[_Part] = []
    for is_number, group in groupby(present, key=lambda name: isinstance(layout.fields[name], str)):
        names = list(group)
        if is_number:
            found.append(_Part(names, Struct(">" + "".join(str(layout.fields[name]) for name in names))))
            continue
        found += [_Part([name], kind) for name in names if isinstance(kind := layout.fields[name], Kind)]
    return found


def read_params(cursor: Cursor, layout: Layout) -> Params:
    """The optional fields at a cursor, which stands behind them afterwards.

    Args:
        cursor: At the first byte of flags.
        layout: Fields that there may be; what follows them is passed over.

    Returns:
        Those that are there.

    Raises:
        ConfigError: They are longer than the record has room for, or than they say.
    """
    flags = _flags(cursor)
    if not flags:
        return {}
    size, outer = cursor.number(2), cursor.end
    cursor.end = cursor.at + size
    if cursor.end > outer:
        raise ConfigError(f"fields of {size} bytes are announced where {outer - cursor.at} are left")
    found: Params = {}
    for names, kind in _parts(layout, flags & layout.known):
        if isinstance(kind, Struct):
            found.update(zip(names, kind.unpack(cursor.take(kind.size)), strict=True))
        else:
            found[names[0]] = kind.read(cursor)
    cursor.at, cursor.end = cursor.end, outer
    return found


def _flags(cursor: Cursor) -> int:
    flags = 0
    for place in range(_MOST_FLAG_BYTES):
        byte = cursor.number(1)
        flags |= (byte & ~_LINK) << _FLAGS_A_BYTE * place
        if not byte & _LINK:
            return flags
    raise ConfigError(f"there are more than {_MOST_FLAG_BYTES} bytes of flags")


def write_params(body: Body, layout: Layout, values: Params) -> None:
    """Append optional fields: those whose value is not None.

    Args:
        body: The record, at the place for its flags.
        layout: As for `read_params`; every value has a field in it.
        values: Each within what its field holds.
    """
    flags = sum(layout.bits[name] for name, value in values.items() if value is not None)
    body.data += _flag_bytes(flags)
    if not flags:
        return
    at = len(body.data)
    body.number(0, 2)
    for names, kind in _parts(layout, flags):
        if isinstance(kind, Struct):
            body.data += kind.pack(*[values[name] for name in names])
        else:
            kind.write(body, values[names[0]])
    body.data[at : at + 2] = (len(body.data) - at - 2).to_bytes(2)


def _flag_bytes(flags: int) -> bytes:
    found = bytearray()
    while flags >= _LINK:
        found.append(flags & ~_LINK & 0xFF | _LINK)
        flags >>= _FLAGS_A_BYTE
    return bytes((*found, flags))
