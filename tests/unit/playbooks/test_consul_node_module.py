"""`ansible/library/consul_node.py`: a host that was set up anew after the backup."""

from typing import Any

import pytest

from playbook_plugins import load

MODULE = load("library/consul_node.py")


class Catalogue:
    """Consul, where the agent enters itself at the third look after its predecessor is gone."""

    def __init__(self, known: str, *, enters: bool = True) -> None:
        self.known, self.removed, self._looks, self._enters = known, list[Any](), 0, enters

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if path == "/v1/agent/self":
            return {"Config": {"NodeName": "a3", "NodeID": "new"}}
        if method == "PUT":
            assert path == "/v1/catalog/deregister"
            self.removed.append(body)
            self.known = ""
            return True
        assert path == "/v1/catalog/node/a3?consistent"
        self._looks += bool(self.removed)
        if self._looks == 3 and self._enters:
            self.known = "new"
        return {"Node": {"ID": self.known}} if self.known else None


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_PAUSE_S", 0.001)


@pytest.mark.parametrize(
    ("known", "check_mode", "changed", "removed"),
    [
        ("new", False, False, []),
        ("", False, False, []),
        ("old", False, True, [{"Node": "a3"}]),
        ("old", True, True, []),
    ],
)
def test_only_an_agent_of_before_is_removed(
    known: str, removed: list[Any], *, check_mode: bool, changed: bool
) -> None:
    consul = Catalogue(known)
    assert MODULE.run(consul, 60, check_mode=check_mode) is changed
    assert consul.removed == removed
    assert consul.known == (known if not removed else "new")


def test_an_agent_that_does_not_come_is_said() -> None:
    with pytest.raises(TimeoutError, match=r"agent of a3 has not entered itself after 0\.01 s"):
        MODULE.run(Catalogue("old", enters=False), 0.01, check_mode=False)
