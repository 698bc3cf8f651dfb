"""Where a local mesh keeps its state: one folder a mesh, under the XDG state folder, readable by its owner alone."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoploom.kit.errors import ConfigError

DEFAULT_MESH = "demo"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Places:
    """The folders and files of one mesh."""

    mesh: str
    root: Path

    @classmethod
    def of(cls, mesh: str, environ: Mapping[str, str] = os.environ) -> "Places":
        """The places of a mesh: `$HOPLOOM_STATE/NAME`, else `$XDG_STATE_HOME/hoploom/NAME`.

        Raises:
            ConfigError: The name is not lower-case letters, digits and dashes.
        """
        if not _NAME.fullmatch(mesh):
            raise ConfigError(f"a mesh is named by lower-case letters, digits and dashes, not {mesh!r}")
        xdg = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hoploom"
        return cls(mesh, Path(environ.get("HOPLOOM_STATE") or xdg).expanduser().absolute() / mesh)

    @property
    def tokens(self) -> Path:
        """Folder of the token files."""
        return self.root / "tokens"

    @property
    def logs(self) -> Path:
        """Folder of the engines' logs."""
        return self.root / "logs"

    @property
    def data(self) -> Path:
        """Folder of the result databases and the workers' spools."""
        return self.root / "data"

    @property
    def data_set(self) -> Path:
        """Folder of the mesh's data set, into which the results of all outputs are merged."""
        return self.root / "data-set"

    @property
    def worker_archives(self) -> Path:
        """Folder of the archives that workers elsewhere are installed from; `hoploom build` makes them."""
        return self.root / "worker-archives"

    @property
    def record(self) -> Path:
        """The file that says which ports and processes belong to this mesh."""
        return self.root / "mesh.json"

    def make(self) -> None:
        """Create the folders, closed to other users.

        Raises:
            ConfigError: The folder cannot be made.
        """
        try:
            for folder in (self.root, self.tokens, self.logs, self.data, self.worker_archives):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(f"cannot keep state in {self.root}: {error.strerror} (set HOPLOOM_STATE)") from error

    def read(self) -> dict[str, Any]:
        """What the record says; empty where there is none, or where a crash left it torn."""
        try:
            found = json.loads(self.record.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, content: Mapping[str, Any]) -> None:
        """Replace the record in one step."""
        write_private(self.record, json.dumps(content, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
