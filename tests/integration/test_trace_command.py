"""`hoploom trace` through a chain of kernel routers: what it prints is the way that was built."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import NamedTuple

import pytest

from lab.internet.chain import DROPPED, LOOPING, PROHIBITED, UNREACHABLE, Chain
from lab.namespace import in_namespace, needs_root

# An answer that comes later than QUICK waits is not there.
pytestmark = [needs_root, pytest.mark.timed(0.2)]

COMMAND = "import sys; from hoploom.cli.main import main; sys.exit(main(['trace', *sys.argv[1:]]))"
QUICK = ("-q", "1", "-w", "0.3", "-W", "1")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


async def traced(*words: str) -> Ran:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", COMMAND, *words]
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return Ran(child.returncode or 0, out.decode(), err.decode())


async def stopped(*words: str, is_insistent: bool = False) -> tuple[Ran, float]:
    """As `traced`, with Ctrl-C once it shows its progress (again and again if insistent), and how long it took then."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", COMMAND, *words]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    await asyncio.to_thread(os.read, ours, 1)
    stopped_s = time.monotonic()
    child.send_signal(signal.SIGINT)
    ended = asyncio.create_task(child.communicate())
    while is_insistent and not (await asyncio.wait([ended], timeout=0.2))[0]:
        child.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(ended, 60)
    os.close(ours)
    return Ran(child.returncode or 0, out.decode(), ""), time.monotonic() - stopped_s


def on_a_chain(*words: str) -> Ran:
    async def body() -> Ran:
        with Chain(4, silent=[3]):
            return await traced(*QUICK, *words)

    return in_namespace(body)


def addresses(document: dict[str, object]) -> list[str]:
    """Addresses by TTL from the first, empty where a hop is silent."""
    hops = document["hops"]
    assert isinstance(hops, list)
    found = {hop["probe_ttl"]: hop["addr"] for hop in hops}
    return [found.get(ttl, "") for ttl in range(1, max(found) + 1)]


@pytest.mark.parametrize("method", ["icmp-paris", "udp-paris"])
@pytest.mark.parametrize("is_v6", [False, True])
def test_the_way_is_the_chains(method: str, is_v6: bool) -> None:
    chain = Chain(4, silent=[3])
    ran = on_a_chain("-P", method, "--ndjson", chain.host_v6 if is_v6 else chain.host)
    assert (ran.code, ran.err) == (0, "")
    path, summary = map(json.loads, ran.out.splitlines())
    assert addresses(path) == chain.hops(is_v6=is_v6)
    assert path["stop_reason"] == "COMPLETED" and path["distance"] == 5 and path["method"].endswith("paris")
    assert summary["reached"] == 1 and path["probe_count"] == summary["probes"] <= 12
    # A datagram ends at a closed port, an echo request in its reply.
    ends = {"icmp-paris": (129, 0) if is_v6 else (0, 0), "udp-paris": (1, 4) if is_v6 else (3, 3)}
    assert (path["hops"][-1]["icmp_type"], path["hops"][-1]["icmp_code"]) == ends[method]


def test_a_person_reads_a_line_a_hop() -> None:
    ran = on_a_chain("198.18.5.2")
    masked = [line.rpartition("  ")[0] if line.endswith(" ms") else line for line in ran.out.splitlines()]
    assert masked == ["traceroute to 198.18.5.2", " 1  198.18.1.2", " 2  198.18.2.2", " 3  *", " 4  198.18.4.2",
                      " 5  198.18.5.2"]  # fmt: skip
    assert (ran.code, ran.err) == (0, "")


def test_many_targets_share_what_is_known_unless_paths_are_to_be_whole() -> None:
    targets = ["198.18.5.2", "198.18.5.1", "198.18.4.2"]
    shared, whole = on_a_chain("--flows", "1", *targets), on_a_chain("--flows", "1", "--whole", *targets)
    assert "as on the way to" in shared.out and "as on the way to" not in whole.out
    assert whole.out.count(" 1  198.18.1.2") == 3


@pytest.mark.parametrize(
    ("network", "reason", "words"),
    [
        (UNREACHABLE, "UNREACH", "said to be unreachable"),
        (PROHIBITED, "UNREACH", "!X"),
        (LOOPING, "LOOP", "in a loop"),
        (DROPPED, "GAPLIMIT", "nothing answers from here on"),
    ],
)
def test_a_way_that_does_not_reach_its_target_says_why(network: int, reason: str, words: str) -> None:
    target = f"198.18.{network}.1"
    assert words in on_a_chain(target).out
    document = json.loads(on_a_chain("--json", target).out)
    assert document["traces"][0]["stop_reason"] == reason and document["summary"]["targets"] == 1


def test_names_that_are_not_there_are_told_and_the_others_traced() -> None:
    ran = on_a_chain("nosuch.invalid", "198.18.1.2")
    assert ran.code == 1 and ran.err.startswith("hoploom trace: nosuch.invalid: ") and "198.18.1.2  " in ran.out


def test_without_a_route_nothing_is_sent() -> None:
    ran = in_namespace(lambda: traced(*QUICK, "192.0.2.1"))
    assert ran.code == 1 and "nothing could be sent to it" in ran.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "name a target"),
        (["-d", "80", "198.18.5.2"], "-d of scamper is not here"),
        (["--engine", "quantum", "198.18.5.2"], "no engine 'quantum'"),
        (["224.0.0.1"], "set aside (multicast"),
        (["-S", "192.0.2.9", "198.18.5.2"], "192.0.2.9"),
        (["/no/such/list"], "no file or folder"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_two(words: list[str], part: str) -> None:
    async def body() -> Ran:
        return await traced(*words)

    ran = in_namespace(body)
    assert ran.code == 2 and ran.out == ""
    assert part in ran.err and ran.err.startswith("hoploom trace: ") and ran.err.count("\n") == 1


def test_ctrl_c_prints_what_is_known_so_far() -> None:
    async def body() -> tuple[Ran, float]:
        with Chain(4, silent=[3]):
            return await stopped("-w", "2", "-q", "9", f"198.18.{DROPPED}.9", "198.18.2.2")

    ran, _ = in_namespace(body)
    assert ran.code == 1 and " 2  198.18.2.2  " in ran.out
    assert "stopped: the rest was not probed" in ran.out.partition("traceroute to 198.18.2.2")[0]


def test_a_second_ctrl_c_waits_for_nothing() -> None:
    async def body() -> tuple[Ran, float]:
        with Chain(4):
            return await stopped("-w", "500", f"198.18.{DROPPED}.9", is_insistent=True)

    ran, took_s = in_namespace(body)
    assert ran.code == 130 and took_s < 10
