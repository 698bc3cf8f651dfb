"""Reads pings and traceroutes of RIPE Atlas, one JSON object a line, into records for `results.imports`. Pure.

Of the packets of a hop the first that was answered in time counts, for a file of results has one answer a TTL. TTLs
over 64 (Atlas ends a path that went silent with one to 255) and silent hops at the end are left out. Atlas does not
say which ICMP message came: the target's answer is taken for an echo reply, or for "port unreachable" where datagrams
were sent, any other for "time exceeded", unless `err` says more. What comes is a stranger's and bounded everywhere.

Source: RIPE Atlas, "Result format" for firmware 4570 and later; `formats.atlas` says what is under `hoploom`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, BinaryIO, Final, NoReturn

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.results.formats.atlas import ERRORS, PORT_UNREACHABLE, UNREACHABLE_TYPE
from hoploom.results.imports import Bad, Origin, Record, refuse
from hoploom.results.rows import HopRow, PingRow, TraceRow
from hoploom.wire import batch, traces
from hoploom.wire.columns import MAX_RTT_US
from hoploom.wire.fields import Fields

MAX_LINE_BYTES: Final = 2**20
"""The longest traceroutes of Atlas, with extensions in every packet, have some 60 KB."""
_CHUNK_BYTES: Final = 2**16
_US_PER_MS, _MS = 1_000, 1_000
_NUMBERS: Final = range(batch.MAX_NUMBER)
_SECONDS: Final = range(253_402_300_800)
"""Until the year 9999, the last that calendars have."""
_COUNTS: Final = range(2**16)
_BYTE: Final = range(2**8)
_TTLS: Final = range(2**8)
_KEPT_TTLS: Final = range(1, traces.MAX_TTL + 1)
_NO_RTT: Final = -1
_PROTOCOL: Final = re.compile("|ICMP|I|UDP|U")
_TYPE: Final = re.compile("ping|traceroute")
_ANY: Final = re.compile(r"(?s).*")
_ECHO_REPLY: Final = {4: 0, 6: 129}
_TIME_EXCEEDED: Final = {4: 11, 6: 3}
_CODES: Final = {family: {letter: code for code, letter in reversed(table.items())} for family, table in ERRORS.items()}
_LABEL: Final = {"label": range(2**20), "exp": range(8), "s": range(2), "ttl": _BYTE}


class Reader:
    """Reads files of Atlas.

    Attributes:
        without_address: Results so far that name no address, as where a probe could not resolve a name; they are no
            fault, and left out.
    """

    def __init__(self, campaign: str, bad: Bad = refuse) -> None:
        """Take the campaign that all results get, and what becomes of lines that are none."""
        self._campaign, self._bad = campaign, bad
        self.without_address = 0

    def records(self, file: BinaryIO) -> Iterator[Record]:
        """The results of a file, in its order.

        Args:
            file: Lines of JSON in UTF-8; empty ones are passed over.

        Raises:
            Unprocessable: A line is no result, and `bad` is not told to go on; names the line.
        """
        for number, line in enumerate(_lines(file), 1):
            try:
                found = self._record(f"line {number}", line)
            except BadRequest as error:
                self._bad(f"line {number}: {error}")
                continue
            if found is not None:
                yield found

    def _record(self, place: str, line: bytes | None) -> Record | None:
        if line is None:
            raise Unprocessable(f"it has more than {MAX_LINE_BYTES} bytes")
        if not line.strip():
            return None
        known = Fields(_parsed(line), "an Atlas result", versioned=False)
        kind = known.text("type", _TYPE, longest=20)
        if not known.text("dst_addr", _ANY, "", longest=64):
            self.without_address += 1
            return None
        target = _address(known, "dst_addr")
        family = ip_address(target).version
        ours = Fields(known.object("hoploom", {}), "what hoploom adds", versioned=False)
        probe = known.integer("prb_id", _NUMBERS)
        worker = ours.text("worker", batch.TEXT_PATTERNS["worker"], f"atlas-{probe}")
        made = _ping if kind == "ping" else _traceroute
        row = made(known, ours, target, family)
        kind = "ping" if kind == "ping" else "trace"
        return Record(
            place, Origin(kind, family, known.integer("msm_id", _NUMBERS), worker, probe, self._campaign), row
        )


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a bounded length; None for a longer one."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(_CHUNK_BYTES)
        yield None


def _parsed(line: bytes) -> Any:
    if line.lstrip().startswith(b"["):
        raise BadRequest("it begins a list; Atlas gives one object a line with `format=txt`")
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise BadRequest("it is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"it is no JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _ping(known: Fields, ours: Fields, target: str, family: int) -> PingRow:
    sent, received = known.integer("sent", _COUNTS), known.integer("rcvd", _COUNTS)
    rtts = [_rtt_us(known.number(name, _NO_RTT)) if received else None for name in ("min", "avg", "max")]
    entries = [_mapping(each, "an entry of `result`") for each in known.objects("result", [])]
    errors = sum("error" in each for each in entries)
    outcome = batch.ANSWERED if received else batch.FAILED if not sent or errors == len(entries) > 0 else batch.LOST
    return PingRow(
        address=target,
        outcome=_outcome(ours, batch.OUTCOMES, outcome),
        sent=sent,
        received=received,
        duplicates=known.integer("dup", _COUNTS, 0),
        rtt_us=rtts[1],
        rtt_min_us=rtts[0],
        rtt_max_us=rtts[2],
        reply_ttl=_optional(known, "ttl") if received else None,
        icmp_type=_optional(ours, "icmp_type"),
        icmp_code=_optional(ours, "icmp_code"),
        icmp_from=_address(ours, "icmp_from") if ours.has("icmp_from") else None,
        at_ms=_at_ms(known, ours),
    )


def _traceroute(known: Fields, ours: Fields, target: str, family: int) -> TraceRow:
    at_ms = _at_ms(known, ours)
    is_udp = known.text("proto", _PROTOCOL, "", longest=8).startswith("U")
    to_hop = _Path(target, family, at_ms, is_udp=is_udp)
    listed = [_mapping(each, "a hop") for each in known.objects("result")]
    hops = [hop for each in listed if "hop" in each and (hop := to_hop.hop(each)) is not None]
    while hops and hops[-1].hop is None:
        hops.pop()
    reached = [hop.ttl for hop in hops if hop.hop == target]
    packets = sum(len(each["result"]) for each in listed if isinstance(each.get("result"), list))
    return TraceRow(
        address=target,
        outcome=_outcome(ours, traces.OUTCOMES, _ending(hops, target, family)),
        sent=ours.integer("sent", _COUNTS, min(packets, _COUNTS.stop - 1)),
        joined_ttl=_optional(ours, "joined_ttl", _KEPT_TTLS),
        distance=_optional(ours, "distance", _KEPT_TTLS) if ours.has("outcome") else min(reached, default=None),
        hops=tuple(hops),
        at_ms=at_ms,
    )


def _ending(hops: list[HopRow], target: str, family: int) -> int:
    """Why the path ended, as far as its hops tell."""
    if any(hop.hop == target for hop in hops):
        return traces.REACHED
    return traces.UNREACHABLE if hops and hops[-1].icmp_type == UNREACHABLE_TYPE[family] else traces.GAP


class _Path:
    """What the hops of a path have in common."""

    def __init__(self, target: str, family: int, at_ms: int, *, is_udp: bool) -> None:
        self._target, self._family, self._at_ms, self._is_udp = target, family, at_ms, is_udp

    def hop(self, listed: Mapping[str, Any]) -> HopRow | None:
        """The row of a hop; None over the TTLs that are kept."""
        known = Fields(listed, "a hop", versioned=False)
        ttl = known.integer("hop", _TTLS)
        if ttl > traces.MAX_TTL:
            return None
        packets = [_mapping(each, "a packet") for each in known.objects("result", [])]
        found = next((each for each in packets if "from" in each and "rtt" in each and "late" not in each), None)
        if found is None:
            return HopRow(ttl, None, None, None, None, None, None, None, self._at_ms)
        first = Fields(found, "a packet", versioned=False)
        address = _address(first, "from")
        icmp_type, icmp_code = self._message(found.get("err"), address)
        is_exceeded = icmp_type == _TIME_EXCEEDED[self._family]
        quoted_ttl = first.integer("ittl", _BYTE, 1) if is_exceeded or first.has("ittl") else None
        rtt_us = _rtt_us(first.number("rtt"))
        return HopRow(
            ttl, address, rtt_us, _optional(first, "ttl"), quoted_ttl, icmp_type, icmp_code, _mpls(first), self._at_ms
        )

    def _message(self, err: object, address: str) -> tuple[int, int]:
        """Type and code of the ICMP message that a packet was answered by."""
        if err is not None:
            return UNREACHABLE_TYPE[self._family], _code(err, self._family)
        if address != self._target:
            return _TIME_EXCEEDED[self._family], 0
        if self._is_udp:
            return UNREACHABLE_TYPE[self._family], PORT_UNREACHABLE[self._family]
        return _ECHO_REPLY[self._family], 0


def _code(err: object, family: int) -> int:
    if isinstance(err, str) and err in _CODES[family]:
        return _CODES[family][err]
    if type(err) is int and err in _BYTE:
        return err
    raise Unprocessable(f"its err {err!r:.20} is unknown")


def _mpls(packet: Fields) -> str | None:
    """The label stack that a packet quotes, as files of results write it."""
    extension = Fields(packet.object("icmpext", {}), "icmpext", versioned=False)
    labels = []
    for each in extension.objects("obj", []):
        found = Fields(each, "an object of icmpext", versioned=False)
        for entry in found.objects("mpls", []):
            label = Fields(entry, "a label", versioned=False)
            labels.append(":".join(str(label.integer(name, allowed)) for name, allowed in _LABEL.items()))
    return " ".join(labels[: traces.LABELS_A_HOP]) or None


def _rtt_us(rtt_ms: float) -> int:
    if not 0 <= rtt_ms <= MAX_RTT_US / _US_PER_MS:
        raise Unprocessable(f"an RTT is 0 to {MAX_RTT_US // _US_PER_MS} ms, not {rtt_ms!r:.40}")
    return round(rtt_ms * _US_PER_MS)


def _at_ms(known: Fields, ours: Fields) -> int:
    return known.integer("timestamp", _SECONDS) * _MS + ours.integer("at_ms", range(_MS), 0)


def _outcome(ours: Fields, names: tuple[str, ...], otherwise: int) -> int:
    if not ours.has("outcome"):
        return otherwise
    return names.index(ours.text("outcome", re.compile("|".join(names)), longest=20))


def _optional(known: Fields, name: str, allowed: range = _BYTE) -> int | None:
    return known.integer(name, allowed) if known.has(name) else None


def _address(known: Fields, name: str) -> str:
    """An address as we write it; which interface a link-local one is on says nothing elsewhere."""
    text = known.text(name, _ANY, longest=64).partition("%")[0]
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise Unprocessable(f"its {name} {text!r:.60} is no address") from error


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{what} is a JSON object")
    return value
