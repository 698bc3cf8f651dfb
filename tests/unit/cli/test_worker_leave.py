"""`hoploom worker leave --purge`: in which order, and what becomes of it while the mesh is silent."""

from pathlib import Path

import pytest

from hoploom.cli import main
from hoploom.cli.workers import own, purging
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from unit.ping_service.managers import ANSWER

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def remove() -> list[str]:
        found.append("removed")
        return []

    monkeypatch.setattr(purging, "require_root", lambda: None)
    monkeypatch.setattr(purging, "stop", lambda: found.append("stopped"))
    monkeypatch.setattr(purging, "remove", remove)
    monkeypatch.setattr(own, "PATIENCE_S", 0.01)
    return found


def left(folder: Path) -> int:
    return main.main(("worker", "leave", "--purge", "--identity-dir", str(folder)))


def test_one_that_never_joined_is_removed(steps: list[str], tmp_path: Path) -> None:
    assert left(tmp_path) == 0
    assert steps == ["stopped", "removed"]


def test_a_mesh_that_is_silent_holds_nothing_up_and_is_named(
    steps: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    IdentityFolder(tmp_path).key()
    IdentityFolder(tmp_path).write(Enrolment(mesh_url=NOBODY, answer=ANSWER))
    assert left(tmp_path) == 1
    assert steps == ["stopped", "removed"]
    assert "hoploom worker rm pi" in " ".join(capsys.readouterr().out.split())


def test_what_could_not_be_removed_is_named(
    steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(purging, "remove", lambda: ["/opt/hoploom-worker"])
    assert left(tmp_path) == 1
    assert "/opt/hoploom-worker" in capsys.readouterr().out and steps == ["stopped"]


def test_without_root_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert left(tmp_path) == 2
    said = capsys.readouterr()
    assert said.out == "" and "sudo hoploom worker leave --purge" in said.err and len(said.err.splitlines()) == 1
