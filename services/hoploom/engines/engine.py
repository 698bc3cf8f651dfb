"""What the other rooms get: one engine, where it is, and how it came there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Way = Literal["PATH", "cache", "download", "build"]
"""How an engine was had; `cache` means downloaded or built by an earlier start."""

Report = Callable[[str], None]
"""Takes one line for a person, without its line end."""


@dataclass(frozen=True)
class Engine:
    """An executable of Consul, Nomad or Fabio whose version was checked.

    Attributes:
        name: `consul`, `nomad` or `fabio`.
        version: Three numbers, such as `1.22.7`.
        path: Absolute path of the executable.
        way: How it was had.
    """

    name: str
    version: str
    path: Path
    way: Way
