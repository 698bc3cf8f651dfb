"""Parts of the tests run at the same time, and count as one: what they print, their exit code, their coverage."""

import sys
from pathlib import Path

import pytest

from runner.parts import Part, closing, covered, failures, run_all

PROGRAMS = Path(sys.executable).parent
MODULE = "def sign(x: int) -> str:\n    if x < 0:\n        return '-'\n    return '+'\n"
TEST = "from signs import sign\n\ndef test_it() -> None:\n    assert sign({}) == '{}'\n"
SETTINGS = "[run]\nbranch = true\nsource_pkgs = signs\n"


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A checkout where each of two tests takes another branch."""
    for name, text in {
        "signs.py": MODULE, "test_minus.py": TEST.format(-1, "-"), "test_plus.py": TEST.format(1, "+"),
        "test_wrong.py": TEST.format(1, "?"), ".coveragerc": SETTINGS, "pytest.ini": "[pytest]\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def part(name: str) -> Part:
    return Part(name, [f"test_{name}.py"])


@pytest.mark.parametrize(
    ("parts", "code", "ended", "share"),
    [
        ([[part("minus"), part("plus")]], 0, "2 passed in ", "100%"),
        ([[part("minus")], [part("wrong")]], 1, "1 failed, 1 passed in ", "100%"),
        ([[part("minus"), Part("none", ["-k", "nothing", "test_plus.py"])]], 0, "1 passed, 1 deselected in ", "67%"),
    ],
    ids=["two at once", "one after the other fails", "one has nothing to do"],
)
def test_parts_count_as_one_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, parts: list[list[Part]], code: int, ended: str, share: str
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("COVERAGE_FILE", raising=False)
    found, printed = run_all(PROGRAMS, root, parts)
    assert (found, closing(printed).rpartition(ended)[1]) == (code, ended), printed
    assert covered(PROGRAMS, root, parts) == share


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("2 failed, 9 passed in 1.50s\n...\n5 passed, 1 skipped in 0.50s\n", "2 failed, 14 passed, 1 skipped in 2.00s"),
        ("==== 7 passed in 61.00s (0:01:01) ====\n", "7 passed in 61.00s"),
        ("no tests ran in 0.01s\n", ""),
    ],
)
def test_the_closing_lines_are_summed(printed: str, expected: str) -> None:
    assert closing(printed) == expected


def test_what_failed_is_found_again_once_each() -> None:
    printed = "..F\nFAILED a.py::b: wrong\n.F\nFAILED a.py::c: worse\nE   not FAILED\n" * 2
    assert failures(printed) == ["FAILED a.py::b: wrong", "FAILED a.py::c: worse"]


def test_no_part_shows_differences_at_full_length(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("CI", "true")
    long = "def test_it() -> None:\n    assert list(range(300)) == list(range(1, 301))\n"
    (root / "test_wrong.py").write_text(long, encoding="ascii")
    _, printed = run_all(PROGRAMS, root, [[part("wrong")]])
    assert len(printed.splitlines()) < 40, printed
