"""What the verbs share: their flags, and the way to the managers."""

import argparse
import asyncio
import json
from typing import Any
from urllib.parse import quote

from hoploom.cli import operator_calls, screen
from hoploom.kit.errors import ConfigError
from hoploom.wire.people import ROUTE, USER_NAME

add_arguments = operator_calls.add_arguments
"""Flags of all these verbs."""


def add_name(parser: argparse.ArgumentParser) -> None:
    """The person that a verb is about."""
    parser.add_argument("user", metavar="NAME", help="the person's name: lower-case letters, digits, dots and dashes")


def asked(args: argparse.Namespace, method: str, path: str = "", **options: Any) -> dict[str, Any]:
    """Ask a manager; raises as `operator_calls.asked`.

    Args:
        args: With the flags of `add_arguments`.
        method: "GET", "POST" ...
        path: What follows `ROUTE`.
        options: As `HttpClient.request` takes them.
    """
    return asyncio.run(operator_calls.asked(args, method, f"{ROUTE}{path}", **options))


def of(args: argparse.Namespace) -> str:
    """The path of the person who is named; raises ConfigError where nobody can be called so."""
    return f"/{quote(name(args), safe='')}"


def name(args: argparse.Namespace) -> str:
    """The name that was given, if it is one; else raises ConfigError."""
    if not USER_NAME.fullmatch(args.user):
        raise ConfigError("the name of a person is 1 to 63 lower-case letters, digits, dots and dashes, such as anna, "
                          f"not {args.user[:100]!r}")  # fmt: skip
    return str(args.user)


def tell(args: argparse.Namespace, found: dict[str, Any], label: str, text: str) -> int:
    """What was done: the whole answer with --json, else one line."""
    if args.json:
        print(json.dumps(found))
    else:
        screen.say(label, text)
    return 0
