"""`python3 tests lab pictures [NAME...]`: makes the README's pictures anew, in services/pictures/."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hoploom.kit.deploy import deploy_root
from lab import picture_first_minute, picture_pages, picture_probes, picture_rolling

FOLDER = deploy_root() / "services" / "pictures"
MAKERS: Mapping[str, Callable[[Path], None]] = {
    **dict.fromkeys(picture_pages.PAGES, picture_pages.make),
    "first-minute.svg": picture_first_minute.make,
    "probes.svg": picture_probes.make,
    "rolling-restart.svg": picture_rolling.make,
}
"""What makes each picture, given its file."""


def main(words: Sequence[str]) -> int:
    """Make the pictures that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python3 tests lab pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(MAKERS)}; without one, all")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go (default: services/pictures)")
    args = parser.parse_args(words)
    if unknown := [each for each in args.names if each not in MAKERS]:
        parser.error(f"there is no picture {unknown[0]!r} (there are: {', '.join(MAKERS)})")
    for name in args.names or MAKERS:
        MAKERS[name](args.folder / name)
        print(args.folder / name)
    return 0
