"""What a lab whose run was killed leaves: its folder and its control groups, named by the process id of the run.

Everything else of it lived in namespaces that ended with the run.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

from lab.hosts import cgroups

PREFIX = "hoploom-lab-"
_NAME = re.compile(rf"{PREFIX}(\d+)-")


def new_folder() -> Path:
    """A folder for the lab of this process."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def found() -> list[Path]:
    """Folders and control groups of labs whose process is gone."""
    seen = [*Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), *cgroups.leftovers(f"{PREFIX}*")]
    return [path for path in seen if _is_dead(path)]


def remove() -> None:
    """Remove what dead labs left."""
    for path in found():
        if path.is_relative_to(cgroups.ROOT):
            cgroups.remove(path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _is_dead(path: Path) -> bool:
    name = _NAME.match(path.name)
    return name is not None and not Path("/proc", name[1]).exists()
