"""The service that `hoploom new` writes: whole, tested, and with a job that a deploy can roll."""

import re
from pathlib import Path

import pytest

from hoploom.cli.main import main
from job_variables import variables


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "orders"]) == 0
    return tmp_path / "orders"


def test_everything_is_written_with_the_name_of_the_service(folder: Path) -> None:
    assert sorted(each.name for each in folder.iterdir()) == [
        "README.md", "orders.nomad.hcl", "service.py", "test_service.py",
    ]  # fmt: skip
    assert not [each for each in folder.iterdir() if "<<" in each.read_text(encoding="utf-8")]


def test_a_deploy_finds_what_it_gives_values(folder: Path) -> None:
    job = folder / "orders.nomad.hcl"
    found = {each.name: each for each in variables(job)}
    assert {"version", "artifact_url", "artifact_checksum", "count", "driver", "datacenters"} <= found.keys()
    assert all(each.description for each in found.values())
    text = job.read_text(encoding="utf-8")
    assert re.search(r"HOPLOOM_VERSION_TAG\s+= var.version\n", text)
    assert re.search(r"canary\s+= var.count\n", text)
    # Nomad's HTTP interface, by which `run` and `deploy` submit it, reads no files and so refuses these.
    assert not re.search(r"\b(dirname|basename|file|abspath|pathexpand)\(", text)


def test_what_is_there_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "service.py").write_text("mine", encoding="utf-8")
    assert main(["new", "orders"]) == 2
    assert (folder / "service.py").read_text(encoding="utf-8") == "mine"
    assert "exists already" in capsys.readouterr().err


def test_a_name_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "Orders!"]) == 2
    assert not list(tmp_path.iterdir())
