"""The chain of kernel routers, walked by tools that others wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection

import pytest

from lab.internet.chain import DROPPED, LOOPING, PROHIBITED, UNREACHABLE, Chain
from lab.namespace import in_namespace, needs_root

pytestmark = [
    needs_root,
    pytest.mark.skipif(shutil.which("traceroute") is None, reason="traceroute is not installed"),
]


def walk(chain: Chain, *arguments: str) -> str:
    """What traceroute prints at the vantage point."""

    async def body() -> str:
        with chain:
            # A busy machine may take longer to answer than ten times what the next hop took.
            return _printed("traceroute", "-n", "-q1", "-w2,100,1000", "-m8", *arguments)

    return in_namespace(body)


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def hops(printed: str) -> list[str]:
    return [each.replace("*", "") for each in re.findall(r"^ *\d+ +(\S+)", printed, re.MULTILINE)]


@pytest.mark.parametrize("silent", [(), (2,), (1, 3)], ids=["all speak", "one is silent", "two are silent"])
@pytest.mark.parametrize("is_v6", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("kind", ["-I", "-U"])
def test_every_router_that_speaks_is_seen(kind: str, is_v6: bool, silent: Collection[int]) -> None:
    chain = Chain(4, silent=silent)
    assert hops(walk(chain, kind, chain.host_v6 if is_v6 else chain.host)) == chain.hops(is_v6=is_v6)


@pytest.mark.parametrize(
    ("number", "family", "end"),
    [
        (UNREACHABLE, 4, "3  198.18.3.2 !H"),
        (UNREACHABLE, 6, "3  2001:db8:3::2 !N"),
        (PROHIBITED, 4, "3  198.18.3.2 !X"),
        (PROHIBITED, 6, "3  2001:db8:3::2 !X"),
        (DROPPED, 4, "8  *"),
        (LOOPING, 4, "8  198.18.2.2"),
        (LOOPING, 6, "8  2001:db8:3::1"),
    ],
)
def test_the_last_router_refuses_drops_or_sends_back(number: int, family: int, end: str) -> None:
    target = f"198.18.{number}.9" if family == 4 else f"2001:db8:{number}::9"
    # Router 2 takes what is sent back in below: there its IPv6 answers from, while IPv4 takes the way back's address.
    last = re.sub(r" +[0-9.]+ ms", "", walk(Chain(3), "-I", target).splitlines()[-1]).strip()
    assert last == end


def test_a_narrow_link_says_its_mtu() -> None:
    chain = Chain(3, narrow=3)
    assert "F=1280" in walk(chain, "--mtu", chain.host)
