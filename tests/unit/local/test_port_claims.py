"""Two `up`s that choose at the same time choose different ports."""

import subprocess
import sys

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local import ports
from hoploom.local.port_claims import Claims

OTHER = """
import sys
from hoploom.local import ports
from hoploom.local.port_claims import Claims
ports.is_free = lambda port: True
with Claims() as claims:
    chosen = ports.choose(claims)
    print(*(chosen[name] for name in ports.USUAL), chosen["tasks_first"], flush=True)
    sys.stdin.read()
"""


def test_what_another_process_has_chosen_is_not_chosen_though_nobody_listens_there_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    # Not the usual ones: somebody may bring a mesh up here just now.
    usual = {name: 40_000 + number for number, name in enumerate(ports.USUAL)}
    monkeypatch.setattr(ports, "USUAL", usual)
    moved = f"from hoploom.local import ports\nports.USUAL = {usual!r}\n"
    with subprocess.Popen(
        [sys.executable, "-c", moved + OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = list(map(int, other.stdout.readline().split()))
        with Claims() as claims:
            ours = ports.choose(claims)
            assert set(theirs) >= set(usual.values())
            assert not {ours[name] for name in (*usual, "tasks_first")} & set(theirs)
            assert ports.can_have(ours, claims), "its own claims stand in nobody's way"
            assert not ports.can_have(usual, claims)
        other.communicate()
    with Claims() as claims:
        assert ports.can_have(usual, claims), "gone with their process"


def test_a_mesh_whose_usual_ports_are_all_taken_has_ports_that_no_outgoing_connection_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port < 14_000 and port not in ports.USUAL.values())
    with Claims() as claims, Claims() as others:
        ours, theirs = (ports.choose(each) for each in (claims, others))
        chosen = [each[name] for each in (ours, theirs) for name in ports.USUAL]
        assert len(set(chosen)) == len(chosen)
        assert set(chosen) <= set(range(10_000, 14_000))


def test_where_every_port_is_taken_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with Claims() as claims, pytest.raises(ConfigError, match="stop what listens there"):
        ports.any_free(claims)


def test_claims_end_with_the_block() -> None:
    with Claims() as claims:
        assert claims.take(40_500)
        assert claims.take(40_500), "twice is once"
        with Claims() as others:
            assert not others.take(40_500)
        with Claims("somebody") as strangers:
            assert strangers.take(40_500)
    with Claims() as others:
        assert others.take(40_500)
