"""`hoploom ping` beside fping 5.1 itself, on the same arguments, in one namespace: the same lines and exit codes.

A scripted host answers for all of 127.0.0.0/8: it stays silent, answers late, twice or every other time, or sends ICMP
errors, by address. Both programs run at the same time; what they measure is masked, all else has to be equal.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from calm import STOOD, TURN
from lab.forking import Forking
from lab.namespace import in_namespace, needs_root
from lab.scripted_host import Answer, Request, ScriptedHost, echo_reply, error
from meter import Meter
from waiting import eventually, pause

# Both are given the same 100 ms, and the times of others decide who is late.
pytestmark = [
    needs_root,
    pytest.mark.timed(0.05),
    pytest.mark.skipif(shutil.which("fping") is None, reason="fping is not installed"),
]

ROUTER = "127.0.9.9"
NAMES = "127.0.0.1 localhost a.test\n127.0.0.2 two.test\n127.0.0.3 two.test\n"
OURS = "import sys; from hoploom.cli.main import main; sys.exit(main(['ping', *sys.argv[1:]]))"
AT_ONCE = 6

HOST_UNREACHABLE, ADMINISTRATIVELY, NETWORK, TIME_EXCEEDED = "127.7.3.1", "127.7.3.13", "127.7.3.0", "127.7.11.0"
ALIVE, SILENT, TWICE, LATE = "127.0.0.1", "127.8.0.1", "127.6.0.1", "127.6.0.3"
ERROR_FIRST, IN_5_MS, IN_50_MS, NO_ROUTE = "127.6.0.6", "127.6.0.7", "127.6.0.8", "10.1.1.1"
DELAYS_S = {LATE: 0.7, IN_5_MS: 0.005, IN_50_MS: 0.05}


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def script(seen: Counter[tuple[str, bool]], request: Request) -> list[Answer]:
    """What comes back at once; late answers are the test's own affair. 127.5.0.0/16 answers every other request."""
    target = request.destination
    second, third, fourth = (int(each) for each in target.split(".")[1:])
    reply = Answer(target, echo_reply(request))
    # Two programs ask at the same time; fping's payload is all zeros.
    key = target, any(request.message[8:])
    seen[key] += 1
    if second == 8 or target in DELAYS_S:
        return []
    if second == 7:
        return [Answer(ROUTER, error(request, third, fourth))]
    if second == 5 and seen[key] % 2:
        return []
    return {TWICE: [reply, reply], ERROR_FIRST: [Answer(ROUTER, error(request, 3, 1)), reply]}.get(target, [reply])


async def run_all(cases: Sequence[str], hosts: Path) -> dict[str, tuple[Ran, Ran]]:
    seen: Counter[tuple[str, bool]] = Counter()
    loop, limit = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    def answer(request: Request) -> list[Answer]:
        if request.destination in DELAYS_S:
            reply = Answer(request.destination, echo_reply(request))
            loop.call_later(DELAYS_S[request.destination], host.send, request, reply)
        return script(seen, request)

    async def both(case: str) -> tuple[Ran, Ran]:
        async with limit:
            theirs, ours = await asyncio.gather(of_fping(inside, *parted(case)), of_ours(forking, *parted(case)))
            return theirs, ours

    inside = ["unshare", "-m", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    with ScriptedHost(answer) as host, Forking(["hoploom.cli.ping.command"], inside) as forking:
        found = await asyncio.gather(*map(both, cases))
    return dict(zip(cases, found, strict=True))


def parted(case: str) -> tuple[list[str], bytes]:
    """Words, and what is given on standard input."""
    words, _, stdin = case.partition(" < ")
    return words.split(), stdin.replace("|", "\n").encode()


async def of_fping(inside: list[str], words: list[str], given: bytes) -> Ran:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*inside, "fping", *words, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(child.communicate(given), 60)
    return Ran(child.returncode or 0, out.decode(), err.decode())


async def of_ours(forking: Forking, words: list[str], given: bytes) -> Ran:
    code, out, err = await asyncio.to_thread(forking.run, ["ping", *words], given)
    return Ran(code, out.decode(), err.decode())


_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_MASKS = (
    (rf"\b{_NUMBER} ms", "T ms"),
    (rf"\({_NUMBER} avg", "(T avg"),
    (rf"= {_NUMBER}/{_NUMBER}/{_NUMBER}$", "= T/T/T"),
    (rf" : ((?:-|{_NUMBER})(?: (?:-|{_NUMBER}))*)$", lambda m: " : " + re.sub(_NUMBER, "T", m[1])),
    (r"^\[[0-9]{10}\.[0-9]{5}\]", "[STAMP]"),
    (r"^\[[0-9]{2}:[0-9]{2}:[0-9]{2}\]", "[TIME]"),
    (rf"^ *{_NUMBER} sec \(elapsed", "N sec (elapsed"),
    (r"^SET (min|max|avg) = [0-9]+", r"SET \1 = N"),
    (r"hoploom ping", "fping"),
)


def masked(text: str) -> list[str]:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text.splitlines()


SAME = [
    # alive or not
    f"{ALIVE}",
    f"{ALIVE} 127.0.0.2 127.0.0.3",
    f"-r1 -t 200 {SILENT}",
    f"-r0 {ALIVE} {SILENT} 127.0.0.2",
    f"-r2 -t 200 -B 1 -s {SILENT}",
    f"-r1 -t 100 -B 3.5 -s {SILENT} {ALIVE}",
    f"-a -r0 {ALIVE} {SILENT}",
    f"-u -r0 {ALIVE} {SILENT}",
    f"-a -e {ALIVE}",
    f"-e -r0 {ALIVE} {SILENT}",
    f"-q -r0 {ALIVE} {SILENT}",
    f"-a -q -r0 {ALIVE} {SILENT}",
    f"-u -q -r0 {ALIVE} {SILENT}",
    f"-s -r0 {ALIVE} {SILENT}",
    f"-s -q {ALIVE}",
    f"-D -r0 {ALIVE} {SILENT}",
    f"-o -r0 {ALIVE} {SILENT}",
    f"-Q 1 {ALIVE}",
    f"{ALIVE} {ALIVE}",
    f"-r0 -t 100 -i 300 {SILENT} {ALIVE} 127.8.0.2",
    f"-r0 {NO_ROUTE} {ALIVE}",
    f"-u -r0 {SILENT} {NO_ROUTE} {ALIVE}",
    # late answers count for the attempt that still waits, and no other
    f"-r2 {LATE}",
    f"-s -r2 {LATE}",
    f"-r2 -t 300 -B 1.1 {LATE}",
    "-r2 -e -s -t 300 127.5.0.1",
    # counting
    f"-c1 {ALIVE}",
    f"-c 3 -p 200 -t 100 {ALIVE} {SILENT} 127.0.0.222",
    f"-C 3 -p 200 -t 100 {ALIVE} {SILENT}",
    f"-C 3 -p 100 -q {ALIVE} {SILENT}",
    f"-c 2 -p 100 -q {ALIVE} {SILENT}",
    f"-c 2 -C 3 -p 100 {ALIVE}",
    f"-C 3 -c 2 -p 100 {ALIVE}",
    "-c 4 -p 200 -t 100 127.5.0.2",
    "-C 4 -p 150 -q 127.5.0.3",
    "-c 4 -p 200 -t 100 -o 127.5.0.4",
    f"-c 3 -p 200 -t 2000 -s {LATE}",
    f"-c 2 -p 300 {LATE}",
    f"-c 2 -p 300 -t 100 {SILENT}",
    f"-c 1 {IN_5_MS} {IN_50_MS}",
    f"-c 2 -p 200 -D {ALIVE}",
    f"-c 1 -a {ALIVE} {SILENT}",
    f"-c 1 -u {ALIVE} {SILENT}",
    f"-s -c 2 -p 200 -t 100 {ALIVE} {SILENT}",
    f"-Q 1 -c 2 -p 700 {ALIVE} {SILENT}",
    f"-Q 1 -C 2 -p 700 -s -o {ALIVE} {SILENT}",
    f"-N -Q 1 -c 2 -p 800 localhost {SILENT}",
    f"-b 1000 -c1 {ALIVE}",
    f"-b 16 -c1 {ALIVE}",
    # ICMP errors
    f"-r1 -t 200 {HOST_UNREACHABLE}",
    f"-r0 {NETWORK} {HOST_UNREACHABLE} 127.7.3.2 127.7.3.3 127.7.3.4 127.7.3.5 127.7.3.6 127.7.3.7",
    f"-r0 127.7.3.8 127.7.3.9 127.7.3.10 127.7.3.11 127.7.3.12 {ADMINISTRATIVELY} 127.7.3.14 127.7.3.15 127.7.3.16",
    f"-r0 {TIME_EXCEEDED} {ALIVE}",
    f"-c 2 -p 200 -t 100 {HOST_UNREACHABLE} {ALIVE}",
    f"-C 1 {HOST_UNREACHABLE} {ALIVE}",
    f"-q -c 1 {HOST_UNREACHABLE}",
    f"-Q 1 -c 1 -t 300 {HOST_UNREACHABLE}",
    f"-a -r0 {HOST_UNREACHABLE} {ALIVE}",
    f"-u -r0 {HOST_UNREACHABLE} {ALIVE}",
    f"-n -A -r0 {HOST_UNREACHABLE} {ALIVE}",
    f"-s -r0 {HOST_UNREACHABLE} {ALIVE}",
    f"-s -c1 {ERROR_FIRST}",
    # answered twice
    f"-r0 -t 300 {TWICE} {SILENT}",
    f"-c 1 -t 300 {TWICE} {SILENT}",
    f"-q -c 1 -t 300 {TWICE} {SILENT}",
    f"-a -r0 -t 300 {TWICE} {SILENT}",
    # what the system will not send
    f"{NO_ROUTE}",
    f"-u {NO_ROUTE}",
    f"-q -r1 -s {NO_ROUTE}",
    f"-c 3 -p 100 -s {NO_ROUTE} {ALIVE}",
    f"-C 3 -p 100 {NO_ROUTE}",
    # enough of them
    f"-x 1 -r0 {ALIVE} {SILENT}",
    f"-x 2 -r0 {ALIVE} {SILENT}",
    f"-x 2 -c 2 -p 100 {ALIVE} {SILENT}",
    f"-x 1 -a -r0 {ALIVE} {SILENT}",
    f"-x 1 -r0 {HOST_UNREACHABLE} {ALIVE}",
    f"-x 1 -s {ALIVE}",
    f"-x 1 {ALIVE} nosuch.invalid",
    # names
    "a.test two.test",
    "-m two.test a.test",
    "-m -A two.test",
    "-A a.test",
    "-A -c1 localhost 127.0.0.2",
    "-d 127.0.0.2 127.0.0.77",
    "-n 127.0.0.2 a.test",
    "-A -n 127.0.0.2 127.0.0.77 a.test",
    "-A -d -c1 127.0.0.2 127.0.0.77",
    "-4 a.test",
    f"-r0 {ALIVE} nosuch.invalid {SILENT}",
    f"-c1 {ALIVE} a.very.long.name.that.is.not.there.invalid",
    f"-q {ALIVE} nosuch.invalid",
    f"-s {ALIVE} nosuch.invalid",
    "-s nosuch.invalid",
    "-6 127.0.0.1",
    "-4 ::1",
    "256.1.1.1",
    # lists and ranges
    "-g 127.0.0.0/29 -r0",
    "-g 127.0.0.9/30 -r0",
    "-g 127.0.0.0/31",
    "-g 127.0.0.5/32",
    "-g 127.0.0.1 127.0.0.3",
    "-g 127.0.0.254 127.0.1.1",
    "-g 127.0.0.3 127.0.0.1",
    " < 127.0.0.1 some words|| # no target|  127.0.0.2|#127.8.0.1|localhost # x|127.0.0.3",
    "-f - < 127.0.0.2|127.0.0.1",
    " < ",
    # how options are written
    f"{ALIVE} -c1",
    f"-c1 -- {ALIVE}",
    f"-- {ALIVE} -c1",
    f"--count=1 --quiet {ALIVE}",
    f"--count 1 --size 100 {ALIVE}",
    f"-qc1 {ALIVE}",
    f"-qsc1 {ALIVE}",
    f"-t 250.5 -r0 {SILENT}",
    f"-i 0.1 {ALIVE} 127.0.0.2",
    f"-i 0 {ALIVE} 127.0.0.2",
    f"-T 3 -H 9 -O 0x10 {ALIVE}",
    f"-R -M -c1 {ALIVE}",
    f"-M -c1 -b 3000 {ALIVE}",
    f"-M -r0 -b 3000 {ALIVE}",
    f"-c1 -b 3000 {ALIVE}",
    f"-S 127.0.0.7 -I lo {ALIVE}",
]


class Together(NamedTuple):
    """What was run for many cases at a time."""

    hosts: Path
    found: dict[str, tuple[Ran, Ran]]
    stood_s: float


def in_the_lab(cases: Sequence[str], hosts: Path) -> dict[str, tuple[Ran, Ran]]:
    quiet = "sysctl -qw net.ipv4.icmp_echo_ignore_all=1 net.ipv4.icmp_ratelimit=0"
    return in_namespace(lambda: run_all(cases, hosts), quiet, "ip link set lo mtu 1500")


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    """All cases, since one after another they take minutes."""
    hosts = tmp_path_factory.mktemp("fping") / "hosts"
    hosts.write_text(NAMES, encoding="ascii")
    meter = Meter()
    meter.begin()
    found = in_the_lab([*SAME, *WRONG], hosts)
    stood_s = meter.end()
    meter.close()
    return Together(hosts, found, stood_s)


@pytest.fixture
def results(together: Together, request: pytest.FixtureRequest, case: str) -> tuple[Ran, Ran]:
    """What both said to a case; made alone where it was not the same while many ran."""
    if request.node.stash[TURN]:
        return in_the_lab([case], together.hosts)[case]
    request.node.stash[STOOD] = together.stood_s
    return together.found[case]


@pytest.mark.parametrize("case", SAME)
def test_lines_and_exit_codes_are_fpings(results: tuple[Ran, Ran], case: str) -> None:
    theirs, ours = results
    assert masked(ours.out) == masked(theirs.out)
    assert masked(ours.err) == masked(theirs.err)
    assert ours.code == theirs.code


WRONG = {
    "-z": "message",
    "--nosuch": "message",
    "--cou 1": "message",
    "-c": "message",
    "--count": "message",
    "--alive=3": "message",
    f"-b 65600 {ALIVE}": "message",
    f"-B 0.5 {ALIVE}": "message",
    f"-B 6 {ALIVE}": "message",
    f"-H 300 {ALIVE}": "message",
    f"-4 -6 {ALIVE}": "message",
    f"-a -u {ALIVE}": "message",
    f"-c 2 -l {ALIVE}": "message",
    f"-n -d {ALIVE}": "message",
    "-g 127.0.0.1/33": "message",
    "-g 127.0.0.1/x": "message",
    "-g ::1 ::3": "message",
    "-g 127.0.0.1 nosuch": "message",
    f"-S nosuch {ALIVE}": "message",
    f"-c 0 {ALIVE}": "usage",
    f"-c abc {ALIVE}": "usage",
    f"-H 0 {ALIVE}": "usage",
    f"-x 0 {ALIVE}": "usage",
    f"-i -1 {ALIVE}": "usage",
    f"-p -1 {ALIVE}": "usage",
    f"-t -1 {ALIVE}": "usage",
    f"-O zz {ALIVE}": "usage",
    "-g": "usage",
    "-g 127.0.0.1": "usage",
    "-g 127.0.0.1 127.0.0.2 127.0.0.3": "usage",
    f"-f /etc/hosts {ALIVE}": "usage",
    "-f /nonexistent": "system",
    f"-S 10.9.9.9 {ALIVE}": "system",
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_has_fpings_message_and_the_code_of_its_manual(results: tuple[Ran, Ran], case: str) -> None:
    theirs, ours = results
    assert ours.out == ""
    assert theirs.code == (4 if WRONG[case] == "system" else 1)  # its manual says 3; the program says 1
    assert ours.code == (4 if WRONG[case] == "system" else 3)
    if WRONG[case] == "message":
        assert masked(ours.err)[0] == masked(theirs.err)[0]
    else:
        assert re.fullmatch(r"hoploom ping: .+\n(see 'hoploom ping -h' for usage information\n)?", ours.err)


INTERRUPT, QUIT = signal.SIGINT, signal.SIGQUIT
STOPPED = [
    (f"-l -p 200 -t 100 {ALIVE} {SILENT}", 6, (INTERRUPT,)),
    (f"-l -q -p 200 -t 100 {ALIVE}", 3, (INTERRUPT,)),
    (f"-l -Q 1 -p 300 -t 100 {ALIVE}", 5, (INTERRUPT,)),
    (f"-C 20 -p 200 -t 100 {ALIVE} {SILENT}", 6, (INTERRUPT,)),
    (f"-r 3 -t 5000 {SILENT} {ALIVE}", 2, (INTERRUPT,)),
    (f"-l -p 200 -t 100 {ALIVE} {SILENT}", 4, (QUIT, INTERRUPT)),
    (f"-q -C 20 -p 200 -t 100 {ALIVE} {SILENT}", 4, (QUIT, INTERRUPT)),
]


@pytest.mark.parametrize(("case", "requests", "signals"), STOPPED)
def test_stopped_by_hand_it_says_what_fping_says(case: str, requests: int, signals: tuple[signal.Signals, ...]) -> None:
    async def body() -> list[Ran]:
        ran = []
        for program in (["fping"], [sys.executable, "-c", OURS]):
            with ScriptedHost(lambda request: script(Counter(), request)) as host:
                ran.append(await stopped([*program, *case.split()], host, requests, signals))
        return ran

    theirs, ours = in_namespace(body, "sysctl -qw net.ipv4.icmp_echo_ignore_all=1")
    assert masked(ours.out) == masked(theirs.out)
    assert masked(ours.err) == masked(theirs.err)
    assert ours.code == theirs.code


async def stopped(
    command: list[str], host: ScriptedHost, requests: int, signals: Sequence[signal.Signals]
) -> Ran:
    """Run it, and send each signal between two requests, so many of them apart."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    for number, each in enumerate(signals, start=1):
        wanted = number * requests
        await eventually(f"request {wanted}", partial(host.has_seen, wanted), within_s=10)
        pause(0.15)
        child.send_signal(each)
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return Ran(child.returncode or 0, out.decode(), err.decode())
