"""Whose certificates are believed."""

import ssl
from pathlib import Path

import pytest

import backends
from hoploom.kit.authorities import trusted
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient


def test_without_a_file_it_is_those_of_the_system() -> None:
    assert trusted("") is True


def test_a_file_stands_for_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(backends.certificate("localhost"), encoding="ascii")
    found = trusted(str(path))
    assert isinstance(found, ssl.SSLContext)
    assert len(found.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_a_file_that_holds_no_certificate_is_said_by_its_name(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ca\.pem is no file of certificates"):
        HttpClient(str(path))
    with pytest.raises(ConfigError, match=r"ca\.pem is no file of certificates"):
        ConsulApi("https://localhost:8501", ca_file=str(path))
    await ConsulApi("http://localhost:8500", ca_file=str(path)).close()
