"""One process a folder, and the refusal names it."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.ownership import Ownership

FLAG = "--db-dir"


def test_a_second_owner_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first = Ownership(tmp_path, FLAG)
    with pytest.raises(ConfigError, match=rf"process {os.getpid()} already owns .* --db-dir"):
        Ownership(tmp_path, FLAG)
    first.release()


def test_a_released_folder_is_free(tmp_path: Path) -> None:
    Ownership(tmp_path, FLAG).release()
    Ownership(tmp_path, FLAG).release()


def test_a_successor_may_wait_for_its_predecessor(tmp_path: Path) -> None:
    first = Ownership(tmp_path, FLAG)
    threading.Timer(0.05, first.release).start()
    Ownership(tmp_path, FLAG, wait_s=20).release()


def test_a_full_disk_keeps_nobody_from_what_is_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    owner = Ownership(tmp_path, FLAG)
    with pytest.raises(ConfigError, match="process unknown already owns"):
        Ownership(tmp_path, FLAG)
    owner.release()


TAKE_AND_DIE = """
import os, pathlib, sys
from hoploom.kit.ownership import Ownership
Ownership(pathlib.Path(sys.argv[1]), "--db-dir")
os._exit(9)
"""


def test_a_dead_owner_owns_nothing(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", TAKE_AND_DIE, str(tmp_path)], check=False)
    assert died.returncode == 9
    Ownership(tmp_path, FLAG).release()


def test_a_folder_that_cannot_be_made_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="--db-dir"):
        Ownership(tmp_path / "file" / "below", FLAG)
