"""The picture of the first minute: what `hoploom up` printed, and when, in a network namespace of its own."""

import os
import subprocess
import tempfile
import textwrap
import time
from pathlib import Path

from hoploom import engines
from lab import drawing
from local_cli import HOPLOOM

TARGETS = "127.1.0.0/20"
_COLUMNS, _WIDTH, _LINE, _LEFT, _TOP = 104, 940, 19, 20, 62
# A namespace of its own has the ports that the README names, whatever runs beside it.
_RUN = 'ip link set lo up && "$0" up --detach {targets}; code=$?; "$0" down --purge >&2; exit $code'


def make(file: Path) -> None:
    """Run `hoploom up` once and draw what it printed."""
    engines.ensure(engines.NAMES, report=lambda line: None)
    with tempfile.TemporaryDirectory() as folder:
        lines = _printed(Path(folder))
    file.write_text(drawn(lines), encoding="utf-8")


def _printed(folder: Path) -> list[tuple[float, str]]:
    """(seconds since the start, line) of all that a first `up` prints; `~` for the person's own folder."""
    environ = {**os.environ, "HOPLOOM_STATE": str(folder / ".local/state/hoploom")}
    command = ["unshare", "-n", "sh", "-c", _RUN.format(targets=TARGETS), str(HOPLOOM)]
    began, lines = time.monotonic(), list[tuple[float, str]]()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            text = line.rstrip().replace(str(folder), "~").replace(str(Path.home()), "~")
            lines.append((time.monotonic() - began, text))
    assert running.returncode == 0, lines
    return lines


def drawn(lines: list[tuple[float, str]]) -> str:
    """The picture: the command, and each line with the seconds after which it stood there; long ones are folded."""
    parts = [drawing.words(_LEFT, 30, f"$ hoploom up --detach {TARGETS}", "head")]
    y = _TOP
    for at_s, text in lines:
        parts.append(drawing.words(_LEFT + 44, y, f"{at_s:.1f} s", "note end"))
        for part in textwrap.wrap(text, _COLUMNS, subsequent_indent=" " * 10, replace_whitespace=False) or [""]:
            parts.append(drawing.words(_LEFT + 56, y, part, "mono"))
            y += _LINE
    parts.append(drawing.words(_LEFT, y + 14, "What it printed in one run, and after how many seconds; engines already "
                               "in the cache; two shared cores.", "note"))  # fmt: skip
    return drawing.picture(_WIDTH, y + 32, f"What hoploom up printed: {lines[-1][0]:.0f} seconds in all", parts)
