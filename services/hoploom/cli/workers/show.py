"""`hoploom worker show NAME`: all that is known of one worker."""

import argparse
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any

from hoploom.cli import screen
from hoploom.cli.workers import calls, standing

NAME = "show"
HELP = "show all that is known of one worker elsewhere"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    worker = calls.asked(args, "GET", calls.of(args))["worker"]
    if args.json:
        print(json.dumps(worker))
        return 0
    for label, text in _lines(worker):
        screen.say(label, text)
    return 0


def _lines(worker: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "worker", f"{worker['name']}, number {worker['number']}, {standing.word(worker)}"
    at = f" ({worker['latitude']:g}, {worker['longitude']:g})" if worker["latitude"] is not None else ""
    yield "place", (worker["place"] or "not said") + at
    yield "rate", f"at most {worker['max_rate_pps']:,} packets a second" if worker["max_rate_pps"] else "any"
    yield "joined", f"{_day(worker['enrolled_us'])}, invited {_day(worker['invited_us'])}"
    yield "key", worker["key"]
    seen = worker.get("seen")
    if seen:
        yield "heard", f"{standing.heard(worker)}, boot {seen['boot']}, hoploom {seen['version']}, {seen['engine']}"
        spool = f"spool {seen['spool_bytes']:,} bytes"
        yield "works", f"{seen['leases']} leases, {seen['sent_pps']} packets a second, {spool}"
    if standing.note(worker):
        yield "note", standing.note(worker)


def _day(at_us: int) -> str:
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
