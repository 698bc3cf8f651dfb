"""Parts of the tests, each a pytest process with its own measure of coverage; some run at the same time."""

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SAID = ("-rs", "-q", "--tb=short")
NO_TESTS = 5
_CLOSING = re.compile(r"^(?:=+ )?((?:\d+ \w+,? ?)+)in ([\d.]+)s", re.MULTILINE)
_TOTAL = re.compile(r"^TOTAL .*$", re.MULTILINE)
_FAILED = re.compile(r"^FAILED .*$", re.MULTILINE)
_WORDY = ("CI", "BUILD_NUMBER")
"""Where one of these is set, pytest shows differences in full, hundreds of lines of them."""


class Part(NamedTuple):
    """A name, of its file of coverage too, and pytest's arguments."""

    name: str
    words: Sequence[str]

    def data(self, root: Path) -> Path:
        """Where its coverage is written."""
        return root / f".coverage.{self.name}"


def run_all(programs: Path, root: Path, parts: Sequence[Sequence[Part]]) -> tuple[int, str]:
    """Run groups of parts one after another, the parts of a group at the same time.

    Args:
        programs: Folder with coverage and what the tests call.
        root: The checkout.
        parts: The groups; of each, the first part is shown as it goes, the others when they have ended.

    Returns:
        0 or the first exit code that is not, and all that was printed.
    """
    code, printed = 0, list[str]()
    for group in parts:
        with tempfile.TemporaryDirectory() as folder:
            logs = [Path(folder, part.name) for part in group[1:]]
            later = [_started(programs, root, part, log) for part, log in zip(group[1:], logs, strict=True)]
            with _started(programs, root, group[0]) as first:
                assert first.stdout is not None
                for line in first.stdout:
                    print(line, end="", flush=True)
                    printed.append(line)
            codes = [process.wait() for process in (first, *later)]
            for log in logs:
                printed.append(log.read_text(encoding="utf-8", errors="replace"))
                print(printed[-1], end="", flush=True)
        code = code or next((each for each in codes if each not in (0, NO_TESTS)), 0)
    return code, "".join(printed)


def _started(programs: Path, root: Path, part: Part, log: Path | None = None) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if name not in _WORDY}
    environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(programs / "coverage"), "run", f"--data-file={part.data(root)}", "-m", "pytest", *SAID, *part.words]
    if log is None:
        return subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True)
    with log.open("wb") as file:
        return subprocess.Popen(command, cwd=root, env=environ, stdout=file, text=True)


def covered(programs: Path, root: Path, parts: Sequence[Sequence[Part]]) -> str:
    """Coverage by branch of all parts together, such as "97%"."""
    files = [str(each) for group in parts for part in group if (each := part.data(root)).exists()]
    coverage = str(programs / "coverage")
    subprocess.run([coverage, "combine", "-q", *files], cwd=root, check=False)
    report = subprocess.run([coverage, "report"], cwd=root, capture_output=True, text=True, check=False)
    total = _TOTAL.search(report.stdout)
    return total.group().split()[-1] if total else "none"


def failures(printed: str) -> list[str]:
    """The line of each test that failed, with its reason, as `failure_lines` has written them; each once."""
    return list(dict.fromkeys(_FAILED.findall(printed)))


def closing(printed: str) -> str:
    """The closing lines of several pytests as if of one; empty where there was none."""
    counts, seconds = Counter[str](), 0.0
    for found in _CLOSING.finditer(printed):
        for each in found[1].split(","):
            number, what = each.split()
            counts[what] += int(number)
        seconds += float(found[2])
    order = sorted(counts, key=lambda what: (what != "failed", what != "passed", what))
    return ", ".join(f"{counts[what]} {what}" for what in order) + f" in {seconds:.2f}s" if counts else ""
