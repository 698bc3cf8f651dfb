"""What `hoploom worker leave --purge` removes, and what it leaves to others."""

import os
import re
from pathlib import Path

import pytest

from hoploom.cli.workers import purging
from hoploom.kit.errors import ConfigError
from hoploom.manager.joining.attaching import TEMPLATES

SCRIPT = (TEMPLATES / "join.sh.j2").read_text(encoding="utf-8")


def installed(root: Path, command: str = "#!/bin/sh\n# hoploom-worker: the command\n") -> None:
    for name in purging._PATHS[:3]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x", encoding="ascii")
    for name in purging._PATHS[3:]:
        (root / name / "inside").mkdir(parents=True)
    (root / "usr/local/bin").mkdir(parents=True)
    (root / "usr/local/bin/hoploom").write_text(command, encoding="ascii")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_nothing_is_left(tmp_path: Path) -> None:
    installed(tmp_path)
    assert purging.remove(tmp_path) == []
    assert files(tmp_path) == [] and not (tmp_path / "etc/hoploom").exists()
    assert purging.remove(tmp_path) == []


def test_what_others_keep_there_stays(tmp_path: Path) -> None:
    installed(tmp_path, command="#!/bin/sh\n# somebody else's\n")
    (tmp_path / "etc/hoploom/ca.pem").write_text("x", encoding="ascii")
    assert purging.remove(tmp_path) == []
    assert files(tmp_path) == ["etc/hoploom/ca.pem", "usr/local/bin/hoploom"]


def test_it_knows_every_place_that_the_script_writes_to() -> None:
    places = {text.lstrip("/") for text in re.findall(r"^(?:root|state|settings|authority|unit|command)=(/\S+)$",
                                                      SCRIPT, re.MULTILINE)}
    assert places == {*purging._PATHS, purging._COMMAND}
    assert purging._MARK in SCRIPT and "useradd --system --user-group" in SCRIPT and purging.USER in SCRIPT


def test_without_root_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigError, match="sudo hoploom worker leave --purge"):
        purging.require_root()
