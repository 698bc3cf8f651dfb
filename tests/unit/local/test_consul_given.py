"""Which Consul a person means."""

from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local.consul_given import Given, given


@pytest.mark.parametrize(
    ("environ", "address", "expected"),
    [
        ({}, None, Given()),
        ({"CONSUL_HTTP_ADDR": "c:8500"}, None, Given("http://c:8500")),
        ({"CONSUL_HTTP_ADDR": "c:8501", "CONSUL_HTTP_SSL": "true"}, "", Given("https://c:8501")),
        ({"CONSUL_HTTP_ADDR": "https://c:8501"}, "", Given("https://c:8501")),
        ({"CONSUL_HTTP_ADDR": "c:8500", "CONSUL_HTTP_SSL": "1"}, "d:8500", Given("http://d:8500")),
        ({"CONSUL_HTTP_TOKEN": "t", "CONSUL_CACERT": "ca.pem"}, "https://d", Given("https://d", "t", "ca.pem")),
        ({"CONSUL_HTTP_TOKEN": "t", "CONSUL_HTTP_TOKEN_FILE": "/nonexistent"}, "", Given("", "t")),
    ],
)
def test_flags_win_and_the_environment_is_read_as_consul_does(
    environ: dict[str, str], address: str | None, expected: Given
) -> None:
    assert given(environ, address, "", "") == expected


def test_files_that_are_named_win(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n", encoding="utf-8")
    environ = {"CONSUL_HTTP_TOKEN": "t", "CONSUL_CACERT": "theirs.pem"}
    assert given(environ, "", str(file), "mine.pem") == Given("", "from-file", "mine.pem")
    with pytest.raises(ConfigError, match="cannot read the token file"):
        given({"CONSUL_HTTP_TOKEN_FILE": str(tmp_path / "none")}, "", "")
