"""The router of somebody's home, and what such routers and their lines do to connections.

What is behind it reaches one address outside, under the router's own and a port of the router's choice. The harness's
namespace is the router (see `node_links`): all rules are there and end with it. The one address outside stands for
several managers, and every new connection comes to the next of them, as behind one name on the internet. Rules of
nftables; what is known of connections is forgotten by a message to the kernel (NETLINK_NETFILTER).
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Sequence

PORT = 80
_NETLINK_NETFILTER = 12
_REQUEST_AND_ACKNOWLEDGE = 5
_DELETE_CONNECTIONS = 1 << 8 | 2
"""NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_DELETE; without an attribute it means all of them.

Source: linux/netfilter/nfnetlink_conntrack.h."""

_HEADER = "=IHHII"
_RULES = """
table ip home {{
  chain in {{
    type nat hook prerouting priority dstnat
    {balanced}
  }}
  chain out {{
    type nat hook postrouting priority srcnat
    oifname "{outside}" masquerade random
  }}
  chain through {{
    type filter hook forward priority filter
    ct state invalid drop
    iifname "{inside}" ct status & dnat != dnat drop
  }}
}}
"""


class HomeRouter:
    """The rules between a node inside and a node outside."""

    def __init__(self, inside: str, outside: str, address: str) -> None:
        """Change nothing yet.

        Args:
            inside: The link to the node behind the router.
            outside: The link to the node outside.
            address: The outer node's, the only one that is reached from inside.
        """
        self._inside, self._outside, self._address = inside, outside, address

    @property
    def url(self) -> str:
        """What is reached from inside."""
        return f"http://{self._address}:{PORT}"

    def begin(self, ports: Sequence[int]) -> None:
        """Forward from now on; a new connection comes to the next of these ports."""
        to = f'iifname "{self._inside}" ip daddr {self._address} tcp dport {PORT}'
        # Each takes its part of what those before it have left.
        balanced = "\n    ".join(
            f"{to} numgen inc mod {len(ports) - number} 0 dnat to {self._address}:{port}"
            for number, port in enumerate(ports)
        )
        _nft(_RULES.format(inside=self._inside, outside=self._outside, balanced=balanced))

    def lose(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way; 0 loses none, 100 all of them."""
        _nft("table ip line\ndelete table ip line")
        if percent:
            hook = "type filter hook forward priority filter - 1"
            which = "" if percent == 100 else f"numgen random mod 100 < {percent}"
            _nft(f"table ip line {{ chain through {{ {hook}\n {which} drop\n }}\n}}")

    def forget(self, *, silently: bool) -> int:
        """Forget all connections, as a router does that begins anew or has too many.

        Args:
            silently: Whether later packets of them get no answer at all; else they leave from another port, to another
                manager perhaps, and whoever gets them there says that it knows no such connection.

        Returns:
            How many connections there were.
        """
        loose = "0" if silently else "1"
        _run("sysctl", "-qw", f"net.netfilter.nf_conntrack_tcp_loose={loose}")
        known = int(_run("sysctl", "-n", "net.netfilter.nf_conntrack_count"))
        _delete_connections()
        return known


def _delete_connections() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        # Behind the header: any family, version 0, no resource.
        message = struct.pack(_HEADER, 20, _DELETE_CONNECTIONS, _REQUEST_AND_ACKNOWLEDGE, 1, 0) + bytes(4)
        kernel.send(message)
        answer = kernel.recv(4096)
    error = -struct.unpack_from("=i", answer, struct.calcsize(_HEADER))[0]
    if error:
        raise OSError(error, os.strerror(error))


def _nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, capture_output=True)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
