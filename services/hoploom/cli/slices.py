"""`--slices dc1=1,dc2=2`: which part of the targets each datacenter probes; and how that is shown. Pure."""

import argparse
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from hoploom.kit.errors import ConfigError, Unprocessable
from hoploom.wire import slices


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flag."""
    words = "parts of the targets by datacenter (default: all in the one where the campaign is made)"
    parser.add_argument("--slices", default="", metavar="DC=N,...", help=words)


def parse(text: str) -> dict[str, int]:
    """The parts by datacenter.

    Raises:
        ConfigError: It is written otherwise, names a datacenter twice, or a part is out of bounds.
    """
    try:
        return slices.parse(text)
    except Unprocessable as error:
        raise ConfigError(f"--slices {error}") from error


def lines(campaign: Mapping[str, Any]) -> Iterator[str]:
    """What there is to say of a campaign's datacenters: those that cannot be asked, with the time of what is known."""
    for dc, each in campaign.get("datacenters", {}).items():
        if each["away"]:
            known = f"as of {_clock(each['as_of_us'])} UTC" if each["as_of_us"] else "of which nothing is known yet"
            yield f"{campaign['campaign']['id']}: {dc} is away ({known}): {each['away']}"


def _clock(at_us: int) -> str:
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%H:%M")
