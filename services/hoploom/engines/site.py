"""Where engines are kept and for what machine they are made: everything that a test wants to change, in one place."""

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hoploom.engines.pins import Pin, read
from hoploom.kit import errors
from hoploom.kit.deploy import deploy_root

MIRROR = "HOPLOOM_ENGINE_MIRROR"
"""Environment variable: URL or folder that holds the vendors' archives under their own file names."""

# Python's names of machines -> Go's, which the vendors' file names use.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}


@dataclass(frozen=True)
class Site:
    """One machine as the engines see it.

    Attributes:
        cache: Folder of the made engines; need not exist.
        platform: Operating system and architecture in Go's words: `linux_amd64`.
        environ: The environment: PATH, proxies, `HOPLOOM_ENGINE_MIRROR`, Go's own variables.
        pins: What is wanted, by engine name.
        modules: Gives the folder that holds `consul/engine`, `nomad/engine` and `fabio/engine`; raises
            `errors.ConfigError` when there is none.
    """

    cache: Path
    platform: str
    environ: Mapping[str, str]
    pins: Mapping[str, Pin]
    modules: Callable[[], Path] = deploy_root

    def folder(self, pin: Pin) -> Path:
        """Folder of one made engine: `CACHE/consul-1.22.7-linux_amd64`."""
        return self.cache / f"{pin.name}-{pin.version}-{self.platform}"

    def executable(self, pin: Pin) -> Path:
        """Where the made engine's executable stands."""
        return self.folder(pin) / pin.name

    @property
    def mirror(self) -> str | None:
        """URL or folder to fetch archives from in place of the vendor's site."""
        return self.environ.get(MIRROR) or None


def here(series: int = 1) -> Site:
    """This machine with the pins of one series.

    Args:
        series: 1, or 2 for Consul and Nomad 2.0.

    Returns:
        The site.

    Raises:
        errors.ConfigError: the account has no home folder and XDG_CACHE_HOME is not set.
    """
    text = resources.files("hoploom.engines").joinpath("releases.toml").read_text("utf-8")
    return Site(cache_folder(os.environ), platform_name(), dict(os.environ), read(text, series))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Folder of the made engines, by the XDG Base Directory rules (a relative XDG_CACHE_HOME does not count)."""
    given = environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError as error:
        raise errors.ConfigError("this account has no home folder: set XDG_CACHE_HOME to a folder") from error
    return base / "hoploom" / "engines"


def platform_name() -> str:
    """Name of the platform in Go's words, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"
