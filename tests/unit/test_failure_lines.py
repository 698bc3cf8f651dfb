"""What failed is said in one line as soon as it has, by tests, by fixtures and by modules that cannot be read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from failure_lines import MOST, reason

INNER = """
import pytest

@pytest.fixture
def broken():
    raise OSError("no engine")

@pytest.fixture
def unclean():
    yield
    raise OSError("still running")

def test_first():
    assert 1 == 2, "the numbers"

def test_second(broken): ...

def test_third(unclean): ...

def test_good(): ...
"""


@pytest.fixture(name="lines", scope="module")
def _lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a run of these tests printed."""
    folder = tmp_path_factory.mktemp("inner")
    (folder / "test_inner.py").write_text(INNER, encoding="utf-8")
    (folder / "test_unread.py").write_text("import no_such_module", encoding="utf-8")
    environ = {
        **os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
    }
    words = ["-p", "failure_lines", "-p", "no:cacheprovider", "-q", "--continue-on-collection-errors"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--rootdir", str(folder), "-c", os.devnull, str(folder)],
        cwd=folder, env=environ, capture_output=True, text=True, check=False,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "FAILED test_unread.py (collection): ModuleNotFoundError: No module named 'no_such_module'",
        "FAILED test_inner.py::test_first: AssertionError: the numbers | assert 1 == 2",
        "FAILED test_inner.py::test_second (setup): OSError: no engine",
        "FAILED test_inner.py::test_third (teardown): OSError: still running",
    ],
)
def test_what_failed_is_said_before_the_tracebacks(lines: list[str], line: str) -> None:
    assert line in lines[: next(at for at, each in enumerate(lines) if each.startswith("=="))], lines


def test_nothing_else_is(lines: list[str]) -> None:
    assert sum(each.startswith("FAILED ") and " - " not in each for each in lines) == 4, lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">   f()\nE   ValueError: a\nE     b\n\nE    +  where 2 = f()\nx.py:1: ValueError", "ValueError: a | b"),
        ("file x.py, line 1\nno fixture", "file x.py, line 1 | no fixture"),
        ("", "no reason given"),
    ],
    ids=["a traceback", "none", "nothing"],
)
def test_a_reason_is_the_error_on_one_line(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_of_a_long_reason_both_ends_are_kept() -> None:
    found = reason("E   first " + "x" * 1000 + " last")
    assert (len(found), found.startswith("first xx"), found.endswith("xx last")) == (MOST, True, True)
