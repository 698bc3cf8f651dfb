"""The wider tests in four parts: three that run at the same time, and those that want the machine for themselves.

Most of them wait most of their time, for engines and for each other's clocks: together they keep little more than one
processor busy. A mesh takes free ports and folders of its own, so three at a time are no news to them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from runner.parts import Part

FIRST = re.compile(r"test_(lab|hosts|jobs|monitoring|preflight|secrets)")
"""Those on hosts of the lab, of which there is one."""

THIRD = re.compile(r"test_(ads|alerts|archive|audit|closed|collect|commands|gate\.|own|packaging|playbooks|simulate)")
"""Together they take as long as those that no list names."""

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
    found: dict[str, list[str]] = {"wider-1": [], "wider-2": [], "wider-3": [], "alone": []}
    for each in sorted(folder.glob("test_*.py")):
        found[_part(each)].append(str(each))
    *together, last = (Part(name, [*files, *words]) for name, files in found.items())
    return [together, [last]]


def _part(module: Path) -> str:
    if ALONE.match(module.name) or TIMED in module.read_text(encoding="utf-8"):
        return "alone"
    if FIRST.match(module.name):
        return "wider-1"
    return "wider-3" if THIRD.match(module.name) else "wider-2"
