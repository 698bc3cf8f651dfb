"""The spool's folder: what is written is read again, and whatever else lies there does no harm."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable
from hoploom.ping_service.segment import Damaged, Name, TooNew, sealed
from hoploom.ping_service.spool import Spool, is_over

MAX_BYTES = 2**20


def name(place: int) -> Name:
    return Name(place, f"{place:08x}-0000-4000-8000-000000000000")


def opened(folder: Path) -> Spool:
    found = Spool(folder, MAX_BYTES)
    found.open(0.0)
    return found


def restarted(found: Spool, now_s: float = 0.0) -> list[Name]:
    """What the next run finds in the folder."""
    found.close()
    return [each.name for each in found.open(now_s)]


def test_what_is_written_is_there_in_order_for_this_run_and_the_next(tmp_path: Path) -> None:
    found = opened(tmp_path / "made" / "here")
    bodies = {name(place): b"body %d" % place for place in (0, 1, 10)}
    found.write(bodies)
    assert {each: found.read(each) for each in bodies} == bodies
    assert restarted(found) == list(bodies) and found.next_place == 11
    found.remove(name(1))
    found.remove(name(1))
    assert restarted(found) == [name(0), name(10)]


def test_the_same_may_be_written_again(tmp_path: Path) -> None:
    found = opened(tmp_path)
    found.write({name(0): b"body"})
    found.write({name(0): b"body", name(1): b"another"})
    assert restarted(found) == [name(0), name(1)]


def test_the_age_of_what_was_left_is_known_but_never_negative(tmp_path: Path) -> None:
    found = opened(tmp_path)
    found.write({name(0): b"body"})
    written_s = (tmp_path / str(name(0))).stat().st_mtime
    found.close()
    assert found.open(written_s + 3600)[0].age_s == pytest.approx(3600)
    found.close()
    assert found.open(0.0)[0].age_s == 0.0


def test_half_written_files_are_swept_and_those_of_others_are_left_alone(tmp_path: Path) -> None:
    found = opened(tmp_path)
    found.write({name(0): b"body"})
    (tmp_path / f"{name(1)}.part").write_bytes(b"half")
    strange = ["notes.txt", "core", "x.part", ".hidden", f"{name(2)}.bak"]
    for each in strange:
        (tmp_path / each).write_bytes(b"mine")
    (tmp_path / str(name(3))).mkdir()
    (tmp_path / str(name(4))).symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / str(name(5)))
    assert restarted(found) == [name(0)]
    assert not (tmp_path / f"{name(1)}.part").exists()
    assert all((tmp_path / each).read_bytes() == b"mine" for each in strange)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), Damaged),
        (lambda path: path.write_bytes(b""), Damaged),
        (lambda path: path.unlink(), Damaged),
        (lambda path: path.write_bytes(sealed(name(9).batch, b"body")), Damaged),
        (lambda path: path.write_bytes(b"\xff" * 500), Damaged),
    ],
    ids=["torn", "empty", "removed", "another's", "no segment"],
)
def test_what_is_damaged_is_found_when_it_is_read_and_may_be_set_aside(
    spoil: Callable[[Path], object], error: type[Exception], tmp_path: Path
) -> None:
    found = opened(tmp_path)
    found.write({name(0): b"body", name(1): b"good"})
    spoil(tmp_path / str(name(0)))
    with pytest.raises(error):
        found.read(name(0))
    found.set_aside(name(0), "it is damaged")
    assert restarted(found) == [name(1)] and found.read(name(1)) == b"good"


def test_places_go_on_behind_those_in_quarantine(tmp_path: Path) -> None:
    found = opened(tmp_path)
    found.write({name(41): b"body"})
    found.set_aside(name(41), "refused")
    assert restarted(found) == [] and found.next_place == 42


def test_a_segment_of_a_later_version_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = opened(tmp_path)
    with monkeypatch.context() as later:
        later.setattr("hoploom.ping_service.segment.VERSION", 3)
        found.write({name(0): b"body"})
    with pytest.raises(TooNew):
        found.read(name(0))
    assert restarted(found) == [name(0)]


def test_a_second_process_is_refused_in_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    found = opened(tmp_path)
    with pytest.raises(ConfigError, match=rf"process {os.getpid()} already owns {tmp_path}; .* --spool-dir"):
        opened(tmp_path)
    found.close()
    opened(tmp_path).close()


def test_a_folder_that_cannot_be_used_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "quarantine").touch()
    with pytest.raises(ConfigError, match="--spool-dir"):
        opened(tmp_path)
    (tmp_path / "quarantine").unlink()
    opened(tmp_path).close()


@pytest.mark.parametrize("call", ["fsync", "write", "open"])
@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, OutOfSpace), (errno.EDQUOT, OutOfSpace), (errno.EIO, Unavailable)]
)
def test_a_disk_that_takes_nothing_is_said_to_and_nothing_half_written_stays(
    call: str, number: int, error: type[Unavailable], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    found = opened(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, call, refuse)
        with pytest.raises(Unavailable) as written:
            found.write({name(0): b"body"})
        with pytest.raises(Unavailable) as tried:
            found.try_out()
    for caught in (written.value, tried.value):
        assert type(caught) is error and os.strerror(number) in str(caught)
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("*.segment"))
    found.try_out()
    found.write({name(0): b"body"})
    assert restarted(found) == [name(0)]


def test_content_is_synced_before_the_name_is_there_and_the_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, seen = opened(tmp_path), list[str]()
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        seen.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).suffix or 'folder'}")
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        seen.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    found.write({name(0): b"one", name(1): b"two"})
    assert seen == ["sync .part", "sync .part", "rename", "rename", "sync folder"]


@pytest.mark.parametrize(
    ("size", "free", "was_over", "expected"),
    [
        (0, 10**9, False, False),
        (99, 10**9, False, False),
        (100, 10**9, False, True),
        (88, 10**9, True, True),
        (87, 10**9, True, False),
        (48, 50, False, False),
        (50, 50, False, True),
        (0, 0, False, True),
        (0, 2, True, False),
    ],
)
def test_the_limit_is_what_was_set_and_half_of_the_space_there_would_be(
    size: int, free: int, was_over: bool, expected: bool
) -> None:
    assert is_over(size, 100, free, was_over=was_over) is expected
