"""`hoploom campaign show CAMPAIGN`: what it is, and where each of its groups stands."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from hoploom.cli import screen, slices
from hoploom.cli.campaigns import calls, words
from hoploom.wire.standing import Standing, standing

NAME = "show"
HELP = "show what a campaign is, and where its groups stand"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_campaign(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    row = calls.asked(args, "GET", calls.of(args))
    if args.json:
        print(json.dumps(row))
        return 0
    found = standing(row, calls.asked(args, "GET", calls.SUMMARY))
    for label, text in (*_what(row["campaign"], found), *_groups(row)):
        screen.say(label, text)
    return 0


def _what(campaign: Mapping[str, Any], found: Standing) -> Iterator[tuple[str, str]]:
    named = f" ({campaign['name']})" if campaign["name"] != campaign["id"] else ""
    edition = f", edition {campaign['edition']}" if campaign.get("edition", 1) > 1 else ""
    yield "campaign", f"{campaign['id']}{named}, number {campaign['number']}{edition}"
    yield "state", f"{found.state}: {words.done(found)} done{_stop(campaign)}"
    yield "targets", f"{campaign['targets']:,}, {words.kind(campaign)}, {campaign['rounds'] or 'endless'} rounds"
    limits = [f"{campaign['rate_pps']:,} packets a second" if campaign["rate_pps"] else "as fast as workers can"]
    limits += [f"{campaign['network_pps']} to one /24 or /48"] if campaign["network_pps"] else []
    limits += [f"a target rests {campaign['cooldown_minutes']} min"] if campaign["cooldown_minutes"] else []
    yield "limits", ", ".join(limits)
    if campaign["contact"]:
        yield "contact", campaign["contact"]
    yield "made", words.moment(campaign["created_at_us"])


def _stop(campaign: Mapping[str, Any]) -> str:
    at_us = campaign.get("stopped_us", 0)
    return f"; stopped by {campaign['stopped_by']}, {words.moment(at_us)}" if at_us else ""


def _groups(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, each in row["groups"].items():
        state = "finished" if each["finished"] else f"{each['done']:,} of {each['targets']:,} done"
        again = f", {each['reissued']:,} handed out again" if each["reissued"] else ""
        left = f", {words.duration(each['seconds_left'])} left" if each["seconds_left"] else ""
        yield "group", f"{name}: round {each['round'] + 1}, {state}, {each['outstanding']:,} out{again}{left}"
    if not row["groups"]:
        yield "group", "none yet: no worker has asked for it"
    for line in slices.lines(row):
        yield "away", line
