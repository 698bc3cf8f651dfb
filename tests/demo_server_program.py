"""Fabio's own demo server, a service that nobody here wrote: it registers itself with tags for a Fabio, and answers.

Source: https://github.com/fabiolb/fabio, demo/server; built beside the engines from the module that pins Fabio.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from hoploom.engines import build, lock, record
from hoploom.engines.pins import Pin
from hoploom.engines.progress import Progress
from hoploom.engines.site import here

_FABIO = here().pins["fabio"]
PIN = Pin("fabio-demo", _FABIO.version, (), "-h", module=f"{_FABIO.module}/demo/server", build_s=20)


def program() -> Path:
    """The executable; built at the first call on a machine, and whoever comes meanwhile waits for it.

    Raises:
        hoploom.kit.errors.Unavailable: There is no Go, or the build failed.
    """
    site = here()
    made, folder = site.executable(PIN), site.folder(PIN)
    # It knows no version of its own, so it is not asked: go.sum has pinned it.
    with lock.held(folder.with_name(f"{folder.name}.lock"), lambda: None):
        if record.doubt(made, PIN.version) is not None:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as into:
                modules, half = Path(into) / "modules", Path(into) / "built"
                (modules / PIN.name).mkdir(parents=True)
                (modules / PIN.name / "engine").symlink_to(site.modules() / "fabio" / "engine")
                half.mkdir()
                built, go = build.build(PIN, replace(site, modules=lambda: modules), half, Progress(print))
                record.install(built, made, PIN.version, go)
    return made
