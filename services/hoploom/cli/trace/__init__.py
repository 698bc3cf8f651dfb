"""`hoploom trace`: scamper's letters on our prober, without a mesh.

Its modules: `flags` and `options` (the command line), `targets` (names, blocks and files), `paths` (columns as one path
a target), `report` and `machine` (what is printed), `command` (the shell). All but `targets` and `command` are pure.
"""

from collections.abc import Sequence

HELP = "trace the way to many targets at once, without a mesh; scamper's option letters"


def main(words: Sequence[str]) -> int:
    """Run the command with its own options; returns its exit code."""
    from hoploom.cli.trace import command  # noqa: PLC0415 - the overview of all commands needs the line above alone

    return command.main(words)
