"""`go build` of an engine's pinned Go module.

The module in `consul/engine` (and so on) requires one version of the engine; its go.sum pins the content of that and of
everything under it. It is copied first, because a deployed one may be read-only, and built with `-mod=readonly`, so a
module that go.sum does not know is an error and not an addition.
"""

import shutil
import subprocess
from pathlib import Path

from hoploom.engines import connection, toolchain
from hoploom.engines.command import Command, run
from hoploom.engines.pins import Pin
from hoploom.engines.progress import Progress
from hoploom.engines.site import Site
from hoploom.kit import errors

_MODULE_FILES = ("go.mod", "go.sum")
# trimpath and no VCS stamp: the same sources give the same file wherever they are built.
_FLAGS = "-mod=readonly -trimpath -buildvcs=false"
_ANSWER_S = 20.0


def build(pin: Pin, site: Site, into: Path, progress: Progress) -> tuple[Path, str]:
    """Build an engine.

    Args:
        pin: The engine.
        site: Where its module, Go and the cache are.
        into: An empty folder of the caller, who removes it.
        progress: Shows the elapsed seconds.

    Returns:
        The executable in `into`, and the version of the Go that built it.

    Raises:
        errors.Unavailable: no module, no toolchain, or the build failed; names the log of the build.
    """
    if pin.module is None:
        raise errors.Unavailable(f"{pin.name} {pin.version} cannot be built from Go modules by version")
    go_mod = _copied(pin, site, into)
    go = toolchain.provide(site, toolchain.needed(go_mod), progress)
    executable = into / pin.name
    log = site.folder(pin) / "build.log"
    log.unlink(missing_ok=True)
    words = [str(go.program), "build", "-o", str(executable)]
    words += ["-tags", ",".join(pin.tags)] if pin.tags else []
    with progress.step(f"building {pin.name} {pin.version} with {go.version}, usually {pin.build_s} s") as tick:
        run(Command([*words, pin.module], into, _environ(go, site), log), tick)
    return executable, go.version


def _copied(pin: Pin, site: Site, into: Path) -> str:
    """Copy the module's files; return the text of its go.mod."""
    try:
        module = site.modules() / pin.name / "engine"
        for name in _MODULE_FILES:
            shutil.copyfile(module / name, into / name)
    except (OSError, errors.ConfigError) as error:
        raise errors.Unavailable(f"the Go module of {pin.name} is not there ({error})") from error
    return (into / "go.mod").read_text("utf-8")


def _environ(go: toolchain.Toolchain, site: Site) -> dict[str, str]:
    """The environment of the build: the user's, with what would change the result set by us."""
    system, _, architecture = site.platform.partition("_")
    environ = {
        **site.environ,
        "GOFLAGS": _FLAGS,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "GOOS": system,
        "GOARCH": architecture,
    }
    # Without network each of a thousand modules would wait for its own time-out: say at once that there is none, and
    # build from Go's own module cache if that has all.
    proxy = _proxy(go, environ)
    if proxy.startswith(("https://", "http://")) and not connection.reachable(proxy):
        environ["GOPROXY"] = "off"
    return environ


def _proxy(go: toolchain.Toolchain, environ: dict[str, str]) -> str:
    """The first module proxy that Go would ask; empty when Go does not say."""
    try:
        answer = subprocess.run(
            [str(go.program), "env", "GOPROXY"], capture_output=True, timeout=_ANSWER_S, env=environ, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode("utf-8", "replace").strip().partition(",")[0].partition("|")[0]
