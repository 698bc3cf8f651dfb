"""What a query may take of the machine, by the command as a process."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from hoploom.results.parquet import export_new
from lab.result_files import STORE, write
from unit.wire.batches import make


@pytest.mark.parametrize(
    ("statement", "words", "said"),
    [
        ("SELECT length(repeat('x', 4000000000))", ("--memory", "200"), "needs more than 200 MB of memory: --memory"),
        ("SELECT count(*) FROM range(1000000000000)", ("--timeout", "0.2"), "took longer than 0.2 s: --timeout"),
    ],
)
def test_a_query_that_takes_too_much_ends_with_a_sentence(
    tmp_path: Path, statement: str, words: tuple[str, ...], said: str
) -> None:
    export_new(apsw.Connection(str(write(tmp_path / "merged.db", STORE, [make(1)]))), tmp_path / "parquet")
    command = [sys.executable, "-m", "hoploom.cli", "query", statement, "--data-set", str(tmp_path), *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), ran.stderr[-2000:]
    assert said in ran.stderr
