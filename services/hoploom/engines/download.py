"""The vendor's release archive: fetched, checked against the pinned SHA-256, unpacked.

The archive is opened only after its sum was found right, so nothing in it needs to be distrusted, and an interrupted,
cut or changed download is never used. Where it comes from does not matter for that: a mirror may be plain HTTP or a
folder.
"""

import hashlib
import http.client
import shutil
import zipfile
from pathlib import Path
from typing import IO

from hoploom.engines import connection
from hoploom.engines.pins import Pin
from hoploom.engines.progress import Tick
from hoploom.engines.site import Site
from hoploom.kit import errors

_CHUNK_BYTES = 256 * 1024
_MIB = 1024 * 1024
# Consul's archive has 60 MB, Nomad's 50: a source that sends more than this is not sending them.
_LARGEST_BYTES = 512 * _MIB


def source(pin: Pin, site: Site) -> tuple[str, str]:
    """Where an engine's archive is, and what it must hash to.

    Args:
        pin: The engine.
        site: Its platform and mirror.

    Returns:
        URL (https, http or file) and hexadecimal SHA-256.

    Raises:
        errors.Unavailable: there is no archive with a known sum for this platform.
    """
    url = pin.archive_url(site.platform)
    if url is None:
        raise errors.Unavailable("the vendor publishes no SHA-256 for its prebuilt files")
    sha256 = pin.sha256.get(site.platform)
    if sha256 is None:
        raise errors.Unavailable(f"no SHA-256 is known for {site.platform}")
    return _mirrored(url, site.mirror), sha256


def fetch(pin: Pin, site: Site, into: Path, tick: Tick) -> Path:
    """Fetch an engine's executable.

    Args:
        pin: The engine.
        site: Its platform and mirror.
        into: An empty folder of the caller, who removes it.
        tick: Gets the MiB received so far.

    Returns:
        The executable in `into`, its archive's sum verified.

    Raises:
        errors.Unavailable: no archive, no connection, a cut answer or another sum.
    """
    url, sha256 = source(pin, site)
    archive = into / "archive.zip"
    with connection.opened(url) as answer:
        received = _receive(answer, archive, url, tick)
    if received != sha256:
        raise errors.Unavailable(f"{url} has another SHA-256 than the pinned one ({received}, not {sha256})")
    return _unpack(archive, pin.name, into)


def _mirrored(url: str, mirror: str | None) -> str:
    """The URL at the mirror, which may be a folder."""
    if mirror is None:
        return url
    base = mirror if "://" in mirror else Path(mirror).expanduser().absolute().as_uri()
    return f"{base.rstrip('/')}/{url.rpartition('/')[2]}"


def _receive(answer: IO[bytes], archive: Path, url: str, tick: Tick) -> str:
    """Write the body to a file; return its hexadecimal SHA-256."""
    announced = connection.length_of(answer)
    digest, count = hashlib.sha256(), 0
    try:
        with archive.open("wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                count += len(chunk)
                tick(_so_far(count, announced))
                if count > _LARGEST_BYTES:
                    raise errors.Unavailable(f"{url} does not end: stopped after {count} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise errors.Unavailable(f"{url} broke off after {count} bytes ({error})") from error
    if announced is not None and count < announced:
        raise errors.Unavailable(f"{url} broke off after {count} of {announced} bytes")
    return digest.hexdigest()


def _so_far(count: int, announced: int | None) -> str:
    whole = f" of {announced / _MIB:.1f}" if announced else ""
    return f"{count / _MIB:.1f}{whole} MiB"


def _unpack(archive: Path, name: str, into: Path) -> Path:
    """Take the executable, and nothing else, out of the archive."""
    executable = into / name
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(name) as member, executable.open("wb") as file:
            shutil.copyfileobj(member, file, _CHUNK_BYTES)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise errors.Unavailable(f"the archive of {name} cannot be unpacked ({error})") from error
    executable.chmod(0o755)
    return executable
