"""What the verbs share: their flags, and the way to the input service."""

import argparse
import asyncio
from typing import Any

from hoploom.cli import operator_calls
from hoploom.kit.errors import ConfigError
from hoploom.wire.fields import CAMPAIGN_ID

ROUTE = "/api/v1/campaigns"
SUMMARY = "/api/v1/overlay/summary"


add_arguments = operator_calls.add_arguments
"""Flags of all these verbs."""


def add_campaign(parser: argparse.ArgumentParser) -> None:
    """The campaign that a verb is about."""
    parser.add_argument("campaign", metavar="CAMPAIGN", help="its id (`hoploom campaign ls`)")


def asked(args: argparse.Namespace, method: str, path: str) -> dict[str, Any]:
    """One call; raises as `operator_calls.asked`."""
    return asyncio.run(operator_calls.asked(args, method, path))


def of(args: argparse.Namespace) -> str:
    """The path of the campaign that is named; raises ConfigError where nothing can have that name."""
    if not CAMPAIGN_ID.fullmatch(args.campaign):
        raise ConfigError(f"{args.campaign[:63]!r} is no campaign's id: `hoploom campaign ls` shows them")
    return f"{ROUTE}/{args.campaign}"
