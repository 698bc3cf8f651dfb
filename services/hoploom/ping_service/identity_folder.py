"""Where a worker that joined keeps its private key and what the mesh said of it: two files that only it can read.

The key is made before the first word to a manager, and synced: the answer to an enrolment may be lost, and only who
has the same key is given it again.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import Enrolled
from hoploom.wire.fields import PRINTABLE, VERSION, Fields

KEY, ENROLMENT = "key", "enrolment.json"
_PRIVATE = 0o600
_LONGEST_URL = 400


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What a worker knows of the mesh that it joined.

    Attributes:
        mesh_url: Where it joined, without a slash at the end.
        answer: The newest answer of a manager.
    """

    mesh_url: str
    answer: Enrolled


class IdentityFolder:
    """The folder. Everything here blocks for a moment, once every few hours."""

    def __init__(self, path: Path) -> None:
        """Know where it is; nothing is touched yet."""
        self.path = path

    @classmethod
    def at(cls, path: str = "", environ: Mapping[str, str] = os.environ) -> "IdentityFolder":
        """The folder that is named, else that of this account: `$XDG_STATE_HOME/hoploom/worker`.

        Raises:
            ConfigError: None is named, and this account has no home folder.
        """
        if path:
            return cls(Path(path).expanduser())
        try:
            state = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        except RuntimeError as error:
            raise ConfigError("this account has no home folder: name a folder with --identity-dir") from error
        return cls(state / "hoploom" / "worker")

    def key(self) -> Signer:
        """The private key; it is made where there is none.

        Raises:
            ConfigError: The folder cannot be used, or the file holds no key.
        """
        return self.known_key() or self._made_key()

    def known_key(self) -> Signer | None:
        """The private key, or None where there is none; raises as `key`."""
        path = self.path / KEY
        try:
            return Signer.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"cannot read this worker's key {path}: {error.strerror}") from error
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}; remove it, and join again with a new token") from error

    def read(self) -> Enrolment | None:
        """What was kept of the enrolment, or None where this worker has not joined.

        Raises:
            ConfigError: It is damaged, or cannot be read.
        """
        path = self.path / ENROLMENT
        try:
            known = Fields(json.loads(path.read_text(encoding="utf-8")), "an enrolment")
            url = known.text("mesh_url", PRINTABLE, longest=_LONGEST_URL)
            return Enrolment(mesh_url=url, answer=Enrolled.from_json(known.object("answer")))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"cannot read this worker's enrolment {path}: {error.strerror}") from error
        except (BadRequest, ValueError) as error:
            raise ConfigError(f"{path} is damaged: join again with a new token") from error

    def write(self, enrolment: Enrolment) -> None:
        """Keep an enrolment, whole or not at all; raises ConfigError where the folder cannot be used."""
        document = {"v": VERSION, "mesh_url": enrolment.mesh_url, "answer": enrolment.answer.to_json()}
        self._put(ENROLMENT, json.dumps(document).encode() + b"\n")

    def forget(self) -> None:
        """Remove both files; nothing happens where there are none."""
        for name in (ENROLMENT, KEY):
            (self.path / name).unlink(missing_ok=True)

    def take(self, signer: Signer) -> None:
        """Keep this key instead of the one that is there; raises ConfigError where the folder cannot be used."""
        self._put(KEY, signer.to_bytes())

    def _made_key(self) -> Signer:
        signer = Signer.new()
        self.take(signer)
        return signer

    def _put(self, name: str, content: bytes) -> None:
        scratch = self.path / f".{name}.{os.getpid()}"
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            scratch.replace(self.path / name)
            self._sync()
        except OSError as error:
            raise ConfigError(f"cannot keep this worker's identity in {self.path}: {error.strerror}") from error

    def _sync(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
