"""Which archives of a folder a machine is offered."""

import hashlib
from pathlib import Path

import pytest

from hoploom.manager.joining.archives import Archive, Folder, named, offered

GOOD = "hoploom-worker-0.1.0-linux-aarch64-cp311.tar.gz"
NAMES = [
    (GOOD, Archive(GOOD, "0.1.0", "aarch64", "3.11", True)),
    ("hoploom-0.2.0.dev1-linux-x86_64-cp313.tar.gz",
     Archive("hoploom-0.2.0.dev1-linux-x86_64-cp313.tar.gz", "0.2.0.dev1", "x86_64", "3.13", False)),
    ("hoploom-worker-0.1.0-linux-armv7l-cp311.tar.gz", None),
    (f"../{GOOD}", None),
    (f"{GOOD}/..", None),
    (f"{GOOD}\n", None),
    (f"{GOOD}.sha256", None),
    ("", None),
]


def put(folder: Path, name: str, content: bytes = b"archive", *, sha256: str = "") -> None:
    (folder / name).write_bytes(content)
    found = sha256 or hashlib.sha256(content).hexdigest()
    (folder / f"{name}.sha256").write_text(f"{found}  {name}\n", encoding="ascii")


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_the_name_says_what_it_is(name: str, expected: Archive | None) -> None:
    assert named(name) == expected


OFFERED = [
    ("the manager's own version", ["1.0-x86_64-311", "2.0-x86_64-311"], "1.0", ["1.0-x86_64-311"]),
    ("where there is none of it, the newest", ["1.9-x86_64-311", "1.10-x86_64-311"], "2.0", ["1.10-x86_64-311"]),
    ("one for each machine and Python", ["1.0-x86_64-312", "1.0-aarch64-311", "1.0-x86_64-311"], "1.0",
     ["1.0-aarch64-311", "1.0-x86_64-311", "1.0-x86_64-312"]),
    ("nothing", [], "1.0", []),
]


def archive(text: str, *, is_worker: bool = True) -> Archive:
    version, arch, python = text.split("-")
    found = named(f"hoploom{'-worker' * is_worker}-{version}-linux-{arch}-cp{python}.tar.gz")
    assert found
    return found


@pytest.mark.parametrize(("there", "version", "expected"), [each[1:] for each in OFFERED],
                         ids=[each[0] for each in OFFERED])
def test_what_is_offered(there: list[str], version: str, expected: list[str]) -> None:
    assert offered(map(archive, there), version) == list(map(archive, expected))


def test_a_workers_own_archive_is_preferred_to_the_whole() -> None:
    both = [archive("1.0-x86_64-311", is_worker=True), archive("1.0-x86_64-311", is_worker=False)]
    assert offered(both, "1.0") == offered(both[::-1], "1.0") == both[:1]


def test_only_whole_archives_with_their_sums_are_in_a_folder(tmp_path: Path) -> None:
    put(tmp_path, GOOD)
    put(tmp_path, GOOD.replace("311", "312"), sha256="0" * 64)
    (tmp_path / GOOD.replace("311", "313")).write_bytes(b"no sum")
    (tmp_path / "hoploom-worker-9-linux-x86_64-cp311.tar.gz").symlink_to("/etc/passwd")
    found = Folder(tmp_path).archives()
    assert [(each.name, each.sha256) for each in found] == [(GOOD, hashlib.sha256(b"archive").hexdigest())]


def test_one_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    put(tmp_path, GOOD)
    first = folder.archives()
    put(tmp_path, GOOD, b"another archive")
    assert [each.sha256 for each in folder.archives()] == [hashlib.sha256(b"another archive").hexdigest()]
    assert first != folder.archives()


@pytest.mark.parametrize("name", ["../secret", "ca.pem", "secret", "hoploom-worker-9-linux-x86_64-cp311.tar.gz"])
def test_no_other_file_is_given_out(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for each in (tmp_path / "secret", folder / "secret", folder / "ca.pem"):
        each.write_text("secret", encoding="ascii")
    (folder / "hoploom-worker-9-linux-x86_64-cp311.tar.gz").symlink_to(tmp_path / "secret")
    assert Folder(folder).file(name) is None


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nowhere")
    assert (folder.archives(), folder.file(GOOD), folder.authority()) == ([], None, "")
