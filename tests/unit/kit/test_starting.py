"""`kit.starting`: what a start leaves out, and that nothing is missing afterwards."""

import gc
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hoploom.kit.starting import cheaply
from http_world import certified

HOW_MANY = "from aiohttp import connector; print(connector._SSL_CONTEXT_VERIFIED.cert_store_stats()['x509_ca'])"


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts one authority."""
    certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def _known(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


def _hold_hands(context: ssl.SSLContext) -> None:
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("use", [_hold_hands, lambda context: context.get_ca_certs()], ids=["a handshake", "a look"])
def test_the_authorities_are_read_when_they_are_asked_for(use: Callable[[ssl.SSLContext], object]) -> None:
    with cheaply():
        context = ssl.create_default_context()
    assert _known(context) == 0
    use(context)
    assert _known(context) == 1
    use(context)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.usefixtures("trusted")
def test_a_context_that_is_made_afterwards_is_as_ever() -> None:
    with pytest.raises(ZeroDivisionError), cheaply():
        _ = 1 // 0
    assert _known(ssl.create_default_context()) == 1


def test_nothing_is_collected_meanwhile_and_all_that_comes_later_is() -> None:
    with cheaply():
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("service", ["input_service", "output_service", "manager", "ping_service"])
def test_a_service_that_starts_reads_no_authorities(service: str) -> None:
    code = f"import hoploom.{service}.__main__; {HOW_MANY}"
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"
