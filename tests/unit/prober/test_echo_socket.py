"""A system that allows no ICMP socket is told about in one sentence."""

import icmplib
import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober.interface import open_prober
from hoploom.prober.probes import ProbeSettings


def refuse(error: Exception) -> type:
    class Refusing:
        def __init__(self, privileged: bool) -> None:
            raise error

    return Refusing


def test_without_permission_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmplib, "ICMPv4Socket", refuse(icmplib.SocketPermissionError(True)))
    with pytest.raises(ConfigError, match=r"ping_group_range=\"0 2147483647\".*CAP_NET_RAW"):
        open_prober()


def test_another_trouble_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmplib, "ICMPv4Socket", refuse(icmplib.ICMPSocketError("too many open files")))
    with pytest.raises(Unavailable, match="too many open files"):
        open_prober()


@pytest.mark.parametrize("attribution", ["x" * 256, "line\nbreak", "http://\u00e4"])
def test_an_attribution_is_a_short_line_of_ascii(attribution: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.prober.interface.open_any", dict)
    with pytest.raises(ConfigError, match="printable ASCII"):
        open_prober(attribution)


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"interval_s": -1}, {"timeout_s": 0}, {"size_bytes": 70_000}, {"rate_pps": 0}]
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ProbeSettings(**wrong)  # type: ignore[arg-type]
