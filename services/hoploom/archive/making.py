"""Puts an archive together, from a checkout: the mapper's locked packages, this package, launchers."""

import functools
import re
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hoploom import __version__
from hoploom.archive import contents, own, requirements, tarball, wheels
from hoploom.archive.tarball import Member
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import ConfigError, Unavailable

ARCHITECTURES = ("x86_64", "aarch64")
"""64 bits only: numpy, msgpack, zstandard and duckdb have no wheels for 32-bit machines."""
PYTHONS = ("3.11", "3.12", "3.13")
PARTS = ("all", "worker")
# A version is a folder on hosts and a tag in Consul; the public ones of PEP 440, without an epoch.
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")


@dataclass(frozen=True)
class Wanted:
    """What an archive shall be.

    Attributes:
        arch: Machine, one of `ARCHITECTURES`.
        python: Python of the hosts, one of `PYTHONS`.
        part: `all`, or `worker`: without DuckDB, half of the size; neither `query` nor Parquet.
        version: What hoploom shall call itself there.
    """

    arch: str = "x86_64"
    python: str = "3.11"
    part: str = "all"
    version: str = __version__

    @property
    def name(self) -> str:
        """File name of the archive."""
        part = "" if self.part == "all" else f"-{self.part}"
        return f"hoploom{part}-{self.version}-linux-{self.arch}-cp{self.python.replace('.', '')}.tar.gz"


@dataclass(frozen=True)
class Made:
    """An archive that was made.

    Attributes:
        path: Where it is; its sum is beside it, in `PATH.sha256`.
        sha256: Hexadecimal SHA-256.
        size_bytes: Its size.
    """

    path: Path
    sha256: str
    size_bytes: int


def make(wanted: Wanted, folder: Path) -> Made:
    """Make an archive.

    Args:
        wanted: What it shall be.
        folder: Where to put it; made when missing.

    Raises:
        ConfigError: This is no checkout, the version is none, or there is no pip or no network to fetch wheels.
        Unavailable: The wheels cannot be fetched or kept, or the folder cannot be written to.
    """
    if not _VERSION.fullmatch(wanted.version):
        raise ConfigError(f"{wanted.version!r} is no version; 0.2.0 is one, and 0.2.0.dev1")
    files = wheels.fetch(locked(wanted), wanted.python, wanted.arch)
    opened = [zipfile.ZipFile(path) for path in files]
    try:
        members = [*_members(opened), *own.members(wanted.version, wanted.python, wanted.arch)]
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / wanted.name
        sha256 = tarball.write(members, target)
    except OSError as error:
        raise Unavailable(f"cannot make {folder / wanted.name}: {error.strerror or error}") from error
    finally:
        for wheel in opened:
            wheel.close()
    return Made(target, sha256, target.stat().st_size)


def locked(wanted: Wanted) -> list[requirements.Requirement]:
    """The packages that belong into an archive.

    Raises:
        ConfigError: This is no checkout.
    """
    root = deploy_root()
    lock = root / "services" / "requirements.lock"
    if not lock.is_file():
        raise ConfigError("an archive is made from a checkout, whose lock it needs: `python3 services build` there")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = requirements.roots(project, "mapper", without=() if wanted.part == "all" else ("query",))
    minor = int(wanted.python.split(".")[1])
    return requirements.closure(requirements.read(lock.read_text(encoding="utf-8")), names, (3, minor))


def _members(opened: list[zipfile.ZipFile]) -> Iterator[Member]:
    for wheel in opened:
        for name in wheel.namelist():
            if place := contents.place(name):
                yield Member(place, functools.partial(wheel.read, name))
