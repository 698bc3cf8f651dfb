"""What fails while the machine stands still is run again, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STALL_S = 0.06
INNER = f"""
import os, signal
from collections import Counter
import pytest
from calm import CALM, STOOD, TURN
from waiting import pause

RUNS = Counter()
NEVER_S = 3600.0

@pytest.fixture
def stall(request, tmp_path):
    (tmp_path / "used").mkdir()  # each run has a folder of its own
    RUNS[request.node.name] += 1
    def stalled():
        meter = request.config.stash[CALM].meter.pid
        os.kill(meter, signal.SIGSTOP)
        pause({STALL_S})
        os.kill(meter, signal.SIGCONT)
    return stalled

@pytest.mark.timed(NEVER_S)
def test_on_a_calm_machine(stall):
    stall()
    assert not RUNS

@pytest.mark.timed({STALL_S} - 0.01)
def test_at_the_third_time(stall):
    stall()
    assert RUNS["test_at_the_third_time"] == 3

@pytest.mark.timed({STALL_S} - 0.01)
def test_never(stall):
    stall()
    assert not RUNS

@pytest.mark.timed({STALL_S} - 0.01)
def test_good(stall):
    stall()

@pytest.mark.timed({STALL_S})
def test_with_an_older_fixture(stall, request):
    request.node.stash[STOOD] = NEVER_S
    assert request.node.stash[TURN] == 1

def test_without_a_mark(stall):
    assert not RUNS

def test_how_often_each_was_run():
    print("RAN", dict(RUNS))
"""


@pytest.fixture(name="printed", scope="module")
def _printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of these tests printed."""
    folder = tmp_path_factory.mktemp("inner")
    (folder / "test_inner.py").write_text(INNER, encoding="utf-8")
    environ = {
        **os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
    }
    command = [sys.executable, "-m", "pytest", "-p", "calm", "-p", "no:cacheprovider", "-rA", "--rootdir", str(folder)]
    done = subprocess.run(
        [*command, "-c", os.devnull, "test_inner.py"], cwd=folder, env=environ,
        capture_output=True, text=True, check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "outcome", "runs"),
    [
        ("test_on_a_calm_machine", "FAILED", 1),
        ("test_at_the_third_time", "PASSED", 3),
        ("test_never", "FAILED", 4),
        ("test_good", "PASSED", 1),
        ("test_with_an_older_fixture", "PASSED", 2),
        ("test_without_a_mark", "FAILED", 1),
    ],
)
def test_a_test_is_run_so_often(printed: str, name: str, outcome: str, runs: int) -> None:
    assert f"{outcome} test_inner.py::{name}" in printed, printed
    assert f"{name!r}: {runs}" in printed, printed


def test_the_end_tells_how_many_were_run_again_and_how_long_it_stood(printed: str) -> None:
    assert "3 failed, 4 passed" in printed, printed
    assert "run again because the machine stood still: 6" in printed, printed
    assert printed.count("s, its claim bears 0.05 s") == 5, printed
