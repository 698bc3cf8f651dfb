"""Runs everything: style and types, then the tests with coverage by branch.

    python3 tests            all: unit, integration with the real engines, lab
    python3 tests --quick    style, types and unit tests: no engine, a few minutes
    python3 tests lab NAME   a long run of the lab that no test waits for, such as `kills`; -h shows its options

Unit tests run in two processes, then the wider ones in three, which wait for others most of their time; those that
claim something about time, or crash and starve what they look at, follow one after another. Under CI=true on Linux as
root nothing may be skipped.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from runner import wider  # noqa: E402
from runner.packages import provide  # noqa: E402
from runner.parts import Part, closing, covered, failures, run_all  # noqa: E402

BIN = ROOT / ".venv" / "bin"
UNIT, WIDER = "tests/unit", "tests/integration"
FIRST_HALF = ("deploying", "input_service", "kit", "output_service")
"""Folders of the unit tests that take as long as all others together."""

_SKIPPED = re.compile(r"^SKIPPED \[\d+\] .*$", re.MULTILINE)
_AGAIN = re.compile(r"^run again because the machine stood still: (\d+)$", re.MULTILINE)


def main(words: Sequence[str]) -> int:
    """Run what the flags ask for; returns the exit code."""
    if words[:1] == ["lab"]:
        return _lab(words[1:])
    quick, install = "--quick" in words, "--no-install" not in words
    for_pytest = [word for word in words if word not in ("--quick", "--no-install")]
    began = time.monotonic()
    if "-h" in words or "--help" in words:
        print(__doc__)
        return 0
    # The types take one processor for a minute, and whoever fetches engines waits for others.
    with _begun([str(BIN / "mypy")]) as types:
        if not quick:
            provide(may_install=install)
            if _step("engines", [str(BIN / "hoploom"), "engines", "--ensure"]):
                types.terminate()
                return 2
        checks = [_step("style", [str(BIN / "ruff"), "check"]), _ended("types", types)]
    print("--- tests", flush=True)
    parts = _parts(quick=quick, words=for_pytest)
    code, output = run_all(BIN, ROOT, parts)
    print(f"coverage by branch: {covered(BIN, ROOT, parts)}", flush=True)
    skipped = _SKIPPED.findall(output)
    strict = os.environ.get("CI") == "true" and sys.platform == "linux" and os.geteuid() == 0 and not quick
    if skipped:
        print(f"skipped: {len(skipped)}", *skipped, sep="\n  ", flush=True)
    failed = sum(1 for check in checks if check) + (1 if strict and skipped else 0)
    print(f"took {time.monotonic() - began:.0f} s; style and types {'failed' if any(checks) else 'good'}", flush=True)
    print(f"run again because the machine stood still: {sum(map(int, _AGAIN.findall(output)))}", flush=True)
    print(*failures(output), sep="\n", end="\n" if failures(output) else "", flush=True)
    print(closing(output) or f"{len(checks) - failed} passed, {failed} failed", flush=True)
    return 1 if code or failed else 0


def _lab(words: Sequence[str]) -> int:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run([str(BIN / "python"), "-m", "lab", *words], cwd=ROOT, env=environ, check=False).returncode


def _step(name: str, command: Sequence[str]) -> int:
    print(f"--- {name}", flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _begun(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _ended(name: str, process: "subprocess.Popen[str]") -> int:
    """Say what a step printed that began before others."""
    printed, _ = process.communicate()
    print(f"--- {name}\n{printed}", end="", flush=True)
    return process.returncode


def _parts(*, quick: bool, words: list[str]) -> list[list[Part]]:
    """What runs at the same time, and what afterwards."""
    if any(Path(ROOT, word.split("::")[0]).exists() for word in words):
        return [[Part("chosen", words)]]
    others = [f"--ignore={UNIT}/{each}" for each in FIRST_HALF]
    first = Part("unit-1", [*(f"{UNIT}/{each}" for each in FIRST_HALF), *words])
    second = Part("unit-2", [UNIT, *others, *words])
    return [[first, second]] if quick else [[first, second], *wider.parts(ROOT / WIDER, words)]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
