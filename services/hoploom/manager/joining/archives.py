"""Which worker archives lie in a folder: those that `hoploom build` made, whole and with their sums beside them."""

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)
CA = "ca.pem"
"""Beside the archives, where the mesh's HTTPS address has an authority of its own."""

MOST_FILES = 64
_NAME = re.compile(
    r"hoploom(?P<worker>-worker)?-(?P<version>[0-9][0-9a-z.]{0,31})-linux-(?P<arch>x86_64|aarch64)"
    r"-cp3(?P<minor>[0-9]{2})\.tar\.gz"
)
_SUM = re.compile(r"[0-9a-f]{64}")
_MOST_CA_BYTES = 256 * 1024


@dataclass(frozen=True)
class Archive:
    """One archive.

    Attributes:
        name: Its file's name.
        version: Version of hoploom in it.
        arch: Machine that it is for: `x86_64` or `aarch64`.
        python: Python that it is for: `3.11`.
        is_worker: Whether it is a worker's alone, and so half as large.
        sha256: Hexadecimal SHA-256; empty where it has not been read yet.
    """

    name: str
    version: str
    arch: str
    python: str
    is_worker: bool
    sha256: str = ""


def named(name: str) -> Archive | None:
    """What a file's name says; None where it is no archive's, such as one with a slash in it."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return Archive(name, found["version"], found["arch"], f"3.{found['minor']}", bool(found["worker"]))


def offered(archives: Iterable[Archive], version: str) -> list[Archive]:
    """The archives to offer: of one version, and one for each machine and Python, in their order.

    Args:
        archives: All that there are.
        version: That of the manager; another one counts only where there is none of it, and then the newest.
    """
    known = list(archives)
    versions = {each.version for each in known}
    wanted = version if version in versions else max(versions, key=_age, default="")
    # A worker's own is half as large, so it comes last and stays.
    fit = sorted((each for each in known if each.version == wanted), key=lambda each: each.is_worker)
    chosen = {(each.arch, each.python): each for each in fit}
    return [chosen[key] for key in sorted(chosen)]


def _age(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)]


class Folder:
    """The folder; reads each archive once. Everything here blocks."""

    def __init__(self, path: Path) -> None:
        """Know where it is; it need not be there."""
        self.path = path
        self._read: dict[tuple[str, int, int], str] = {}

    def archives(self) -> list[Archive]:
        """All whole archives in it; one that is not what its sum says is left out, and said."""
        names = sorted(each.name for each in self.path.iterdir()) if self.path.is_dir() else []
        found = [each for name in names if (each := named(name))][:MOST_FILES]
        whole = [(each, self._sum(each.name)) for each in found]
        return [Archive(**{**vars(each), "sha256": sha256}) for each, sha256 in whole if sha256]

    def file(self, name: str) -> Path | None:
        """The file of an archive; None where there is no such one."""
        path = self.path / name
        is_plain = named(name) is not None and path.is_file() and not path.is_symlink()
        return path if is_plain else None

    def authority(self) -> str:
        """Certificate of the authority of the mesh's HTTPS address; empty where a public one has signed it."""
        path = self.path / CA
        if not path.is_file() or path.stat().st_size > _MOST_CA_BYTES:
            return ""
        return path.read_text(encoding="ascii", errors="replace").strip()

    def _sum(self, name: str) -> str:
        path = self.file(name)
        if path is None:
            return ""
        about = path.stat()
        key = (name, about.st_size, about.st_mtime_ns)
        if key not in self._read:
            self._read[key] = self._checked(path)
        return self._read[key]

    def _checked(self, path: Path) -> str:
        try:
            beside = path.with_name(f"{path.name}.sha256").read_text(encoding="ascii").split()[:1]
        except (FileNotFoundError, UnicodeDecodeError):
            beside = []
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if beside == [sha256] and _SUM.fullmatch(sha256):
            return sha256
        log.warning("%s is not offered: %s", path, "its sum is another" if beside else "there is no sum beside it")
        return ""
