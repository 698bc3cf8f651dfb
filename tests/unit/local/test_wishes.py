"""Which engines `up --attach` looks for: flags over the environment over the usual places."""

import argparse
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local.attached import Attached
from hoploom.local.wishes import Wish, add_arguments, is_local, wishes


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        ([], {}, Wish("http://127.0.0.1:8500", said=False)),
        ([], {"CONSUL_HTTP_ADDR": "10.0.0.1:8500"}, Wish("http://10.0.0.1:8500", said=True)),
        ([], {"CONSUL_HTTP_ADDR": "10.0.0.1:1", "CONSUL_HTTP_SSL": "true"}, Wish("https://10.0.0.1:1", said=True)),
        ([], {"CONSUL_HTTP_ADDR": "https://c/"}, Wish("https://c", said=True)),
        (["--consul", "http://a:1"], {"CONSUL_HTTP_ADDR": "http://b:2"}, Wish("http://a:1", said=True)),
        (["--consul", "own"], {"CONSUL_HTTP_ADDR": "http://b:2"}, Wish("", said=True)),
        ([], {"CONSUL_HTTP_TOKEN": "t"}, Wish("http://127.0.0.1:8500", said=False, token="t")),
    ],
)
def test_where_consul_is_looked_for(words: list[str], environ: dict[str, str], expected: Wish) -> None:
    assert wishes(asked(*words), environ).consul == expected


@pytest.mark.parametrize(
    "wrong", ["unix:///run/consul.sock", "http://", "ftp://a", "http://a:99999", "http://a/v1", "http://[1"]
)
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="the address of Nomad is like"):
        wishes(asked("--nomad", wrong), {})


def test_tokens_come_from_files_and_a_named_file_beats_the_environment(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("from-file\n", encoding="utf-8")
    file = str(tmp_path / "t")
    assert wishes(asked("--consul-token-file", file), {"CONSUL_HTTP_TOKEN": "x"}).consul.token == "from-file"
    assert wishes(asked("--nomad-token-file", file), {"NOMAD_TOKEN": "x"}).nomad.token == "from-file"
    assert wishes(asked(), {"CONSUL_HTTP_TOKEN_FILE": file}).consul.token == "from-file"
    with pytest.raises(ConfigError, match="cannot read the token file"):
        wishes(asked("--nomad-token-file", str(tmp_path / "none")), {})


def test_fabios_pages_are_looked_for_at_the_host_at_which_it_routes() -> None:
    assert wishes(asked("--fabio", "http://[::1]:80"), {}).fabio_admin == Wish("http://[::1]:9998", said=False)
    assert wishes(asked("--fabio-admin", "http://h:1"), {}).fabio_admin == Wish("http://h:1", said=True)


def test_what_was_joined_before_is_gone_on_with_unless_another_is_named() -> None:
    known = Attached(id="1", prefix="loom2", consul="http://c:1", fabio="http://f:1", fabio_admin="http://f:2")
    again = wishes(asked(), {}).after(known, {"management": "kept", "nomad": "n"})
    assert (again.consul, again.fabio.url, again.fabio_admin.url) == (
        Wish("http://c:1", said=True, token="kept"), "http://f:1", "http://f:2",
    )  # fmt: skip
    assert (again.nomad, again.prefix) == (Wish("http://127.0.0.1:4646", said=False), "loom2")
    other = wishes(asked("--consul", "http://d:1"), {}).after(known, {"management": "kept"})
    assert other.consul == Wish("http://d:1", said=True)


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("localhost", True), ("192.0.2.1", False), ("no such name", False)]
)
def test_a_host_of_our_own_is_known(host: str, expected: bool) -> None:
    assert is_local(host) is expected
