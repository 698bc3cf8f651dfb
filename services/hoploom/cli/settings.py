"""`hoploom settings SERVICE`: the settings of a service with flag, environment name, default and meaning."""

import argparse
import importlib
from typing import Any

from hoploom.kit.settings import Settings, describe

NAME = "settings"
HELP = "show every setting of a service (kit, input, output, manager, ping), as in the README"
MODULES = {
    "kit": "hoploom.kit.settings",
    "input": "hoploom.input_service.settings",
    "output": "hoploom.output_service.settings",
    "manager": "hoploom.manager.settings",
    "ping": "hoploom.ping_service.settings",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("service", nargs="?", default="kit", choices=sorted(MODULES), help="whose (default: kit)")


def run(args: argparse.Namespace) -> int:
    """Print the table as Markdown."""
    print(table(args.service))
    return 0


def table(service: str) -> str:
    """Markdown: all of the kit's settings, or what a service adds to them."""
    module: Any = importlib.import_module(MODULES[service])
    rows = describe(module.Settings)
    if service != "kit":
        common = {row[0]: row for row in describe(Settings)}
        rows = [row for row in rows if common.get(row[0]) != row]
    lines = [
        f"| `{flag}` | `{env}` | {f'`{default}`' if default else ''} | {meaning} |"
        for flag, env, default, meaning in rows
    ]
    return "\n".join(["| flag | environment | default | meaning |", "|---|---|---|---|", *lines])
