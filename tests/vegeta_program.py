"""vegeta, an open-loop load generator that nobody here wrote, built from its pinned Go module beside the engines.

Source: https://github.com/tsenart/vegeta; `tests/tools/vegeta/engine/go.sum` pins it and everything under it.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from hoploom.engines import build, lock, record
from hoploom.engines.pins import Pin
from hoploom.engines.progress import Progress
from hoploom.engines.site import here

PIN = Pin("vegeta", "12.12.0", (), "-version", module="github.com/tsenart/vegeta/v12", build_s=30)
_TOOLS = Path(__file__).resolve().parent / "tools"


def program() -> Path:
    """The executable; built at the first call on a machine, and whoever comes meanwhile waits for it.

    Raises:
        hoploom.kit.errors.Unavailable: There is no Go, or the build failed.
    """
    site = replace(here(), modules=lambda: _TOOLS)
    made, folder = site.executable(PIN), site.folder(PIN)
    # A build without a stamp of its release does not say its version, so it is not asked: go.sum has pinned it.
    with lock.held(folder.with_name(f"{folder.name}.lock"), lambda: None):
        if record.doubt(made, PIN.version) is not None:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as into:
                built, go = build.build(PIN, site, Path(into), Progress(print))
                record.install(built, made, PIN.version, go)
    return made
