"""`archive.making`: the archive of a checkout, with wheels of a few bytes."""

import sys
import tarfile
from pathlib import Path

import pytest

from hoploom.archive import making, wheels
from hoploom.kit.errors import ConfigError
from unit.archive.made_wheels import wheel


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "fetch", lambda *_: [wheel(tmp_path, "one"), wheel(tmp_path, "two")])


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (making.Wanted(version="0.1.0"), "hoploom-0.1.0-linux-x86_64-cp311.tar.gz"),
        (making.Wanted("aarch64", "3.13", "worker", "0.2.0"), "hoploom-worker-0.2.0-linux-aarch64-cp313.tar.gz"),
    ],
)
def test_an_archive_is_named_by_what_it_is(wanted: making.Wanted, name: str) -> None:
    assert wanted.name == name


def test_two_made_in_different_folders_are_equal_to_the_byte(tmp_path: Path) -> None:
    one = making.make(making.Wanted(), tmp_path / "one")
    other = making.make(making.Wanted(), tmp_path / "deep" / "other")
    assert one.path.read_bytes() == other.path.read_bytes()
    assert one.sha256 == other.sha256
    assert one.size_bytes == one.path.stat().st_size


def test_it_has_packages_our_own_templates_jobs_and_launchers_and_nothing_of_ansible(tmp_path: Path) -> None:
    made = making.make(making.Wanted(version="0.1.1.dev1"), tmp_path / "out")
    with tarfile.open(made.path) as tar:
        names = set(tar.getnames())
        launcher = tar.extractfile("bin/python")
        version = tar.extractfile("lib/hoploom/__init__.py")
        assert launcher and version
        assert b"python3.11" in launcher.read()
        assert b'\n__version__ = "0.1.1.dev1"\n' in version.read()
    assert {
        "bin/hoploom", "lib/one/__init__.py", "lib/hoploom/cli/main.py", "lib/hoploom/manager/static/live.js",
        "lib/hoploom/_deploy/consul/policies/input.hcl", "lib/hoploom/_deploy/nomad/ping.nomad.hcl",
        "lib/hoploom/_deploy/fabio/fabio.properties.j2",
    } <= names  # fmt: skip
    assert not [name for name in names if "ansible" in name or "__pycache__" in name or "/tests/" in name]


@pytest.mark.parametrize("version", ["", "1.0/../..", "v1", "1.0 beta"])
def test_a_version_that_is_none_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="no version"):
        making.make(making.Wanted(version=version), tmp_path)


def test_an_installed_package_says_that_a_checkout_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "deploy_root", lambda: tmp_path)
    with pytest.raises(ConfigError, match="from a checkout"):
        making.make(making.Wanted(), tmp_path / "out")


def test_a_worker_has_all_but_the_query_engine() -> None:
    whole = {each.name for each in making.locked(making.Wanted())}
    assert whole - {each.name for each in making.locked(making.Wanted(part="worker"))} == {"duckdb"}


def test_every_python_that_can_be_asked_for_runs_hoploom() -> None:
    assert f"3.{sys.version_info[1]}" in making.PYTHONS
