"""Listeners as a person writes them: what Fabio would open, and what it would misread."""

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local.listeners import Listener, read, read_all

GOOD = [
    ("HTTP where nothing else is said", ":9090", Listener("127.0.0.1:9090")),
    ("TCP", ":9090;proto=tcp", Listener("127.0.0.1:9090", "tcp")),
    ("TCP by server name", ":9090;proto=tcp+sni", Listener("127.0.0.1:9090", "tcp+sni")),
    ("TLS ended before TCP", ":9090;proto=tcp;cs=mesh", Listener("127.0.0.1:9090", "tcp", tls=True)),
    ("HTTPS", ":9443;proto=https", Listener("127.0.0.1:9443", "https")),
    ("HTTPS by its certificates alone", ":9443;cs=mesh", Listener("127.0.0.1:9443", "https")),
    ("gRPC", "localhost:9091;proto=grpc", Listener("localhost:9091", "grpc")),
    ("IPv6", "[::1]:9091;proto=grpc", Listener("[::1]:9091", "grpc")),
    ("options", ":1;proto=tcp;pxyproto=true;rt=1m30s",
     Listener("127.0.0.1:1", "tcp", options={"pxyproto": "true", "rt": "1m30s"})),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [each[1:] for each in GOOD], ids=[each[0] for each in GOOD])
def test_what_is_meant_is_read(text: str, expected: Listener) -> None:
    assert read(text) == expected


WRONG = [
    ("nothing", "", "it begins with a port"),
    ("no port", "proto=tcp", "it begins with a port"),
    ("a port of another alphabet", ":\uff19\uff10\uff19\uff10", "it begins with a port"),
    ("a port that is none", ":70000", "it begins with a port"),
    ("port 0", ":0;proto=tcp", "it begins with a port"),
    ("all addresses", "0.0.0.0:9090", "listens on loopback alone"),
    ("a name", "example.org:9090", "listens on loopback alone"),
    ("a protocol that Fabio does not know", ":9090;proto=udp", "Fabio's protocols are"),
    ("every port that a tag names", ":9090;proto=tcp-dynamic", "Fabio's protocols are"),
    ("a slip of the pen", ":9090;protto=tcp", "did you mean proto="),
    ("an option of nobody", ":9090;frobnicate=1", "there are proto, cs"),
    ("an option twice", ":9090;it=1s;it=2s", "it= stands twice"),
    ("a time that is none", ":9090;it=forever", "it= is like it=2m"),
    ("an old TLS", ":9443;proto=https;tlsmin=tls11", "tlsmin= is like tlsmin=tls13"),
    ("certificates of another source", ":9443;proto=https;cs=mine", "cs=mesh goes with"),
    ("certificates for what passes TLS on", ":9443;proto=tcp+sni;cs=mesh", "cs=mesh goes with"),
    ("a second one behind a comma", ":9090,:9091", "one listener each"),
    ("a second one behind an option", ":9090;it=1s,:9091", "one listener each"),
]


@pytest.mark.parametrize(("text", "reason"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_what_fabio_would_misread_is_refused_with_the_way_out(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        read(text)
    assert str(refused.value).startswith(f"--listen {text!r}: ")


def test_each_has_a_port_of_its_own_that_the_mesh_has_not() -> None:
    assert [each.port for each in read_all([":1", ":2"], {"fabio_ui": 3})] == [1, 2]
    with pytest.raises(ConfigError, match="that port is :1;proto=tcp's already"):
        read_all([":1;proto=tcp", ":1"], {})
    with pytest.raises(ConfigError, match="that port is fabio_ui's already"):
        read_all([":1", ":3"], {"fabio_ui": 3})


@pytest.mark.parametrize(
    ("text", "needed"),
    [(":1;proto=https", True), (":1;proto=grpcs", True), (":1;proto=tcp;cs=mesh", True), (":1;proto=tcp", False)],
)
def test_what_ends_tls_needs_certificates(text: str, needed: bool) -> None:
    assert read(text).needs_certificates is needed
