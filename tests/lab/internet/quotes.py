"""What an ICMP error quotes of a probe, in all the ways in which routers do it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.internet.checksums import folded, word_sums
from lab.internet.declared import QUOTES
from lab.internet.probe_packets import HEADER_BYTES
from lab.internet.topology import Interfaces

QUOTE_BYTES = 128
"""Of a probe at most, and exactly where an extension follows (RFC 4884 section 5.3)."""
_EIGHT, _CUT, _LONG_HEADER, _LONG_EXTENSION = (QUOTES.index(name) for name in QUOTES[1:])
_CUT_BYTES = {4: 12, 6: 20}
_LIE = 255
"""An RFC 4884 length that no answer keeps."""
_VERSION, _MPLS_CLASS, _INCOMING_STACK = 2, 1, 1
"""RFC 4884 section 7 and RFC 4950 section 3."""


class Quotes(NamedTuple):
    """What follows the first eight bytes of each ICMP error, and the length that stands among them.

    Attributes:
        data: (n, w) uint8: quote and extension, zeros behind them; w is even.
        length: (n,) int64: their bytes.
        said: (n,) uint8: RFC 4884 length attribute; 0 where there is no extension.
    """

    data: NDArray[np.uint8]
    length: NDArray[np.int64]
    said: NDArray[np.uint8]


class Quoting:
    """How each interface of a topology quotes."""

    def __init__(self, interfaces: Interfaces) -> None:
        """Lay out the extensions once."""
        self._interfaces = interfaces
        extensions = [_extension(labels) for labels in interfaces.labels]
        self._extension_length = np.array([len(each) for each in extensions], np.int64)
        widest = int(self._extension_length.max(initial=0))
        whole = b"".join(each.ljust(widest, b"\0") for each in extensions)
        self._extension = np.frombuffer(whole, np.uint8).reshape(len(extensions), widest)

    def quote(
        self,
        packets: NDArray[np.uint8],
        lengths: NDArray[np.int64],
        interface: NDArray[np.int32],
        ttls: NDArray[np.int16],
        family: int,
    ) -> Quotes:
        """Quote probes.

        Args:
            packets: (n, w): probes of one family from their IP headers on, w >= `QUOTE_BYTES`.
            lengths: (n,): bytes of each.
            interface: (n,): row of the interface that quotes; -1 is a host, which quotes as it ought to.
            ttls: (n,): TTL of each probe where it is quoted.
            family: 4 or 6.
        """
        form = np.where(interface >= 0, self._interfaces.quote[interface], 0)
        most = np.select([form == _EIGHT, form == _CUT], [HEADER_BYTES[family] + 8, _CUT_BYTES[family]], QUOTE_BYTES)
        kept = np.minimum(most, lengths)
        quoted = self._rewritten(packets[:, :QUOTE_BYTES].copy(), interface, ttls, family)
        quoted[form == _LONG_HEADER, 0] |= 0x0F
        quoted[np.arange(QUOTE_BYTES) >= kept[:, None]] = 0
        added = np.where(interface >= 0, self._extension_length[interface], 0)
        data = np.hstack([quoted, np.where(added[:, None] > 0, self._extension[interface], np.uint8(0))])
        padded = QUOTE_BYTES // (4 if family == 4 else 8)
        said = np.select([added > 0, form == _LONG_EXTENSION], [padded, _LIE], 0).astype(np.uint8)
        return Quotes(data, np.where(added > 0, QUOTE_BYTES + added, kept), said)

    def _rewritten(
        self, quoted: NDArray[np.uint8], interface: NDArray[np.int32], ttls: NDArray[np.int16], family: int
    ) -> NDArray[np.uint8]:
        """The quoted headers as they arrived there: other TTL, perhaps another destination, a true checksum."""
        at = slice(16, 20) if family == 4 else slice(24, 40)
        other = self._interfaces.quoted_destination[interface]
        changed = (interface >= 0) & np.any(other, axis=1)
        quoted[changed, at] = other[changed, 12:] if family == 4 else other[changed]
        quoted[:, 8 if family == 4 else 7] = ttls
        if family == 4:
            quoted[:, 10:12] = 0
            quoted[:, 10:12] = folded(word_sums(quoted[:, : HEADER_BYTES[4]]))
        return quoted


def _extension(labels: tuple[int, ...]) -> bytes:
    """Header and MPLS object of an extension (RFC 4884 section 7, RFC 4950); empty without labels."""
    if not labels:
        return b""
    stack = b"".join(label.to_bytes(4, "big") for label in labels)
    whole = bytes([_VERSION << 4, 0, 0, 0]) + (4 + len(stack)).to_bytes(2, "big")
    whole += bytes([_MPLS_CLASS, _INCOMING_STACK]) + stack
    checksum = folded(word_sums(np.frombuffer(whole, np.uint8)[None]))
    return whole[:2] + bytes(checksum[0]) + whole[4:]
