"""A long-running child process, watched: its output goes to a file, and an interrupt ends it with all its children."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hoploom.engines.progress import Tick
from hoploom.kit import errors

_TICK_S = 1.0
_GRACE_S = 5.0
_SAID_CHARACTERS = 300


@dataclass(frozen=True)
class Command:
    """What to run.

    Attributes:
        words: Program and arguments.
        folder: Working folder.
        environ: Its whole environment.
        log: File that gets its standard output and error; appended to.
    """

    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    log: Path


def run(command: Command, tick: Tick) -> None:
    """Run a command to its end.

    It gets its own process group, so that an interrupt of ours (Ctrl-C) can end the compilers and linkers that it
    started too: whatever leaves this function, nothing of it runs on.

    Args:
        command: What to run.
        tick: Called each second.

    Raises:
        errors.Unavailable: it cannot be started or ends with another code than 0; names the log.
    """
    with command.log.open("ab") as log:
        try:
            child = subprocess.Popen(
                command.words,
                cwd=command.folder,
                env=dict(command.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise errors.Unavailable(f"{command.words[0]} cannot be started ({error})") from error
        try:
            code = _wait(child, tick)
        finally:
            _end(child)
    if code != 0:
        raise errors.Unavailable(f"{_named(command)} ended with {code}: {_last_words(command.log)} (see {command.log})")


def _wait(child: subprocess.Popen[bytes], tick: Tick) -> int:
    while True:
        try:
            return child.wait(_TICK_S)
        except subprocess.TimeoutExpired:
            tick("")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the child's group: nothing after a normal end."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _named(command: Command) -> str:
    return " ".join([Path(command.words[0]).name, *command.words[1:2]])


def _last_words(log: Path) -> str:
    """The last line that was written: with Go and pip that is the reason."""
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:_SAID_CHARACTERS] if lines else "it said nothing"
