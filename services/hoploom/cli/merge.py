"""`hoploom merge A.db B.db ... -o merged.db`: files of results into one, each batch once.

Exit codes: 0 merged, 1 a batch is in two files with different content, 2 a file is refused.
"""

import argparse
import sys
from pathlib import Path

from hoploom.cli.main import FAILED
from hoploom.kit.errors import ConfigError
from hoploom.results.merge import Merged, merge
from hoploom.results.merged_file import merged_file
from hoploom.results.source import open_source

NAME = "merge"
HELP = "merge files of results (dumps, merged files) into one; what is there already is left alone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files of results, from whomever")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE",
        help="the file to merge into; made if it is not there, and then complete when it appears",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Merge, and say what came of each file."""
    for file in args.files:
        open_source(file).close()
        if args.output.exists() and args.output.samefile(file):
            raise ConfigError(f"{file} cannot be merged into itself: name another file with -o")
    conflicts: list[tuple[Path, Merged]] = []
    with merged_file(args.output) as into:
        for file in args.files:
            found = merge(into, file)
            print(f"{file}: {found.batches:,} new batches with {found.rows:,} rows; {found.duplicates:,} known before")
            if found.conflicts:
                conflicts.append((file, found))
    if conflicts:
        print(f"hoploom: {_told(conflicts)}", file=sys.stderr)
    return FAILED if conflicts else 0


def _told(conflicts: list[tuple[Path, Merged]]) -> str:
    count = sum(found.conflicts for _, found in conflicts)
    names = [f"{name} of {file}" for file, found in conflicts for name in found.named]
    shown = ", ".join(names[:3]) + (f" and {count - 3} more" if count > 3 else "")  # noqa: PLR2004 - enough for a line
    return f"{count} batches are there already with other content, and stay as they came first: not taken are {shown}"
