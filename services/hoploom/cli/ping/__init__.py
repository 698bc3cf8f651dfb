"""`hoploom ping`: fping's command line on our prober, without a mesh.

Its modules: `flags` and `options` (the command line), `ranges` (-g), `schedule` (who is asked when), `hosts` (the
book), `report`, `netdata` and `machine` (what is printed), `course` (from news to book and voice), `session` and
`command` (the shell). All but the last three are pure.
"""

from collections.abc import Sequence

HELP = "ping many targets as fping does, without a mesh; fping's options, lines and exit codes"


def main(words: Sequence[str]) -> int:
    """Run the command with its own options; returns its exit code."""
    from hoploom.cli.ping import command  # noqa: PLC0415 - the overview of all commands needs the line above alone

    return command.main(words)
