"""Opening a prober: the engine that fits, and a system that allows none is told about in one sentence."""

import socket
from collections.abc import Callable

import icmplib
import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober import loopback_namespace, mmsg, ports, socket_options
from hoploom.prober.engine import Engine
from hoploom.prober.interface import open_prober
from hoploom.prober.port import NotAllowed
from hoploom.prober.probes import ProbeSettings


class FakePort:
    """Stands for a port that was opened."""

    idents = (1,)

    def __init__(self, family: int, source: str | None = None, interface: str | None = None, *, is_raw: bool) -> None:
        self.opened = (family, source, interface, is_raw)


def refusing(error: Exception, *, when: Callable[[int, bool], bool]) -> type:
    class Refusing(FakePort):
        def __init__(self, family: int, source: str | None, interface: str | None, *, is_raw: bool) -> None:
            if when(family, is_raw):
                raise error
            super().__init__(family, source, interface, is_raw=is_raw)

    return Refusing


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmsg, "is_available", lambda: True)
    monkeypatch.setattr(ports, "LinuxPort", FakePort)
    monkeypatch.setattr(ports, "PortablePort", FakePort)


@pytest.mark.parametrize(
    ("engine", "available", "named"),
    [
        ("auto", True, "linux raw"),
        ("auto", False, "portable raw"),
        ("portable", True, "portable raw"),
        ("linux", True, "linux raw"),
    ],
)
def test_the_fast_engine_is_taken_where_it_works(
    monkeypatch: pytest.MonkeyPatch, engine: str, available: bool, named: str
) -> None:
    monkeypatch.setattr(mmsg, "is_available", lambda: available)
    name, opened = ports.open_ports(engine)
    assert name == named and sorted(opened) == [4, 6]


def test_an_engine_that_does_not_work_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmsg, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="use `portable`"):
        open_prober(engine="linux")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match="auto, linux, portable"):
        open_prober(engine="quantum")


def test_where_raw_sockets_are_forbidden_datagram_ones_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LinuxPort", refusing(NotAllowed("no"), when=lambda _, is_raw: is_raw))
    name, opened = ports.open_ports("auto", ports.Way(interface="eth0"))
    assert name == "linux datagram"
    assert {port.opened for port in opened.values()} == {(4, None, "eth0", False), (6, None, "eth0", False)}  # type: ignore[attr-defined]


class Closable:
    """Stands for a socket that somebody else has opened."""


def test_where_both_are_forbidden_loopback_may_do_in_a_namespace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Adopting(FakePort):
        def __init__(self, family: int, *, opened: object = None, is_raw: bool, **_: object) -> None:
            if opened is None:
                raise NotAllowed("no")
            super().__init__(family, is_raw=is_raw)

    sockets = {4: Closable(), 6: Closable()}
    monkeypatch.setattr(ports, "LinuxPort", Adopting)
    monkeypatch.setattr(loopback_namespace, "open_sockets", lambda: sockets)
    with pytest.raises(NotAllowed):
        open_prober()
    name, opened = ports.open_loopback_ports("auto")
    assert name == "linux raw (loopback only, own namespace)" and sorted(opened) == [4, 6]


def test_where_nothing_is_allowed_both_ways_out_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ConfigError("Nor a namespace.")

    monkeypatch.setattr(ports, "LinuxPort", refusing(NotAllowed("No socket."), when=lambda *_: True))
    monkeypatch.setattr(loopback_namespace, "open_sockets", refuse)
    with pytest.raises(ConfigError, match=r"No socket\. Nor a namespace\."):
        open_prober(loopback_will_do=True)


@pytest.mark.parametrize("error", [ConfigError("no"), Unavailable("no IPv6")])
def test_a_machine_without_ipv6_has_ipv4_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(ports, "LinuxPort", refusing(error, when=lambda family, _: family == 6))
    assert ports.open_ports("auto")[0] == "linux raw"
    assert sorted(ports.open_ports("auto")[1]) == [4]


def test_a_source_that_is_not_here_is_no_reason_for_another_kind_of_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LinuxPort", refusing(ConfigError("no such address"), when=lambda _, is_raw: is_raw))
    with pytest.raises(ConfigError, match="no such address"):
        ports.open_ports("auto", ports.Way("192.0.2.1"))


@pytest.mark.parametrize(("source", "family"), [("192.0.2.1", 4), ("2001:db8::1", 6)])
def test_a_source_address_opens_its_own_family(source: str, family: int) -> None:
    _, opened = ports.open_ports("auto", ports.Way(source))
    assert sorted(opened) == [family]


def test_a_source_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="nosuch"):
        open_prober(way=ports.Way("nosuch"))


def test_another_trouble_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def refused(privileged: bool) -> None:
        raise icmplib.ICMPSocketError("too many open files")

    monkeypatch.setattr(icmplib, "ICMPv4Socket", refused)
    with pytest.raises(Unavailable, match="too many open files"):
        open_prober(engine="portable")


@pytest.mark.parametrize("attribution", ["x" * 256, "line\nbreak", "http://\u00e4"])
def test_an_attribution_is_a_short_line_of_ascii(attribution: str) -> None:
    with pytest.raises(ConfigError, match="printable ASCII"):
        Engine("tested", {}, attribution)


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"interval_s": -1}, {"timeout_s": 0}, {"size_bytes": 70_000}, {"rate_pps": 0}, {"ttl": 0},
     {"ttl": 256}, {"tos": -1}, {"tos": 256}],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ProbeSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("interface", ["nosuch", "\udcff", "a" * 300])
def test_an_interface_that_is_not_there_is_a_sentence(interface: str) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket,
        pytest.raises(ConfigError, match="Nothing can be sent by the interface"),
    ):
        socket_options.attach(any_socket, 4, None, interface)
