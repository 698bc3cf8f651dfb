"""`hoploom run` and `hoploom logs` where there is nothing to run on, or nothing to read."""

from pathlib import Path

import pytest

from hoploom.cli.main import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.nomad.hcl").write_text('variable "version" {}\n', encoding="utf-8")
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch.nomad.hcl"], "nosuch.nomad.hcl cannot be read: No such file or directory"),
        (["."], "cannot be read"),
        (["orders.nomad.hcl"], "no mesh 'demo' is running (start it with `hoploom up`)"),
        (["orders.nomad.hcl", "--var", "version"], "--var takes NAME=VALUE, not 'version'"),
        (["orders.nomad.hcl", "--var", "a b=1"], "--var takes NAME=VALUE"),
    ],
)
def test_what_cannot_be_run_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_log_that_is_not_there_is_said_with_those_that_are(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = state / "demo" / "nomad-client" / "alloc" / "1050a651" / "alloc" / "logs"
    folder.mkdir(parents=True)
    (folder / "orders.stderr.0").write_text('{"at": "1", "instance_id": "orders-4faba74e"}\n', encoding="utf-8")
    assert main(["logs", "stock"]) == 2
    assert "no log of 'stock' (one of input, manager, orders, output, ping" in capsys.readouterr().err
    assert main(["logs", "orders-4fab"]) == 0
    assert "orders-4faba74e" in capsys.readouterr().out
    assert main(["logs", "manager"]) == 2
    assert "no log of manager yet" in capsys.readouterr().err
