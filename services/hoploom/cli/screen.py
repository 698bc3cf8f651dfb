"""How commands speak to a person: labelled lines, no colour when NO_COLOR is set."""

import argparse
import os

from rich.console import Console

from hoploom.local.places import DEFAULT_MESH, Places

# Off a terminal nothing is folded: whoever reads a log or a pipe wants whole lines.
_WIDE = 220
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
if not out.is_terminal:
    out = Console(highlight=False, soft_wrap=True, width=_WIDE)


def say(label: str, text: str) -> None:
    """One line: a label, and what there is to say."""
    out.print(f"[bold]{label:<10}[/bold]", end="")
    out.print(text, markup=False)


def say_aside(label: str, text: str) -> None:
    """As `say`, on stderr: for commands whose stdout is one JSON document."""
    err.print(f"[bold]{label:<10}[/bold]", end="")
    err.print(text, markup=False)


def add_mesh(parser: argparse.ArgumentParser) -> None:
    """The option that names the mesh."""
    default = os.environ.get("HOPLOOM_MESH", DEFAULT_MESH)
    parser.add_argument("--mesh", default=default, help=f"name of the mesh (default: {default}; HOPLOOM_MESH)")


def places(args: argparse.Namespace) -> Places:
    """The state of the mesh that the arguments name."""
    return Places.of(args.mesh)
