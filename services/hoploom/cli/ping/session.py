"""Carries a run out: hands what is due to the prober, wakes when something is up, prints what there is to say."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby

from hoploom.cli import pipes
from hoploom.cli.ping.course import Course
from hoploom.cli.ping.options import Options
from hoploom.cli.ping.report import Line
from hoploom.cli.ping.schedule import Pace, Schedule, Turn
from hoploom.cli.progress import Progress, is_watched
from hoploom.kit.errors import HoploomError
from hoploom.prober.interface import Prober
from hoploom.prober.probes import Heard, ProbeSettings
from hoploom.wire.addresses import column

NS = 1_000_000_000
MOST = 1_024
"""Requests handed over at a time: more would wait for their turn while their time already runs."""
RUNS = 16
"""So many of the prober's runs listen at a time: each wakes up for every message, so many would fill a core."""
LEAST_AHEAD_NS, MOST_AHEAD_NS = 10_000_000, 250_000_000
"""Requests of the next moment are handed over together, and the prober keeps their interval."""
POLL_S = 0.001
LOOK_S = 0.2
"""How often the progress is shown anew."""


class Session:
    """One run on an open prober."""

    def __init__(self, options: Options, course: Course, schedule: Schedule, prober: Prober) -> None:
        """Take everything together; nothing is sent yet."""
        self._options, self._course, self._schedule, self._prober = options, course, schedule, prober
        self._pace = Pace.of(options)
        self._addresses = column(host.address for host in course.hosts)
        self._changed = asyncio.Event()
        self._is_stopped = False
        self._broken: HoploomError | None = None
        self._handed = 0
        interval_ns, horizon_ns = self._pace.interval_ns, self._pace.horizon_ns(0)
        self._rate_pps = NS / interval_ns if interval_ns else None
        self._ahead_ns = min(max(horizon_ns // RUNS, LEAST_AHEAD_NS), MOST_AHEAD_NS) if interval_ns else 0
        self._split_ns = int(options.split_s * NS)
        is_shown = is_watched() and not options.is_machine and not options.flags & {"quiet"} and not options.split_s
        self._progress = Progress(self._so_far, is_shown=is_shown)

    async def run(self) -> None:
        """Ping until all is decided, or until Ctrl-C.

        Raises:
            HoploomError: The sockets broke, or the output cannot be written.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop)
        loop.add_signal_handler(signal.SIGQUIT, self._interim)
        started_ns = time.monotonic_ns()
        try:
            async with asyncio.TaskGroup() as probing:
                tasks = await self._drive(probing, started_ns)
                for task in tasks:
                    task.cancel()
        finally:
            self._progress.clear()
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGQUIT)
        if self._broken is not None:
            raise self._broken
        statistics = self._prober.statistics
        self._course.totals.sent = statistics.sent + statistics.send_errors
        write(self._course.finish((time.monotonic_ns() - started_ns) / NS))

    async def _drive(self, probing: asyncio.TaskGroup, started_ns: int) -> set[asyncio.Task[None]]:
        """Hand over what is due until all is decided; the prober's runs that still listen."""
        tasks: set[asyncio.Task[None]] = set()
        interim_ns = started_ns + self._split_ns
        while not (self._schedule.is_over or self._is_stopped or self._broken):
            now_ns = time.monotonic_ns()
            # What the prober has read meanwhile is told before anything is given up.
            await asyncio.sleep(0)
            self._say(self._course.expire(now_ns))
            if self._split_ns and now_ns >= interim_ns:
                interim_ns += self._split_ns
                self._interim()
            turns = [] if self._backlog() else self._schedule.due(now_ns, MOST, self._ahead_ns)
            for task in self._hand_over(probing, turns):
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            self._progress.show()
            await self._pause(interim_ns)
        return tasks

    def _hand_over(self, probing: asyncio.TaskGroup, turns: Sequence[Turn]) -> Iterable[asyncio.Task[None]]:
        self._handed += len(turns)
        for request, group in groupby(turns, key=lambda turn: 0 if self._pace.is_counting else turn.request):
            yield probing.create_task(self._probe(list(group), self._pace.horizon_ns(request)))

    async def _probe(self, turns: list[Turn], timeout_ns: int) -> None:
        options = self._options
        settings = ProbeSettings(
            timeout_s=timeout_ns / NS, size_bytes=options.size_bytes, ttl=options.ttl, tos=options.tos,
            rate_pps=self._rate_pps, is_patient=True, is_random="random" in options.flags,
        )  # fmt: skip
        rows = self._addresses[[turn.row for turn in turns]]
        try:
            await self._prober.ping(rows, settings, heard=partial(self._hear, turns))
        except HoploomError as error:
            self._break(error)

    def _break(self, error: HoploomError) -> None:
        self._broken = error
        self._changed.set()

    def _hear(self, turns: Sequence[Turn], news: Heard) -> None:
        self._say(self._course.hear(turns, news))
        if self._schedule.is_over:
            self._changed.set()

    async def _pause(self, interim_ns: int) -> None:
        """Wait until something is due, or news changes what is."""
        wake_ns = self._schedule.wake_ns()
        if wake_ns is None:
            return
        wake_ns = min(wake_ns, interim_ns) if self._split_ns else wake_ns
        least_s = POLL_S if self._backlog() else 0.0
        wait_s = min(max((wake_ns - time.monotonic_ns()) / NS, least_s), LOOK_S)
        self._changed.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _backlog(self) -> int:
        """Requests that were handed over and have not left yet."""
        statistics = self._prober.statistics
        return self._handed - statistics.sent - statistics.send_errors

    def _stop(self) -> None:
        self._is_stopped = True
        self._changed.set()

    def _interim(self) -> None:
        self._say(self._course.interim(time.strftime("%H:%M:%S")))

    def _say(self, lines: Iterable[Line]) -> None:
        lines = list(lines)
        if lines and self._broken is None:
            self._progress.clear()
            try:
                write(lines)
            except pipes.Unwritable as error:  # said amid the prober's work, and told at the end
                self._break(error)

    def _so_far(self) -> str:
        hosts, sent = self._course.hosts, self._prober.statistics.sent
        alive = sum(host.is_alive for host in hosts)
        return f"{sent:,} requests sent, {alive:,} of {len(hosts):,} targets alive"


def write(lines: Iterable[Line]) -> None:
    """Print lines, each on its stream.

    Raises:
        Unwritable: The system refuses to.
    """
    lines = list(lines)
    for is_error, stream in ((False, sys.stdout), (True, sys.stderr)):
        text = "".join(f"{line.text}\n" for line in lines if line.is_error == is_error)
        if text:
            pipes.write(stream, text)
