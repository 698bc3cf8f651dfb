"""Runs everything, in order: style, types, then the tests with coverage by branch.

    python3 tests            all: unit, integration with the real engines, lab
    python3 tests --quick    style, types and unit tests: no engine, a few minutes
    python3 tests lab NAME   a long run of the lab that no test waits for, such as `kills`; -h shows its options

Under CI=true on Linux as root nothing may be skipped.
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
from runner.packages import provide  # noqa: E402

BIN = ROOT / ".venv" / "bin"
WIDER = ("tests/integration", "tests/lab")
NO_TESTS = 5
_SKIPPED = re.compile(r"^SKIPPED \[\d+\] .*$", re.MULTILINE)
_TOTAL = re.compile(r"^TOTAL .*$", re.MULTILINE)


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
    if not quick:
        provide(may_install=install)
        if _step("engines", [str(BIN / "hoploom"), "engines", "--ensure"]):
            return 2
    checks = [_step("style", [str(BIN / "ruff"), "check"]), _step("types", [str(BIN / "mypy")])]
    code, output = _pytest(quick=quick, words=for_pytest)
    skipped = _SKIPPED.findall(output)
    strict = os.environ.get("CI") == "true" and sys.platform == "linux" and os.geteuid() == 0 and not quick
    if skipped:
        print(f"skipped: {len(skipped)}", *skipped, sep="\n  ", flush=True)
    failed = sum(1 for check in checks if check) + (1 if strict and skipped else 0)
    print(f"took {time.monotonic() - began:.0f} s; style and types {'failed' if any(checks) else 'good'}", flush=True)
    closing = [line for line in output.splitlines() if re.search(r"\d+ (passed|failed)", line)]
    print(closing[-1] if closing else f"{len(checks) - failed} passed, {failed} failed", flush=True)
    return 1 if code or failed else 0


def _lab(words: Sequence[str]) -> int:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run([str(BIN / "python"), "-m", "lab", *words], cwd=ROOT, env=environ, check=False).returncode


def _step(name: str, command: Sequence[str]) -> int:
    print(f"--- {name}", flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _pytest(*, quick: bool, words: list[str]) -> tuple[int, str]:
    print("--- tests", flush=True)
    places = [] if any(Path(ROOT, word.split("::")[0]).exists() for word in words) else ["tests/unit"]
    if places and not quick:
        places += [place for place in WIDER if any((ROOT / place).glob("test_*.py"))]
    said = ["-rs", "-q", "--durations=20", "--durations-min=5"]
    command = [str(BIN / "coverage"), "run", "-m", "pytest", *said, *places, *words]
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    lines = []
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    report = subprocess.run([str(BIN / "coverage"), "report"], cwd=ROOT, capture_output=True, text=True, check=False)
    total = _TOTAL.search(report.stdout)
    print(f"coverage by branch: {total.group().split()[-1] if total else 'none'}", flush=True)
    return (0 if process.returncode == NO_TESTS else process.returncode), "".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
