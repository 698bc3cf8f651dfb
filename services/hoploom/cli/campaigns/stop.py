"""`hoploom campaign stop CAMPAIGN`: ends a campaign for good."""

import argparse
import json

from hoploom.cli import screen
from hoploom.cli.campaigns import calls, words

NAME = "stop"
HELP = "stop a campaign for good, at every worker within 5 seconds; its results stay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_campaign(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Stop it."""
    answer = calls.asked(args, "POST", f"{calls.of(args)}/stop")
    campaign = answer["campaign"]
    if args.json:
        print(json.dumps(answer))
    elif answer["changed"]:
        screen.say("stopped", f"{campaign['id']}, for good: no worker probes it 5 seconds from now, its results stay")
        screen.say("note", "`hoploom map TARGETS --id ID --restart` begins it anew")
    else:
        at = words.moment(campaign["stopped_us"])
        screen.say("stopped", f"{campaign['id']} was stopped already, by {campaign['stopped_by']}, {at}")
    return 0
