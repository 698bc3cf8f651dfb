"""What settings may say, and what is refused in one sentence before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from hoploom import __version__
from hoploom.kit.errors import ConfigError
from hoploom.manager.app import make_app
from hoploom.manager.dyfi.account import account
from hoploom.manager.settings import Settings


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text("secret\n", encoding="utf-8")
    return {"dyfi_hosts": "Home.dy.fi., b.dy.fi,home.dy.fi", "dyfi_user": "me@example.org",
            "dyfi_password_file": str(tmp_path / "password")}  # fmt: skip


def test_without_names_there_is_no_account() -> None:
    assert account(Settings()).names == ()


def test_the_account_is_that_of_the_settings(given: dict[str, Any]) -> None:
    found = account(Settings(**given))
    assert (found.names, found.user, found.password) == (("home.dy.fi", "b.dy.fi"), "me@example.org", "secret")
    assert str(found.url) == "https://www.dy.fi/nic/update" and found.address_url is None
    assert found.agent == f"hoploom/{__version__} (me@example.org)"
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dyfi_hosts": "localhost"}, "no full host name"),
        ({"dyfi_hosts": "a.dy.fi,,b.dy.fi"}, "no full host name"),
        ({"dyfi_hosts": "a b.dy.fi"}, "no full host name"),
        ({"dyfi_hosts": ",".join(f"h{number}.dy.fi" for number in range(21))}, "21 names"),
        ({"dyfi_user": ""}, "dyfi_user"),
        ({"dyfi_user": "me:you"}, "dyfi_user"),
        ({"dyfi_contact": "me\r\nX-Evil: 1"}, "dyfi_contact"),
        ({"dyfi_password_file": ""}, "dyfi_password_file"),
        ({"dyfi_password_file": "/nowhere/at/all"}, "cannot read"),
        ({"dyfi_url": "http://www.example.org/nic/update"}, "in the clear"),
        ({"dyfi_url": "https://me:secret@www.example.org/"}, "dyfi_url"),
        ({"dyfi_url": "nonsense"}, "dyfi_url"),
        ({"dyfi_url": "https://[::1/"}, "dyfi_url"),
        ({"dyfi_address_url": "ftp://example.org"}, "dyfi_address_url"),
    ],
)
def test_a_wrong_setting_is_a_sentence_and_no_manager(given: dict[str, Any], wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_app(Settings(**{**given, **wrong}))


def test_another_provider_on_loopback_may_be_asked_without_tls(given: dict[str, Any]) -> None:
    url = "http://127.0.0.1:8053/nic/update"
    assert str(account(Settings(**{**given, "dyfi_url": url})).url) == url
