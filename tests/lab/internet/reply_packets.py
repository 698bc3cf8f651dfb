"""The packets that answer probes: echo replies and ICMP errors of both families, checksums true. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.internet.checksums import folded, word_sums
from lab.internet.probe_packets import HEADER_BYTES
from lab.internet.quotes import Quoting
from lab.internet.topology import ECHO_REPLY, Interfaces, Responses

_ICMP_BYTES = 8
_ICMP_V4, _ICMP_V6 = 1, 58
_DONT_FRAGMENT = 0x40


class Replies:
    """Makes packets of responses."""

    def __init__(self, interfaces: Interfaces) -> None:
        """Make packets for the interfaces of one topology."""
        self._quoting = Quoting(interfaces)

    def build(
        self, packets: NDArray[np.uint8], lengths: NDArray[np.int64], is_v6: NDArray[np.bool_], told: Responses
    ) -> list[bytes]:
        """The packets that come back, in order; none of the responses is silence.

        Args:
            packets: (n, w): the probes from their IP headers on.
            lengths: (n,): bytes of each.
            is_v6: (n,): family of each.
            told: n responses.
        """
        found: list[bytes] = [b""] * len(lengths)
        is_reply = told.kind == ECHO_REPLY
        for family, in_family in ((4, ~is_v6), (6, is_v6)):
            for rows, make in (
                (np.flatnonzero(in_family & is_reply), _echo_replies),
                (np.flatnonzero(in_family & ~is_reply), self._errors),
            ):
                if len(rows):
                    made = make(packets[rows], lengths[rows], told.at(rows), family)
                    for row, packet in zip(rows.tolist(), made, strict=True):
                        found[row] = packet
        return found

    def _errors(
        self, packets: NDArray[np.uint8], lengths: NDArray[np.int64], told: Responses, family: int
    ) -> list[bytes]:
        header = HEADER_BYTES[family]
        quotes = self._quoting.quote(packets, lengths, told.interface, told.quoted_ttl, family)
        out = np.zeros((len(packets), header + _ICMP_BYTES + quotes.data.shape[1]), np.uint8)
        out[:, header] = told.icmp_type
        out[:, header + 1] = told.icmp_code
        out[:, header + (5 if family == 4 else 4)] = quotes.said
        out[:, header + _ICMP_BYTES :] = quotes.data
        return _finished(out, header + _ICMP_BYTES + quotes.length, packets, told, family)


def _echo_replies(
    packets: NDArray[np.uint8], lengths: NDArray[np.int64], told: Responses, family: int
) -> list[bytes]:
    header, longest = HEADER_BYTES[family], int(lengths.max())
    out = packets[:, : longest + longest % 2].copy()
    out[np.arange(out.shape[1]) >= lengths[:, None]] = 0
    out[:, header] = told.icmp_type
    out[:, :header] = 0
    return _finished(out, lengths, packets, told, family)


def _finished(
    out: NDArray[np.uint8], lengths: NDArray[np.int64], packets: NDArray[np.uint8], told: Responses, family: int
) -> list[bytes]:
    """The packets once IP headers and checksums are filled in; the prober is the source of the probes."""
    header = HEADER_BYTES[family]
    (_head_v4 if family == 4 else _head_v6)(out, lengths, packets, told)
    out[:, header + 2 : header + 4] = 0
    sums = word_sums(out[:, header:])
    if family == 6:
        # The pseudo-header (RFC 8200 section 8.1).
        sums += word_sums(out[:, 8:40]) + (lengths - header + _ICMP_V6).astype(np.uint64)
    out[:, header + 2 : header + 4] = folded(sums)
    whole, width = out.tobytes(), out.shape[1]
    return [whole[at * width : at * width + length] for at, length in enumerate(lengths.tolist())]


def _head_v4(
    out: NDArray[np.uint8], lengths: NDArray[np.int64], packets: NDArray[np.uint8], told: Responses
) -> None:
    out[:, 0] = 0x45
    out[:, 2:4] = lengths.astype(">u2").view(np.uint8).reshape(-1, 2)
    out[:, 6] = _DONT_FRAGMENT
    out[:, 8] = told.reply_ttl
    out[:, 9] = _ICMP_V4
    out[:, 12:16] = told.address[:, 12:]
    out[:, 16:20] = packets[:, 12:16]
    out[:, 10:12] = folded(word_sums(out[:, :20]))


def _head_v6(
    out: NDArray[np.uint8], lengths: NDArray[np.int64], packets: NDArray[np.uint8], told: Responses
) -> None:
    out[:, 0] = 0x60
    out[:, 4:6] = (lengths - HEADER_BYTES[6]).astype(">u2").view(np.uint8).reshape(-1, 2)
    out[:, 6] = _ICMP_V6
    out[:, 7] = told.reply_ttl
    out[:, 8:24] = told.address
    out[:, 24:40] = packets[:, 8:24]
