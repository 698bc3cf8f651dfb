"""`archive.wheels`: fetched once, and proved each time."""

import json
from pathlib import Path

import pytest

from hoploom.archive import wheels
from hoploom.archive.requirements import Requirement
from hoploom.kit.errors import ConfigError, Unavailable
from unit.archive.made_wheels import requirement, wheel


class Pip:
    """Copies wheels from a folder instead of an index."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.calls: list[list[str]] = []

    def __call__(self, words: list[str]) -> None:
        self.calls.append(list(words))
        target = Path(words[words.index("--dest") + 1])
        target.mkdir()
        for path in self.index.glob("*.whl"):
            (target / path.name).write_bytes(path.read_bytes())


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "index").mkdir()
    made = Pip(tmp_path / "index")
    monkeypatch.setattr(wheels, "_pip", made)
    return made


@pytest.fixture
def wanted(pip: Pip) -> list[Requirement]:
    return [requirement(wheel(pip.index, name)) for name in ("one", "two")]


def test_wheels_are_fetched_once_for_each_machine_and_python(pip: Pip, wanted: list[Requirement]) -> None:
    first = wheels.fetch(wanted, "3.11", "x86_64")
    assert [path.name for path in first] == ["one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"]
    assert wheels.fetch(wanted, "3.11", "x86_64") == first
    assert len(pip.calls) == 1
    wheels.fetch(wanted, "3.12", "x86_64")
    wheels.fetch(wanted, "3.11", "aarch64")
    assert len(pip.calls) == 3


def test_pip_is_told_machine_and_python_whatever_this_one_is(pip: Pip, wanted: list[Requirement]) -> None:
    wheels.fetch(wanted, "3.12", "aarch64")
    words = json.dumps(pip.calls[0])
    assert '"--python-version", "3.12"' in words
    assert '"--abi", "cp312", "--abi", "abi3"' in words
    assert '"manylinux_2_28_aarch64"' in words
    assert "x86_64" not in words


def test_a_damaged_wheel_in_the_cache_is_fetched_again(pip: Pip, wanted: list[Requirement]) -> None:
    path = wheels.fetch(wanted, "3.11", "x86_64")[0]
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"!")
    assert wheels.fetch(wanted, "3.11", "x86_64")[0].read_bytes() == good
    assert len(pip.calls) == 2


def test_a_wheel_that_the_lock_does_not_know_is_never_used(pip: Pip, wanted: list[Requirement]) -> None:
    wheel(pip.index, "three")
    with pytest.raises(Unavailable, match="not what the lock says"):
        wheels.fetch(wanted, "3.11", "x86_64")


def test_a_python_without_pip_says_so(
    wanted: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="has no pip"):
        wheels.fetch(wanted, "3.11", "x86_64")
