"""Kills of an output at the steps of beginning, closing and removing files, while batches come as fast as they can.

Each life ends by its own hand (SIGKILL) before or after one of the calls that change its folder, chosen by the seed. A
last life then has to have every batch that was acknowledged, whole, once, in one order without a gap.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from lab.finding import Finding
from lab.nursery import Nursery
from lab.output_life import OutputLife
from lab.posting import Posting
from lab.result_ledger import account_file
from waiting import until

MOST_STEPS = 60
"""Of a life: some three files' worth."""

LIFE_S, DRAIN_S = 60.0, 60.0
FLAGS = ("--rotate-bytes=30000",)
GOOD = 200


@dataclass
class Trials:
    """What came of a run.

    Attributes:
        deaths: How many lives there were, by the step at which they ended.
        made: Batches made.
        files: Files at the end.
        answers: How often there was each status; 0 is no answer.
        findings: What must not have happened.
    """

    deaths: Counter[str] = field(default_factory=Counter)
    made: int = 0
    files: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def kills(folder: Path, trials: int, seed: int, fault: str = "") -> Trials:
    """Let an output die again and again.

    Args:
        folder: An empty folder.
        trials: How often.
        seed: Of the steps.
        fault: A rule to break, see `output_faults.FAULTS`.
    """
    randomness, found = random.Random(seed), Trials()
    log = folder / "deaths"
    with Nursery(folder / "log") as nursery:
        output = OutputLife(nursery, folder / "output", flags=FLAGS)
        with Posting(output.url) as posting:
            for _ in range(trials):
                output.begin(fault, die_at=[randomness.randint(1, MOST_STEPS), str(log)])
                until("the end of a life", lambda: not output.lives, LIFE_S, 0.005)
            output.start()
            posting.drain()
            until("all of it", lambda: posting.drained or fault, DRAIN_S)
        found.findings += _account(output, posting)
        found.files = len(json.loads(output.ask("/dumps").body)["files"]) + 1
    found.deaths.update(log.read_text().split("\n")[:-1])
    found.made, found.answers = len(posting.made), posting.answers
    if set(posting.answers) - {GOOD, 0}:
        found.findings.append(Finding("R no batch is refused for a rotation", str(dict(posting.answers))))
    return found


def _account(output: OutputLife, posting: Posting) -> list[Finding]:
    """What is wrong with all that the last life has, by its dump."""
    path = output.folder / "dump.db"
    path.write_bytes(output.ask("/dump").body)
    acked = set(posting.acked)
    found = list(account_file(path, acked, acked, posting.made).findings(drained=True))
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        numbers = [int(str(row[0])) for row in connection.execute("SELECT seq FROM batches ORDER BY seq")]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(Finding("N numbers without a gap", f"{len(numbers)} numbers up to {numbers[-1]}"))
    return found


def main(words: Sequence[str]) -> int:
    """`lab rotation`: many kills; the folder stays when something is wrong."""
    parser = argparse.ArgumentParser(prog="python3 tests lab rotation", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400)
    given = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="rotation-"))
    print(f"seed {given.seed}, folder {folder}", file=sys.stderr, flush=True)
    found = kills(folder, given.kills, given.seed)
    wrong = [str(each) for each in found.findings]
    told = {"seed": given.seed, "made": found.made, "files": found.files, "deaths": found.deaths, "findings": wrong}
    print(json.dumps(told))
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0
