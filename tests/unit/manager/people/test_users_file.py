"""The file of users: no write of several processes is lost, a killed one leaves old or new, networks are refused."""

import fcntl
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.manager.people import users_file
from hoploom.manager.people.users_file import NETWORKS, UsersFile, magic
from unit.manager.people.records import ANNA, BERT
from user_writers import writer

WRITES, KILLS = 100, 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


def test_no_write_of_two_processes_is_lost(path: Path) -> None:
    file = UsersFile(path)
    file.change("anna", lambda _: ANNA)
    file.change("bert", lambda _: BERT)
    writing = [writer(path, name, WRITES) for name in ("anna", "bert", "anna")]
    assert [len(each.communicate()[0].split()) for each in writing] == [WRITES] * 3
    found = file.read()
    assert found["anna"].changed - ANNA.changed == 2 * WRITES and found["bert"].changed == WRITES


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(path: Path) -> None:
    file = UsersFile(path)
    file.change("anna", lambda _: ANNA)
    said, told = ANNA.changed, 0
    for lines in range(1, KILLS + 1):
        process = writer(path, "anna", 0)
        assert process.stdout
        for _ in range(lines):
            said = int(process.stdout.readline())
        process.kill()
        # What it had said before it died.
        rest = process.stdout.read().split("\n")[:-1]
        process.wait()
        process.stdout.close()
        said = int(rest[-1]) if rest else said
        told += lines + len(rest)
        found = file.read()["anna"].changed
        assert found in (said, said + 1), "what was said to be on disk is there, and at most one write more"
    assert told >= KILLS


@pytest.mark.parametrize("kept", ["written half", "named, with another content"])
def test_what_a_killed_writer_left_beside_the_file_is_overwritten(path: Path, kept: str) -> None:
    path.with_name("users.json.new").write_text(kept, encoding="utf-8")
    UsersFile(path).change("anna", lambda _: ANNA)
    assert UsersFile(path).read() == {"anna": ANNA}
    assert sorted(each.name for each in path.parent.iterdir()) == ["users.json", "users.json.lock"]


def test_file_and_name_are_on_disk_before_a_change_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    UsersFile(path).change("anna", lambda _: ANNA)
    assert done == ["file", "name", "folder"]


def test_nobody_else_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        UsersFile(path).change("anna", lambda _: ANNA)
    finally:
        os.umask(before)
    assert {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {
        "users.json": 0o600, "users.json.lock": 0o600
    }  # fmt: skip
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        UsersFile(path)


@pytest.mark.parametrize(("number", "network"), NETWORKS.items())
def test_a_network_is_refused(path: Path, number: int, network: str) -> None:
    with pytest.raises(ConfigError, match=f"is on {network}, where locks do not hold"):
        UsersFile(path, lambda _: number)


def test_the_kernel_tells_what_a_folder_is_on(tmp_path: Path) -> None:
    told = subprocess.run(["stat", "-f", "-c", "%t", str(tmp_path)], check=True, capture_output=True, text=True)
    assert magic(tmp_path) == int(told.stdout, 16)
    assert magic(Path("/proc")) == 0x9FA0
    with pytest.raises(ConfigError, match="cannot tell"):
        magic(tmp_path / "nowhere")


def test_a_file_without_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no folder"):
        UsersFile(tmp_path / "nowhere" / "users.json")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"v":1}', '{"v":2,"users":[]}', '{"v":1,"users":[{"name":"A"}]}'])
def test_a_damaged_file_is_never_an_empty_one(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    file = UsersFile(path)
    with pytest.raises(Unavailable, match="is damaged"):
        file.read()
    with pytest.raises(Unavailable, match="is damaged"):
        file.change("anna", lambda _: ANNA)
    assert path.read_text(encoding="utf-8") == content


def test_a_process_that_keeps_the_lock_is_not_waited_for_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_file, "LOCK_WAIT_S", 0.02)
    file = UsersFile(path)
    file.change("anna", lambda _: ANNA)
    with path.with_name("users.json.lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert file.read() == {"anna": ANNA}, "readers do not keep each other out"
        with pytest.raises(Unavailable, match=r"keeps .* locked"):
            file.change("anna", lambda _: None)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match=r"keeps .* locked"):
            file.read()


def test_a_link_is_followed_once_and_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    UsersFile(link).change("anna", lambda _: ANNA)
    assert link.is_symlink() and json.loads(path.read_text(encoding="utf-8"))["users"][0]["name"] == "anna"


def test_a_file_that_cannot_be_written_is_said(path: Path) -> None:
    file = UsersFile(path)
    path.with_name("users.json.new").mkdir()
    with pytest.raises(Unavailable, match="cannot be written"):
        file.change("anna", lambda _: ANNA)
    assert file.read() == {}


def test_another_file_has_another_stamp(path: Path) -> None:
    file = UsersFile(path)
    assert file.stamp() == ()
    file.change("anna", lambda _: ANNA)
    assert file.stamp() is None, "one that is so young may change again without another stamp"
    os.utime(path, (1, 1))
    first = file.stamp()
    os.utime(path, (2, 2))
    assert first and file.stamp() and first != file.stamp()
