"""Which version of each engine is wanted, which are good enough, and what its archive must hash to: pure.

The facts are data, in `releases.toml`; this module gives them types and the comparison of versions. It reads no file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Version = tuple[int, int, int]

_VERSION = re.compile(r"(?<![\w.])v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class Span:
    """Versions from `at_least` (inclusive) up to `below` (exclusive; None is no upper end)."""

    at_least: Version
    below: Version | None = None

    def __contains__(self, version: Version) -> bool:
        """Whether the version lies in the span."""
        return self.at_least <= version and (self.below is None or version < self.below)

    def __str__(self) -> str:
        """Words for a person: `2.0.x`, `1.11.x from 1.11.3`, `1.7.2 or newer`."""
        major, minor, patch = self.at_least
        if self.below is None:
            return f"{dotted(self.at_least)} or newer"
        return f"{major}.{minor}.x" + (f" from {dotted(self.at_least)}" if patch else "")


@dataclass(frozen=True)
class Pin:
    """One engine as this release of hoploom wants it.

    Attributes:
        name: Name of the engine and of its executable.
        version: The version that is downloaded or built.
        accepts: Versions that are good when found on PATH.
        asked_with: The argument that makes the executable print its version.
        url: Address of the vendor's archive with `{os}` and `{arch}` to fill in; None when there is none.
        sha256: Hexadecimal SHA-256 of the archive by platform (`linux_amd64`).
        module: Import path of the Go main package; None when it cannot be built by version.
        tags: Build tags.
        build_s: What a first build takes on two cores, in seconds.
    """

    name: str
    version: str
    accepts: tuple[Span, ...]
    asked_with: str
    url: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    module: str | None = None
    tags: tuple[str, ...] = ()
    build_s: int = 0

    def good(self, version: Version) -> bool:
        """Whether an executable of this version may be used."""
        return any(version in span for span in self.accepts)

    def wanted(self) -> str:
        """The accepted versions in words: `1.22.x or 2.0.x`."""
        return " or ".join(str(span) for span in self.accepts)

    def archive_url(self, platform: str) -> str | None:
        """Address of the vendor's archive for a platform such as `linux_amd64`; None when there is none."""
        system, _, arch = platform.partition("_")
        return self.url and self.url.format(os=system, arch=arch)


def dotted(version: Version) -> str:
    """Write a version as text: (1, 22, 7) is `1.22.7`."""
    return ".".join(str(number) for number in version)


def parse_version(text: str) -> Version | None:
    """Read the first released version in what an engine printed.

    Args:
        text: Such as `Consul v1.22.7`, `1.7.2 go1.26.8`, `Nomad v2.0.0-beta.1`.

    Returns:
        Its three numbers; None when there is none or it is a pre-release, which is no released version.
    """
    match = _VERSION.search(text)
    if match is None or match[4]:
        return None
    return int(match[1]), int(match[2]), int(match[3])


def read(text: str, series: int = 1) -> dict[str, Pin]:
    """Read the pins of one series from the text of `releases.toml`.

    Args:
        text: The TOML document.
        series: 1 for the default series; 2 for the tables named `NAME_2`, where there is one.

    Returns:
        The pin of each engine by its name.
    """
    tables = tomllib.loads(text)
    names = [name for name in tables if "_" not in name]
    return {name: _pin(name, tables.get(f"{name}_{series}", tables[name])) for name in names}


def _pin(name: str, table: Mapping[str, Any]) -> Pin:
    return Pin(
        name=name,
        version=table["version"],
        accepts=tuple(_span(span) for span in table["accepts"]),
        asked_with=table["asked_with"],
        url=table.get("url"),
        sha256=table.get("sha256", {}),
        module=table.get("module"),
        tags=tuple(table.get("tags", ())),
        build_s=table.get("build_s", 0),
    )


def _span(table: Mapping[str, str]) -> Span:
    below = table.get("below")
    return Span(_version(table["at_least"]), _version(below) if below else None)


def _version(text: str) -> Version:
    version = parse_version(text)
    if version is None:
        raise ValueError(f"{text!r} in the pins is no version of three numbers")
    return version
