"""The boot count on the disk: higher at every start, synced before it is used, whole or not at all."""

import os
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.boot_count import FILE, BootCount


def test_it_is_higher_at_every_start(tmp_path: Path) -> None:
    assert [BootCount(tmp_path).next() for _ in range(3)] == [1, 2, 3]
    assert BootCount(tmp_path).next(highest=57) == 58
    BootCount(tmp_path).keep(90)
    assert BootCount(tmp_path).next() == 91


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-5", b"seven", b"9" * 400])
def test_a_damaged_one_begins_again_and_the_mesh_corrects_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert BootCount(tmp_path).next() == 1


def test_file_and_folder_are_synced_before_anything_is_said_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, fsync = [], os.fsync

    def noted(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").resolve(), (tmp_path / FILE).exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    BootCount(tmp_path).next()
    assert [(path.is_dir(), is_there) for path, is_there in synced] == [(False, False), (True, True)]
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_one_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="boot count"):
        BootCount(tmp_path / "gone").next()
