"""Engines that somebody else installed: the search on PATH.

Every folder of PATH is looked at, so a good engine behind one of another version is still found; the one passed over
is named. Nothing is changed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hoploom.engines.engine import Engine
from hoploom.engines.pins import Pin, Version, dotted, parse_version
from hoploom.engines.site import Site
from hoploom.kit import errors

# An engine prints its version in tens of milliseconds; a cold disk takes a second or two for 170 MB.
_ANSWER_S = 20.0


def on_path(pin: Pin, site: Site) -> tuple[Engine | None, list[str]]:
    """Look for an engine of an accepted version on PATH.

    Args:
        pin: What is wanted.
        site: Its `environ` holds PATH.

    Returns:
        The first good one, or None; and why each one before it was passed over.
    """
    passed_over: list[str] = []
    for path in _candidates(pin.name, site):
        try:
            version = ask_version(path, pin, site)
        except errors.Unavailable as error:
            passed_over.append(str(error))
            continue
        if pin.good(version):
            return Engine(pin.name, dotted(version), path, "PATH"), passed_over
        passed_over.append(f"{path} is {dotted(version)}, wanted is {pin.wanted()}")
    return None, passed_over


def ask_version(path: Path, pin: Pin, site: Site) -> Version:
    """Let an executable say its version.

    Args:
        path: The executable.
        pin: Says with which argument it is asked.
        site: The environment it runs in.

    Returns:
        The version it printed.

    Raises:
        errors.Unavailable: it does not run, does not answer in time or prints no released version.
    """
    try:
        answer = subprocess.run(
            [str(path), pin.asked_with],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_S,
            env=dict(site.environ),
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise errors.Unavailable(f"{path} does not run ({error})") from error
    text = (answer.stdout + answer.stderr).decode("utf-8", "replace")
    version = parse_version(text) if answer.returncode == 0 else None
    if version is None:
        said = text.strip().partition("\n")[0][:80]
        raise errors.Unavailable(f"{path} names no released version (it said {said!r})")
    return version


def _candidates(name: str, site: Site) -> Iterator[Path]:
    """Executables of this name in the absolute folders of PATH, in order, each once."""
    seen: set[Path] = set()
    for folder in site.environ.get("PATH", "").split(":"):
        found = shutil.which(name, path=folder) if folder.startswith("/") else None
        if found and (path := Path(found)).resolve() not in seen:
            seen.add(path.resolve())
            yield path
