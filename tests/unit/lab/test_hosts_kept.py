"""Folders that take long to make are made once, whole or not at all, and go when nobody holds them any more."""

from pathlib import Path

import pytest

from lab.hosts.kept import Kept, cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _make(root: Path) -> None:
    root.mkdir()
    (root / "made").touch()


def _fail(root: Path) -> None:
    _make(root)
    raise RuntimeError("in the middle")


def _hold(name: str) -> Kept:
    return Kept(name, _make)


def test_the_second_user_makes_nothing() -> None:
    first = _hold("image-1")
    second = Kept("image-1", _fail)
    assert (second.root / "made").exists()
    first.close()
    second.close()


def test_what_was_half_made_is_never_taken() -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        Kept("image-1", _fail)
    assert not (cache() / "image-1").exists()
    again = _hold("image-1")
    assert (again.root / "made").exists()
    again.close()


def test_a_maker_removes_what_nobody_holds_and_leaves_what_somebody_does() -> None:
    held, left = _hold("held"), _hold("left")
    left.close()
    new = _hold("new")
    assert sorted(path.name for path in cache().iterdir() if path.is_dir()) == ["held", "new"]
    held.close()
    new.close()
