"""A Consul by HTTPS, with an authority of its own: believed where it is named, refused with the way out where not."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import backends
from engine_processes import ConsulAgent, free_ports
from hoploom.cli.main import main


class Secure(NamedTuple):
    """A Consul, and whom it is believed by."""

    url: str
    ca_file: Path


@pytest.fixture(scope="module")
def secure(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, [port] = tmp_path_factory.mktemp("secure"), free_ports(1)
    pem = folder / "localhost.pem"
    pem.write_text(backends.certificate("localhost"), encoding="ascii")
    tls = {"defaults": {"cert_file": str(pem), "key_file": str(pem)}}
    agent = ConsulAgent(engine_paths["consul"], folder / "consul", https=port, tls=tls)
    try:
        agent.start()
        yield Secure(f"https://localhost:{port}", pem)
    finally:
        agent.stop()


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_SSL", "CONSUL_HTTP_TOKEN", "CONSUL_CACERT", "HOPLOOM_MESH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))


def audited(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code of an audit, and all that it said."""
    code = main(["route", "audit", "--settle", "0", *words])
    said = capsys.readouterr()
    return code, " ".join((said.out + said.err).split())


def test_its_authority_is_named_by_a_flag(secure: Secure, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = audited(capsys, "--consul", secure.url, "--consul-ca-file", str(secure.ca_file))
    assert (code, f"Consul {secure.url}" in said) == (0, True), said


def test_it_is_named_as_for_consuls_own_command(
    secure: Secure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", secure.url.removeprefix("https://"))
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")
    monkeypatch.setenv("CONSUL_CACERT", str(secure.ca_file))
    code, said = audited(capsys)
    assert (code, f"Consul {secure.url}" in said) == (0, True), said


def test_without_it_the_way_out_is_named(secure: Secure, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = audited(capsys, "--consul", secure.url)
    assert code == 2
    assert "certificate" in said
    assert "its authority by --consul-ca-file" in said


def test_a_file_without_certificates_is_refused(
    secure: Secure, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("", encoding="ascii")
    code, said = audited(capsys, "--consul", secure.url, "--consul-ca-file", str(empty))
    assert (code, "empty.pem is no file of certificates" in said) == (2, True), said


def test_shares_are_asked_for_there_too(secure: Secure, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["route", "show", "--consul", secure.url]
    assert main([*words, "--consul-ca-file", str(secure.ca_file)]) == 1
    assert "knows no Fabio" in capsys.readouterr().err, "its certificate is believed"
    assert main(words) == 1
    assert "certificate" in capsys.readouterr().err
