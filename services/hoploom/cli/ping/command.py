"""`hoploom ping TARGETS...`: from the words on the command line to an exit code."""

from __future__ import annotations

import asyncio
import ipaddress
import sys
import time
from collections.abc import Sequence

from hoploom import __version__
from hoploom.cli import lookup
from hoploom.cli.ping.course import Course, Voice
from hoploom.cli.ping.flags import overview
from hoploom.cli.ping.hosts import Host
from hoploom.cli.ping.machine import Machine
from hoploom.cli.ping.options import Options, read
from hoploom.cli.ping.ranges import generate
from hoploom.cli.ping.report import Report, exit_code
from hoploom.cli.ping.schedule import Pace, Schedule
from hoploom.cli.ping.session import Session, write
from hoploom.cli.pipes import ends_with_its_reader
from hoploom.cli.words import BadWord
from hoploom.kit.errors import BadRequest, HoploomError
from hoploom.prober.clocks import wall_less_monotonic_ns
from hoploom.prober.interface import ENGINES, Prober, Way, open_prober

PROGRAM = "hoploom ping"
USAGE, SYSTEM = 3, 4
"""fping's codes for wrong usage and for a failed system call."""


def main(words: Sequence[str]) -> int:
    """Ping; returns fping's exit code."""
    try:
        return _run(read(words))
    except BadWord as error:
        print(f"{PROGRAM}: {error}\nsee '{PROGRAM} -h' for usage information", file=sys.stderr)
        return USAGE
    except lookup.Unreadable as error:
        print(f"{PROGRAM}: fopen : {error}", file=sys.stderr)
        return SYSTEM
    except BadRequest as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return USAGE
    except HoploomError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return SYSTEM


def _run(options: Options) -> int:
    if options.shows:
        print(overview() if options.shows == "help" else f"{PROGRAM}: Version {__version__} (as fping 5.1)")
        return 0
    if options.engine not in ENGINES:
        raise BadWord(f"there is no engine {options.engine!r} (there are: {', '.join(ENGINES)})")
    with ends_with_its_reader():
        return asyncio.run(_ping(options, _targets(options)))


def _targets(options: Options) -> list[str]:
    if "generate" in options.flags:
        return list(generate(options.operands))
    return list(options.operands) or lookup.read_list(options.file or "-")


async def _ping(options: Options, targets: Sequence[str]) -> int:
    found = await lookup.resolve(targets, options.family)
    hosts = await _hosts(options, found)
    if "any" not in options.flags:
        lookup.require_ordinary([host.address for host in hosts])
    interface = lookup.interface([host.address for host in hosts], options.interface)
    way = Way(options.source or None, interface or None, "dontfrag" in options.flags)
    is_own = all(ipaddress.ip_address(host.address.partition("%")[0]).is_loopback for host in hosts)
    with open_prober(engine=options.engine, way=way, loopback_will_do=is_own) as prober:
        schedule = Schedule(len(hosts), Pace.of(options), time.monotonic_ns())
        course = Course(hosts, schedule, _voice(options, hosts, prober), wall_less_monotonic_ns())
        for each in found:
            if not each.addresses:
                write(course.not_found(each.target, each.reason))
        # fping has no last word where there is nobody to ask; a program that reads us waits for its document.
        if hosts or options.is_machine:
            await Session(options, course, schedule, prober).run()
    return exit_code(options, hosts, course.totals)


def _voice(options: Options, hosts: Sequence[Host], prober: Prober) -> Voice:
    if options.is_machine:
        return Machine(options, prober.name)
    return Report(options, max((len(host.name) for host in hosts), default=0))


async def _hosts(options: Options, found: Sequence[lookup.Found]) -> list[Host]:
    most = None if "all" in options.flags else 1
    pairs = [(each.target, address) for each in found for address in each.addresses[:most]]
    names = await _names(options, pairs)
    keeps_times = options.is_verbose_count or ("json" in options.flags and options.is_counting)
    return [Host(name, address, target, keeps_times) for name, (target, address) in zip(names, pairs, strict=True)]


async def _names(options: Options, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What each target is called on screen: as it was written, by its address, or as it resolves back."""
    shown = [target for target, _ in pairs]
    backwards = [
        at for at, (target, _) in enumerate(pairs)
        if "rdns" in options.flags or ("name" in options.flags and _is_address(target))
    ]  # fmt: skip
    for at, name in zip(backwards, await lookup.names([pairs[at][1] for at in backwards]), strict=True):
        if name != pairs[at][1]:
            shown[at] = name
    if "addr" not in options.flags:
        return shown
    if options.flags & {"rdns", "name"}:
        return [f"{name} ({address})" for name, (_, address) in zip(shown, pairs, strict=True)]
    return [address for _, address in pairs]


def _is_address(target: str) -> bool:
    try:
        ipaddress.ip_address(target)
    except ValueError:
        return False
    return True
