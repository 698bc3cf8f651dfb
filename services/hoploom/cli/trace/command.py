"""`hoploom trace TARGETS...`: from the words on the command line to an exit code."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hoploom import __version__
from hoploom.cli import lookup, pipes
from hoploom.cli.progress import Progress, is_watched
from hoploom.cli.trace import machine
from hoploom.cli.trace.flags import overview
from hoploom.cli.trace.options import Options, read
from hoploom.cli.trace.paths import Path, paths
from hoploom.cli.trace.report import Report
from hoploom.cli.trace.targets import Targets, gather
from hoploom.cli.words import BadWord
from hoploom.kit.errors import BadRequest, ConfigError, HoploomError
from hoploom.prober.interface import ENGINES, Prober, Way, open_prober
from hoploom.prober.politeness import effective_rate_pps
from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import FAILED
from hoploom.wire.addresses import column

PROGRAM = "hoploom trace"
DONE, FAILURE, USAGE = 0, 1, 2
AT_ONCE = 4_096
"""Targets of one trace: what is done is printed before the next ones begin."""


def main(words: Sequence[str]) -> int:
    """Trace; returns hoploom's exit code."""
    try:
        return _run(read(words))
    except BadWord as error:
        print(f"{PROGRAM}: {error} (see `{PROGRAM} -h`)", file=sys.stderr)
        return USAGE
    except (ConfigError, BadRequest) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return USAGE
    except HoploomError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return FAILURE


def _run(options: Options) -> int:
    if options.shows:
        print(overview() if options.shows == "help" else f"{PROGRAM} {__version__}")
        return DONE
    if not options.operands:
        raise BadWord("name a target: a host, an address, a block, or a file of blocks")
    if options.engine not in ENGINES:
        raise BadWord(f"there is no engine {options.engine!r} (there are: {', '.join(ENGINES)})")
    with pipes.ends_with_its_reader():
        return asyncio.run(_trace(options))


async def _trace(options: Options) -> int:
    targets = await gather(options)
    is_own = all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for _, address in targets.pairs)
    interface = lookup.interface([address for _, address in targets.pairs], options.interface)
    way = Way(options.source or None, interface or None)
    with open_prober(engine=options.engine, way=way, loopback_will_do=is_own) as prober:
        session = Session(options, targets, prober)
        await session.run()
    return session.exit_code()


class Session:
    """One run on an open prober."""

    def __init__(self, options: Options, targets: Targets, prober: Prober) -> None:
        """Take everything together; nothing is sent yet."""
        self._options, self._targets, self._prober = options, targets, prober
        asked = options.settings.rate_pps
        rows = column(address for _, address in targets.pairs)
        rate = asked if asked is not None else effective_rate_pps(rows, 0) or None
        self._settings = replace(options.settings, rate_pps=rate, tells_unfinished=True)
        self._known = StopSet()
        self._report = Report()
        self._is_stopped = False
        self._outcomes = [0] * len(machine.OUTCOMES)
        self._documents: list[dict[str, Any]] = []
        self._progress = Progress(self._so_far, is_shown=is_watched() and not options.is_machine)

    async def run(self) -> None:
        """Trace all targets, print what is found; Ctrl-C prints what there is.

        Raises:
            HoploomError: The sockets broke, the machine allows no such probes, or the output cannot be written.
        """
        for each in self._targets.unknown:
            self._tell_unknown(each)
        started_s = time.monotonic()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._stop)
        try:
            for first in range(0, len(self._targets.pairs), AT_ONCE):
                if not self._is_stopped:
                    await self._some(self._targets.pairs[first : first + AT_ONCE])
        finally:
            self._progress.clear()
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        self._finish(time.monotonic() - started_s)

    def exit_code(self) -> int:
        """1 where a name was not found, nothing left for any target, or not all are done."""
        failed = self._outcomes[FAILED]
        is_bad = self._targets.unknown or self._is_stopped or (failed and failed == sum(self._outcomes))
        return FAILURE if is_bad else DONE

    async def _some(self, pairs: list[tuple[str, str]]) -> None:
        rows = column(address for _, address in pairs)
        columns = await self._prober.trace(rows, self._settings, self._look, self._known)
        found = list(paths(columns, pairs))
        self._progress.clear()
        names = await self._names(found)
        for path in found:
            self._report.remember(path)
        for path in found:
            self._outcomes[path.outcome] += 1
            self._tell(path, names)

    async def _names(self, found: list[Path]) -> dict[str, str]:
        if "ptr" not in self._options.flags:
            return {}
        addresses = sorted({hop.address for path in found for hop in path.hops if hop.address})
        return dict(zip(addresses, await lookup.names(addresses), strict=True))

    def _tell(self, path: Path, names: dict[str, str]) -> None:
        if not self._options.is_machine:
            _print("\n".join(self._report.path(path, names)))
            return
        self._tell_document(machine.document(path, self._options, names))

    def _tell_unknown(self, found: lookup.Found) -> None:
        if self._options.is_machine:
            self._tell_document(machine.unknown(found.target, found.reason))
        else:
            print(f"{PROGRAM}: {found.target}: {found.reason}", file=sys.stderr)

    def _tell_document(self, document: dict[str, Any]) -> None:
        if "ndjson" in self._options.flags:
            _print(json.dumps(document))
        else:
            self._documents.append(document)

    def _finish(self, seconds: float) -> None:
        sent = self._prober.statistics.sent
        whole = machine.summary(self._outcomes, sent, seconds, self._prober.name)
        if "ndjson" in self._options.flags:
            _print(json.dumps(whole))
        elif "json" in self._options.flags:
            traces = [each for each in self._documents if each["type"] == "trace"]
            unknown = [each for each in self._documents if each["type"] == "unknown"]
            _print(json.dumps({"summary": whole, "traces": traces, "unknown": unknown}))

    def _look(self) -> bool:
        """Asked by the prober, many times a second: a good moment to show how far it is."""
        self._progress.show()
        return self._is_stopped

    def _stop(self) -> None:
        """What is under way is still waited for; a second Ctrl-C ends that too."""
        self._is_stopped = True
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def _so_far(self) -> str:
        done, sent = sum(self._outcomes), self._prober.statistics.sent
        return f"{sent:,} probes sent, {done:,} of {len(self._targets.pairs):,} targets printed"


def _print(text: str) -> None:
    pipes.write(sys.stdout, f"{text}\n")
