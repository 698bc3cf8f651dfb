"""The module that installs a release, on folders: nothing of a wrong archive is unpacked, nothing in use is removed."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hoploom.archive import tarball
from hoploom.archive.tarball import Member

MODULE = Path(__file__).resolve().parents[3] / "ansible" / "library" / "hoploom_release.py"
WELL, ILL = b"#!/bin/sh\nexit 0\n", b"#!/bin/sh\necho 'needs more' >&2\nexit 2\n"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hoploom_release", MODULE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(folder: Path, version: str, program: bytes = WELL) -> tuple[str, str]:
    """An archive whose programs do nothing, and its sum."""
    members = [Member(path, lambda: program, is_program=True) for path in ("bin/hoploom", "bin/python")]
    path = folder / f"{version}.tar.gz"
    return str(path), tarball.write([*members, Member("lib/a.py", version.encode)], path)


def bring(release: ModuleType, tmp_path: Path, version: str, program: bytes = WELL) -> None:
    path, sha256 = archive(tmp_path, version, program)
    release.bring(tmp_path / "root", version, sha256, path)


def test_a_release_is_unpacked_noted_and_named_and_its_archive_goes(release: ModuleType, tmp_path: Path) -> None:
    path, sha256 = archive(tmp_path, "1.0")
    release.bring(tmp_path / "root", "1.0", sha256, path)
    root = tmp_path / "root"
    assert (root / "current" / "lib" / "a.py").read_text() == "1.0"
    assert (os.readlink(root / "current"), os.readlink(root / "bin")) == ("releases/1.0", "current/bin")
    assert release.installed(root / "releases" / "1.0") == sha256
    assert release.current(root) == "1.0"
    assert not Path(path).exists()


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content[:-9] + b"!" + content[-8:]])
def test_of_a_changed_archive_nothing_is_unpacked(release: ModuleType, tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    path, sha256 = archive(tmp_path, "1.0")
    content = change(Path(path).read_bytes())
    Path(path).write_bytes(content)
    with pytest.raises(release.Refused, match=hashlib.sha256(content).hexdigest()):
        release.bring(tmp_path / "root", "1.0", sha256, path)
    assert not (tmp_path / "root").exists()


def test_a_release_that_does_not_run_here_leaves_the_one_before(release: ModuleType, tmp_path: Path) -> None:
    bring(release, tmp_path, "1.0")
    with pytest.raises(release.Refused, match="it does not run on this host: needs more"):
        bring(release, tmp_path, "1.1", ILL)
    assert release.current(tmp_path / "root") == "1.0"
    assert os.listdir(tmp_path / "root" / "releases") == ["1.0"]


def test_the_release_before_stays_and_those_before_it_go(release: ModuleType, tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        bring(release, tmp_path, version)
    assert sorted(os.listdir(tmp_path / "root" / "releases")) == ["1.1", "1.2"]


def test_going_back_needs_no_archive(release: ModuleType, tmp_path: Path) -> None:
    bring(release, tmp_path, "1.0")
    bring(release, tmp_path, "1.1")
    release.bring(tmp_path / "root", "1.0", "", None)
    assert release.current(tmp_path / "root") == "1.0"
    assert sorted(os.listdir(tmp_path / "root" / "releases")) == ["1.0", "1.1"]


def test_a_release_that_a_process_runs_from_stays(release: ModuleType, tmp_path: Path) -> None:
    bring(release, tmp_path, "1.0")
    script = tmp_path / "root" / "releases" / "1.0" / "lib" / "wait.py"
    script.write_text("import sys\nsys.stdin.read()\n")
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE) as process:
        bring(release, tmp_path, "1.1")
        bring(release, tmp_path, "1.2")
        assert sorted(os.listdir(tmp_path / "root" / "releases")) == ["1.0", "1.1", "1.2"]
        process.communicate(b"")
    bring(release, tmp_path, "1.3")
    assert sorted(os.listdir(tmp_path / "root" / "releases")) == ["1.2", "1.3"]


def test_what_an_installation_left_that_broke_off_goes_too(release: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "root" / "releases" / ".new-x").mkdir(parents=True)
    bring(release, tmp_path, "1.0")
    assert os.listdir(tmp_path / "root" / "releases") == ["1.0"]
