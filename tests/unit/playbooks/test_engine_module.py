"""An engine from its archive: whole or not at all, and never from another one than was meant."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from playbook_plugins import load

MODULE = load("library/engine.py")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "consul.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("consul", "#!/bin/sh\n")
        packed.writestr("LICENSE.txt", "text")
    return path


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_program_of_a_zip_is_installed_and_known_again(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "engines" / "consul-1"
    MODULE.install(archive.as_uri(), sum_of(archive), "consul", folder)
    assert (folder / "consul").stat().st_mode & 0o777 == 0o755
    assert MODULE.installed(folder, "consul", sum_of(archive))
    assert not MODULE.installed(folder, "consul", "0" * 64), "another archive of the same version is another one"
    assert sorted(path.name for path in folder.iterdir()) == ["archive.sha256", "consul"]


def test_a_program_that_is_not_packed_is_installed_too(tmp_path: Path) -> None:
    plain = tmp_path / "fabio-1.7.2-linux_amd64"
    plain.write_bytes(b"\x7fELF")
    MODULE.install(plain.as_uri(), sum_of(plain), "fabio", tmp_path / "fabio-1.7.2")
    assert (tmp_path / "fabio-1.7.2" / "fabio").read_bytes() == b"\x7fELF"


@pytest.mark.parametrize(("name", "sha256", "said"), [
    ("consul", "0" * 64, "it was changed, or the sum is of another file"),
    ("nomad", "", "there is no nomad in the archive"),
])
def test_a_wrong_archive_leaves_nothing(archive: Path, tmp_path: Path, name: str, sha256: str, said: str) -> None:
    folder = tmp_path / "engines" / "new"
    with pytest.raises(MODULE.Refused, match=said):
        MODULE.install(archive.as_uri(), sha256 or sum_of(archive), name, folder)
    assert list((tmp_path / "engines").iterdir()) == []


def test_an_archive_that_is_not_there_is_said_with_its_address(tmp_path: Path) -> None:
    url = (tmp_path / "nothing.zip").as_uri()
    with pytest.raises(MODULE.Refused, match=r"nothing\.zip cannot be fetched"):
        MODULE.install(url, "0" * 64, "consul", tmp_path / "engines" / "consul")


def test_the_link_is_replaced_in_one_step(tmp_path: Path) -> None:
    link = tmp_path / "bin" / "consul"
    for version in ("1", "2"):
        MODULE.relink(link, tmp_path / version)
        assert link.readlink() == tmp_path / version
    assert [path.name for path in link.parent.iterdir()] == ["consul"]


def test_an_archive_waits_in_the_cache_until_it_is_installed(archive: Path, tmp_path: Path) -> None:
    program = tmp_path / "engines" / "consul-1" / "consul"
    given = {"name": "consul", "url": archive.as_uri(), "sha256": sum_of(archive), "link": str(tmp_path / "consul"),
             "cache": str(tmp_path / "cache")}
    MODULE.bring({**given, "fetch_only": True}, program, is_there=False, is_linked=False)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["consul-1.archive"]
    assert not program.parent.parent.exists() and not (tmp_path / "consul").is_symlink()
    archive.unlink()
    MODULE.bring({**given, "fetch_only": False}, program, is_there=False, is_linked=False)
    assert program.exists() and (tmp_path / "consul").readlink() == program
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wrong_archive_does_not_get_into_the_cache(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(MODULE.Refused, match="it was changed"):
        MODULE.stage(archive.as_uri(), "0" * 64, tmp_path / "cache" / "consul-1.archive")
    assert list((tmp_path / "cache").iterdir()) == []
