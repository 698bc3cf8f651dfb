"""Puts a collector together: what the role and `hoploom collect` share."""

from dataclasses import dataclass
from pathlib import Path

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.output_service.collecting.collector import Collector, Means
from hoploom.output_service.collecting.downloads import Downloads
from hoploom.output_service.collecting.finding import Finder
from hoploom.output_service.collecting.output_client import OutputClient
from hoploom.output_service.collecting.quarantine import Quarantine


@dataclass(frozen=True)
class Outside:
    """The ways out of a process.

    Attributes:
        consul: The local agent.
        http: The pool of connections.
        fabio_addr: Where Fabio is; empty where it is not to be asked.
        token: Of the mesh's workers, by which outputs take confirmations.
        max_bytes: Largest file that is fetched.
    """

    consul: ConsulApi
    http: HttpClient
    fabio_addr: str
    token: str
    max_bytes: int


def collector(folder: Path, outside: Outside) -> Collector:
    """A collector into the data set of a folder, which has its downloads and its quarantine too.

    Raises:
        ConfigError: The folder takes no files.
    """
    client = OutputClient(outside.http, outside.fabio_addr, outside.token)
    try:
        downloads = Downloads(outside.http, folder / "incoming", outside.max_bytes, outside.token)
        quarantine = Quarantine(folder / "quarantine")
    except OSError as error:
        raise ConfigError(f"cannot keep files in {folder}: {error.strerror} (see --data-set)") from error
    return Collector(Means(Finder(outside.consul), client, downloads, quarantine))
