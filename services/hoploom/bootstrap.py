"""Prepares .venv from a hash-locked requirements file, once, and hands over to a program in it.

Only the standard library: this runs before anything is installed. A stamp file beside the packages says from which lock
they were made; it is removed first and written last, so a start that was killed is begun again. One lock file for all
starts, so two at once are safe. A second start costs some 30 ms.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PROJECT = ROOT / "pyproject.toml"
# What pip says when it is not the package that is missing but the way to it.
_NO_WAY = ("NewConnectionError", "ConnectTimeoutError", "ProxyError", "NameResolutionError", "ReadTimeoutError")
_NO_NETWORK = "the package index cannot be reached: connect this machine, or set PIP_INDEX_URL to a mirror"


def enter(lock: Path, command: Sequence[str], includes: Sequence[Path] = ()) -> NoReturn:
    """Become `command` inside .venv, which is made from `lock` first where it is not fresh.

    Args:
        lock: Requirements with hashes.
        command: Name of a program in .venv/bin, and its arguments.
        includes: Other locks whose packages `lock` contains too.

    Whatever is in the way ends the process with one sentence and exit code 2.
    """
    if not _is_fresh(lock):
        try:
            _sync(lock, includes)
        except OSError as error:
            _stop(f"cannot prepare {VENV}: {error.strerror or error} ({error.filename or ROOT}); copy the checkout "
                  "to a folder of your own, or `pip install` it elsewhere")
        except KeyboardInterrupt:
            _stop("stopped; the next start begins again")
    program = VENV / "bin" / command[0]
    os.execv(program, [str(program), *command[1:]])


def _say(text: str) -> None:
    sys.stderr.write(f"hoploom: {text}\n")
    sys.stderr.flush()


def _stop(text: str) -> NoReturn:
    _say(text)
    sys.exit(2)


def _home() -> str:
    """Another Python, or a moved checkout, needs another .venv."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {sys.base_prefix} {ROOT}"


def _stamp(lock: Path) -> Path:
    return VENV / f".synced-{lock.parent.name}"


def _wanted(lock: Path) -> str:
    content = hashlib.sha256(lock.read_bytes() + PROJECT.read_bytes()).hexdigest()
    return f"{_home()}\n{content}\n"


def _is_fresh(lock: Path) -> bool:
    try:
        return _stamp(lock).read_text(encoding="utf-8") == _wanted(lock)
    except FileNotFoundError:
        return False


def _sync(lock: Path, includes: Sequence[Path]) -> None:
    with PROJECT.open("r+b") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another start that prepares .venv")
            fcntl.flock(held, fcntl.LOCK_EX)
        if not _is_fresh(lock):
            began = time.monotonic()
            _say(f"preparing {VENV} from {lock.relative_to(ROOT)} (once, about half a minute)")
            _rebuild(lock, includes, held)
            _say(f"prepared in {time.monotonic() - began:.0f} s")


def _rebuild(lock: Path, includes: Sequence[Path], held: IO[bytes]) -> None:
    if find_spec("ensurepip") is None:
        _stop("this Python has no ensurepip: `sudo apt install python3-venv` brings it on Debian and Ubuntu")
    stamps = sorted(VENV.glob(".synced-*"))
    same_home = any(stamp.read_text(encoding="utf-8").startswith(f"{_home()}\n") for stamp in stamps)
    for stamp in stamps:
        stamp.unlink()
    if not same_home:
        _make_venv()
    _pip(held, "--require-hashes", "--only-binary=:all:", "-r", str(lock))
    _pip(held, "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT))
    for done in (lock, *includes):
        scratch = _stamp(done).with_suffix(".new")
        scratch.write_text(_wanted(done), encoding="utf-8")
        scratch.replace(_stamp(done))


def _make_venv() -> None:
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(VENV)
    except subprocess.CalledProcessError:
        _stop("this Python cannot make a virtual environment: `sudo apt install python3-venv` mends it on Debian")


def _pip(held: IO[bytes], *arguments: str) -> None:
    """Run .venv's pip; it inherits the lock, so that a killed parent's pip keeps others waiting."""
    command = [str(VENV / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "--no-input", "--retries=1"]
    environ = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    ran = subprocess.run(
        [*command, *arguments], env=environ, pass_fds=(held.fileno(),), stderr=subprocess.PIPE, text=True, check=False
    )
    if ran.returncode:
        _stop(words_of_pip(ran.stderr))


def words_of_pip(stderr: str) -> str:
    """Why pip failed, in one sentence."""
    if any(word in stderr for word in _NO_WAY):
        return _NO_NETWORK
    last = stderr.strip().splitlines()[-1:] or ["no reason given"]
    return f"pip could not fetch the locked packages: {last[0]}"
