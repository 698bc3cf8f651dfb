"""The wider tests in three parts: two that run at the same time, and those that want the machine for themselves.

Most of them wait most of their time, for engines and for each other's clocks: together they keep less than one
processor busy. A mesh takes free ports and folders of its own, so two at a time are no news to them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from runner.parts import Part

FIRST = re.compile(
    r"test_(lab|hosts|jobs|monitoring|packaging|archive|alerts|playbooks|preflight|secrets|closed|commands)"
)
"""They take as long as all others together; those on hosts of the lab, of which there is one, are all here."""

ALONE = re.compile(
    r"test_(checker|election|kills|outages|overlay|hostile_input|result_faults|rotation|spool|shard|mesh|lifecycle|attach|deploy)"
)
"""To them a busy machine is a fault more than they mean to have, or a request that fails."""

TIMED = "mark.timed"
"""What stands in a module with a claim about time."""


def parts(folder: Path, words: Sequence[str]) -> list[list[Part]]:
    """Every module of tests in one part; those of the first group run at the same time.

    Args:
        folder: Where the modules are, in the checkout's `tests`.
        words: Further arguments of pytest.
    """
    found: dict[str, list[str]] = {"wider-1": [], "wider-2": [], "alone": []}
    for each in sorted(folder.glob("test_*.py")):
        found[_part(each)].append(str(each))
    one, two, last = (Part(name, [*files, *words]) for name, files in found.items())
    return [[one, two], [last]]


def _part(module: Path) -> str:
    if ALONE.match(module.name) or TIMED in module.read_text(encoding="utf-8"):
        return "alone"
    return "wider-1" if FIRST.match(module.name) else "wider-2"
