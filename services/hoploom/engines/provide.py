"""The ways to an engine, in order: PATH, the cache, the vendor's archive, a build.

Each way tried gives one line; when all fail, the error names each way's reason and what a person can do. What is made
is made in a folder of its own under the engine's lock, asked for its version there, and only then put in place: an
interrupt at any moment leaves nothing half.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hoploom.engines import build, download, find, lock, record
from hoploom.engines.engine import Engine, Report, Way
from hoploom.engines.pins import Pin, dotted
from hoploom.engines.progress import Progress
from hoploom.engines.site import MIRROR, Site, here
from hoploom.kit import errors

NAMES = ("consul", "nomad", "fabio")

_MAKING = ".making-"


@dataclass(frozen=True)
class Finding:
    """What a look at one engine gave.

    Attributes:
        name: Name of the engine.
        wanted: The version that would be made.
        engine: What would be used now; None when it has to be made.
        passed_over: Why each thing found was not taken, one sentence each.
    """

    name: str
    wanted: str
    engine: Engine | None
    passed_over: tuple[str, ...]


def found(names: Sequence[str] = NAMES, *, series: int = 1, site: Site | None = None) -> list[Finding]:
    """Look where engines are, and make none.

    Args:
        names: Engines to look for.
        series: 1, or 2 for Consul and Nomad 2.0.
        site: The machine; by default this one.

    Returns:
        One finding each, in the order of the names.

    Raises:
        errors.ConfigError: an unknown name, or there is no place for a cache.
    """
    site = site or here(series)
    return [_look(pin, site) for pin in _pins(names, site)]


def ensure(names: Sequence[str], *, report: Report, series: int = 1, site: Site | None = None) -> dict[str, Engine]:
    """Have engines: those that are not there are fetched or built. Blocks, for minutes when something is built.

    Args:
        names: Engines to have.
        report: Gets a line for each way tried and, off a terminal, for the progress.
        series: 1, or 2 for Consul and Nomad 2.0.
        site: The machine; by default this one.

    Returns:
        The engines by name.

    Raises:
        errors.ConfigError: an engine could not be had; names each way's reason and the ways out.
    """
    site = site or here(series)
    progress = Progress(report)
    return {pin.name: _ensure(pin, site, progress) for pin in _pins(names, site)}


def _pins(names: Sequence[str], site: Site) -> list[Pin]:
    unknown = sorted(set(names) - set(site.pins))
    if unknown:
        raise errors.ConfigError(f"no such engine: {', '.join(unknown)} (there are {', '.join(site.pins)})")
    return [site.pins[name] for name in names]


def _look(pin: Pin, site: Site) -> Finding:
    engine, passed_over = find.on_path(pin, site)
    if engine is None:
        doubt = _doubt(pin, site)
        if doubt is None:
            engine = _made(pin, site, "cache")
        elif site.executable(pin).exists():
            passed_over.append(doubt)
    return Finding(pin.name, pin.version, engine, tuple(passed_over))


def _ensure(pin: Pin, site: Site, progress: Progress) -> Engine:
    engine, reasons = find.on_path(pin, site)
    reasons = [f"PATH: {reason}" for reason in reasons or [f"no {pin.name} there"]]
    if engine is None:
        engine = _cached(pin, site, reasons)
    if engine is None:
        for reason in reasons:
            progress.report(f"{pin.name}: {reason}")
        engine = _make_once(pin, site, reasons, progress)
    progress.report(f"{pin.name} {engine.version}: {engine.path} ({engine.way})")
    return engine


def _cached(pin: Pin, site: Site, reasons: list[str]) -> Engine | None:
    doubt = _doubt(pin, site)
    if doubt is None:
        return _made(pin, site, "cache")
    reasons.append(f"cache: {doubt}")
    return None


def _make_once(pin: Pin, site: Site, reasons: list[str], progress: Progress) -> Engine:
    """Make an engine, or wait for another start that is making it and take that one's."""
    folder = site.folder(pin)
    waits = _Once(lambda: progress.report(f"{pin.name}: another start is making it, waiting for that one"))
    try:
        with lock.held(folder.with_name(f"{folder.name}.lock"), waits):
            if waits.happened and _doubt(pin, site) is None:
                return _made(pin, site, "cache")
            _sweep(folder)
            return _make(pin, site, reasons, progress)
    except OSError as error:
        raise errors.ConfigError(
            f"{pin.name} cannot be kept in {folder} ({error}): free the folder, or set XDG_CACHE_HOME to another one"
        ) from error


def _make(pin: Pin, site: Site, reasons: list[str], progress: Progress) -> Engine:
    ways: tuple[tuple[Way, Callable[[Path], str | None]], ...] = (
        ("download", partial(_download, pin, site, progress)),
        ("build", partial(_build, pin, site, progress)),
    )
    for way, attempt in ways:
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=site.folder(pin)) as into:
            try:
                go = attempt(Path(into))
                _check(Path(into) / pin.name, pin, site)
            except errors.Unavailable as error:
                reasons.append(f"{way}: {error}")
                progress.report(f"{pin.name}: {reasons[-1]}")
                continue
            record.install(Path(into) / pin.name, site.executable(pin), pin.version, go)
            return _made(pin, site, way)
    raise errors.ConfigError(_all_failed(pin, site, reasons))


def _download(pin: Pin, site: Site, progress: Progress, into: Path) -> None:
    url, _ = download.source(pin, site)
    with progress.step(f"{pin.name}: fetching {url}") as tick:
        download.fetch(pin, site, into, tick)


def _build(pin: Pin, site: Site, progress: Progress, into: Path) -> str:
    return build.build(pin, site, into, progress)[1]


def _check(executable: Path, pin: Pin, site: Site) -> None:
    """Let a made engine say its version before anybody may use it: this also finds one that does not run here."""
    version = dotted(find.ask_version(executable, pin, site))
    if version != pin.version:
        raise errors.Unavailable(f"what was made says that it is {version}, not {pin.version}")


def _sweep(folder: Path) -> None:
    """Remove what starts left that were killed; the lock is held, so nobody is using it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_MAKING}*"):
        shutil.rmtree(left, ignore_errors=True)


def _doubt(pin: Pin, site: Site) -> str | None:
    return record.doubt(site.executable(pin), pin.version)


def _made(pin: Pin, site: Site, way: Way) -> Engine:
    return Engine(pin.name, pin.version, site.executable(pin), way)


def _all_failed(pin: Pin, site: Site, reasons: list[str]) -> str:
    url = pin.archive_url(site.platform)
    second = (
        f"put {url.rpartition('/')[2]} into a folder and set {MIRROR} to it"
        if url and site.platform in pin.sha256
        else f"copy {site.folder(pin)} from a machine that has it"
    )
    return (
        f"{pin.name} {pin.version} is not to be had here ({'; '.join(reasons)}). Three ways out: install {pin.name} "
        f"{pin.wanted()} on PATH; {second}; or install Go and let it reach its module proxy, to build it."
    )


class _Once:
    """Calls something at its first call only, and remembers that there was one."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self.happened = False

    def __call__(self) -> None:
        if not self.happened:
            self.happened = True
            self._call()
