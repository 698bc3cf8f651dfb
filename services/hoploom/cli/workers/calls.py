"""What the operators' verbs share: their flags, and the way to the managers."""

import argparse
import asyncio
from typing import Any
from urllib.parse import quote

from hoploom.cli import operator_calls
from hoploom.wire.enrolment import ROUTE

add_arguments = operator_calls.add_arguments
"""Flags of all these verbs."""


def add_name(parser: argparse.ArgumentParser) -> None:
    """The worker that a verb is about."""
    parser.add_argument("worker", metavar="NAME", help="the worker's name")


def asked(args: argparse.Namespace, method: str, path: str = "", **options: Any) -> dict[str, Any]:
    """Ask a manager; raises as `operator_calls.asked`.

    Args:
        args: With the flags of `add_arguments`.
        method: "GET", "POST" ...
        path: What follows `/api/v1/workers`.
        options: As `HttpClient.request` takes them.
    """
    return asyncio.run(operator_calls.asked(args, method, f"{ROUTE}{path}", **options))


def of(args: argparse.Namespace) -> str:
    """The path of the worker that is named."""
    return f"/{quote(args.worker, safe='')}"
