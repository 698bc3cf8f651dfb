"""What `hoploom route show` prints of other people's words."""

import pytest

from hoploom.cli import screen
from hoploom.cli.routes import show

FOUND = {
    "where": "Consul at http://[fd00::1]:8500",
    "routers": [{"name": "[b]one"}],
    "routes": [
        {"service": "orders", "src": "/[/o]", "tags": ["[/red]", "[1.4.1]"], "targets": ["http://[fd00::2]:80/"],
         "shares": {"[b]one": 1.0}},
    ],
    "overrides": {"key": "fabio/config/hoploom", "says": ['orders /orders: 10 % to "[x]"']},
    "others": [],
    "differing": ["[b]one lacks http://[fd00::3]/"],
}  # fmt: skip


def test_brackets_are_words_and_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked(_: object) -> object:
        return FOUND

    monkeypatch.setattr(show, "_look", looked)
    monkeypatch.setattr(screen.out, "width", 300)
    assert show.run(type("Args", (), {"json": False})()) == 1
    said = capsys.readouterr().out
    assert "hoploom route audit" in said, "where tables differ there is a cause, and a way out"
    for each in ("[fd00::1]", "[b]one", "/[/o]", "[/red], [1.4.1]", "http://[fd00::2]:80/", '"[x]"', "[fd00::3]"):
        assert each in said
