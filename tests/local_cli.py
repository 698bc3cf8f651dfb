"""Runs the real `hoploom` command as a person would, on a mesh of the test's own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOPLOOM = Path(sys.executable).with_name("hoploom")


@dataclass(frozen=True)
class Cli:
    """The command, with its state in a folder of the test."""

    state: Path
    mesh: str = "test"

    @property
    def root(self) -> Path:
        """State folder of the mesh."""
        return self.state / self.mesh

    @property
    def environ(self) -> dict[str, str]:
        """Environment of the command."""
        return {**os.environ, "HOPLOOM_STATE": str(self.state), "HOPLOOM_MESH": self.mesh}

    def run(self, *words: str, timeout_s: float = 180.0) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end."""
        return subprocess.run(
            [str(HOPLOOM), *words], env=self.environ, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def good(self, *words: str, timeout_s: float = 180.0) -> str:
        """Run one command that has to succeed; its standard output."""
        ran = self.run(*words, timeout_s=timeout_s)
        assert ran.returncode == 0, f"{words}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def status(self) -> dict[str, Any]:
        """The mesh as `status --json` tells it."""
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found

    def token(self, name: str) -> str:
        """A token of the mesh."""
        return (self.root / "tokens" / name).read_text(encoding="utf-8").strip()

    def port(self, name: str) -> int:
        """A port of the mesh."""
        return int(json.loads((self.root / "mesh.json").read_text(encoding="utf-8"))["ports"][name])

    def pid(self, name: str) -> int:
        """Process id of an engine."""
        return int(json.loads((self.root / "mesh.json").read_text(encoding="utf-8"))["processes"][name]["pid"])

    @property
    def fabio(self) -> str:
        """Address of the mesh's Fabio."""
        return f"http://127.0.0.1:{self.port('fabio_proxy')}"
