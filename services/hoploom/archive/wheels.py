"""Fetches the wheels of a lock for any machine by pip, once: a folder of the cache for each list of requirements."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from hoploom import bootstrap
from hoploom.archive import requirements
from hoploom.archive.requirements import Requirement
from hoploom.engines import lock
from hoploom.engines.record import sha256_of
from hoploom.engines.site import cache_folder
from hoploom.kit.errors import ConfigError, Unavailable

# glibc 2.28 and older: Debian 10, Raspberry Pi OS of 2020, RHEL 8. All are named, because pip takes each for itself.
_GLIBC = (*range(17, 29), 5, 12)


def fetch(wanted: Sequence[Requirement], python: str, arch: str) -> list[Path]:
    """The wheels of these requirements, each proved by its hash.

    Args:
        wanted: One requirement a package.
        python: Version such as `3.11`.
        arch: Machine in Python's words: `x86_64`, `aarch64`.

    Returns:
        Their files, sorted by name.

    Raises:
        ConfigError: This Python has no pip, or the package index cannot be reached.
        Unavailable: pip could not fetch them, or the cache cannot be written to.
    """
    listed = requirements.text(wanted)
    key = hashlib.sha256(f"{python} {arch}\n{listed}".encode()).hexdigest()[:16]
    folder = cache_folder(os.environ).parent / "wheels" / f"{arch}-{python}-{key}"
    try:
        with lock.held(folder.with_name(f"{folder.name}.lock"), lambda: None):
            if not _is_whole(folder, wanted):
                _fetch(folder, listed, python, arch)
    except OSError as error:
        raise Unavailable(f"cannot keep wheels in {folder}: {error.strerror or error}") from error
    if not _is_whole(folder, wanted):
        raise Unavailable(f"{folder} is not what the lock says, though pip made it: remove it and try again")
    return sorted(folder.glob("*.whl"))


def _is_whole(folder: Path, wanted: Iterable[Requirement]) -> bool:
    there = {f"sha256:{sha256_of(path)}" for path in folder.glob("*.whl")}
    known = [there & set(each.hashes) for each in wanted]
    return all(known) and there == set().union(*known)


def _fetch(folder: Path, listed: str, python: str, arch: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise ConfigError("this Python has no pip to fetch wheels with: run `python3 services build` in a checkout")
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as half:
        given = Path(half, "requirements.txt")
        given.write_text(listed, encoding="utf-8")
        _pip(["--requirement", str(given), "--dest", str(Path(half, "wheels")), *_target(python, arch)])
        shutil.rmtree(folder, ignore_errors=True)
        Path(half, "wheels").replace(folder)


def _target(python: str, arch: str) -> list[str]:
    words = ["--implementation", "cp", "--python-version", python]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        words += ["--abi", abi]
    for platform in (f"manylinux2014_{arch}", *(f"manylinux_2_{minor}_{arch}" for minor in _GLIBC)):
        words += ["--platform", platform]
    return words


def _pip(words: Sequence[str]) -> None:
    # The platform is named for this machine too: else its own glibc would decide which wheel it is.
    command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-input", "--retries=1", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--disable-pip-version-check"]
    ran = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ConfigError(bootstrap.words_of_pip(ran.stderr))
