"""`archive.tarball`: the same files make the same bytes."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from hoploom.archive import tarball
from hoploom.archive.tarball import Member

FILES = [Member("lib/a/b.py", lambda: b"b = 1\n"), Member("bin/run", lambda: b"#!/bin/sh\n", is_program=True)]


def test_order_umask_and_name_of_the_folder_change_no_byte(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    first = tarball.write(FILES, tmp_path / "one" / "x.tar.gz")
    before = os.umask(0o077)
    try:
        second = tarball.write(FILES[::-1], tmp_path / "other" / "y.tar.gz")
    finally:
        os.umask(before)
    assert first == second == hashlib.sha256((tmp_path / "one" / "x.tar.gz").read_bytes()).hexdigest()


def test_files_belong_to_root_and_only_programs_are_executable(tmp_path: Path) -> None:
    tarball.write(FILES, tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        found = [(each.name, each.mode, each.uid, each.mtime, each.isdir()) for each in tar]
    time = tarball.MTIME_S
    assert found == [
        ("bin", 0o755, 0, time, True),
        ("lib", 0o755, 0, time, True),
        ("lib/a", 0o755, 0, time, True),
        ("bin/run", 0o755, 0, time, False),
        ("lib/a/b.py", 0o644, 0, time, False),
    ]


def test_the_sum_beside_it_is_what_sha256sum_checks(tmp_path: Path) -> None:
    tarball.write(FILES, tmp_path / "x.tar.gz")
    check = ["sha256sum", "-c", "--strict", "x.tar.gz.sha256"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "x.tar.gz: OK\n"


def test_two_files_at_one_path_make_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are called lib/a/b"):
        tarball.write([*FILES, FILES[0]], tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> bytes:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        tarball.write([*FILES, Member("z", broken)], tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []
