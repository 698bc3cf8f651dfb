"""`hoploom dyfi show|resume`: the names that the mesh keeps at dy.fi or another provider."""

import argparse
import asyncio
import json
from typing import Any

from hoploom.cli import operator_calls, screen

NAME = "dyfi"
HELP = "show: the names kept at dy.fi or another provider; resume: call it again after it said that it wants no more"
ROUTE = "/api/v1/dyfi"
VERBS = {"show": "how the names stand", "resume": "what the provider objected to is put right: call it again"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A parser for each verb."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, text in VERBS.items():
        verb = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        screen.add_mesh(verb)
        operator_calls.add_elsewhere(verb)
        verb.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def run(args: argparse.Namespace) -> int:
    """Carry the verb out; exit code 1 while nothing is called until a person acts."""
    method, path = ("POST", f"{ROUTE}/resume") if args.verb == "resume" else ("GET", ROUTE)
    found = asyncio.run(operator_calls.asked(args, method, path))
    if args.json:
        print(json.dumps(found))
    elif args.verb == "resume":
        screen.say("resumed", "the provider is called again within some minutes" if found["changed"] else
                   "nothing was stopped")  # fmt: skip
    else:
        _show(found)
    return 1 if found["stopped"] else 0


def _show(found: dict[str, Any]) -> None:
    nobody = f"none are kept here: the managers in {found['home_dc']} keep what their `dyfi_hosts` names"
    screen.say("names", found["line"] or nobody)
    for name, word in found["answers"].items():
        screen.say("answered", f"{name} {word}")
    if found["why"]:
        screen.say("reason", f"of the last call: {found['why']}")
