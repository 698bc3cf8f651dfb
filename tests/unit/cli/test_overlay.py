"""`pause`, `resume`, `opt-out`, `cap` and `worker revoke` against an input instance that stands where Fabio would."""

import asyncio
import json
import os
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from hoploom.cli import main
from hoploom.input_service.app import PARTS, make_app
from hoploom.input_service.settings import Settings
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.local import processes, tokens
from hoploom.local.places import Places
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.overlay_record import pulled_key
from waiting import eventually

Said = tuple[int, str, str]
Hoploom = Callable[..., Coroutine[Any, Any, Said]]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))


def this_process() -> processes.Process:
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return processes.Process(os.getpid(), started)


@pytest.fixture
def home() -> str:
    """The home datacenter; empty for the mesh's own."""
    return ""


@pytest.fixture
async def hoploom(
    on_mesh: OnMesh, fake_consul: FakeConsul, home: str, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Hoploom]:
    """The command; this process passes for the mesh's Consul."""
    if home:
        said = OverlayDocument(version=1, paused=True).with_opt_out(OptOut(block="::1"))
        await fake_consul.kv_put(pulled_key(home), zlib.compress(json.dumps(said.to_json()).encode()))
    places = Places.of("demo", os.environ)
    places.make()
    tokens.ensure(places)
    settings = Settings(home_dc=home, operator_token_file=str(places.tokens / "operator"))
    app = on_mesh(make_app(settings), background=True)

    async def run(*words: str) -> Said:
        code = await asyncio.to_thread(main.main, words)
        return code, *capsys.readouterr()

    async with TestServer(app) as server:
        await eventually("the overlay is known", lambda: app[PARTS].overlay.current is not None)
        places.write({"ports": {"fabio_proxy": server.port}, "processes": {"consul": this_process().as_dict()}})
        yield run


@pytest.mark.parametrize(
    ("words", "told", "field", "value"),
    [
        ("pause", "everything: no worker probes it 5 seconds from now (`hoploom resume` goes on)", "paused", True),
        ("pause | pause", "everything was paused already", "paused", True),
        ("pause | resume", "everything goes on where it stopped", "paused", False),
        ("resume", "everything was not paused", "paused", False),
        ("opt-out 2001:DB8::/32", "2001:db8::/32 is left alone for ever", "", None),
        ("opt-out ::1 --until 2999-01-31", "::1 is left alone until the end of 2999-01-31 in UTC", "", None),
        ("opt-out ::1 | opt-out ::1", "::1 was opted out for ever already", "", None),
        ("opt-out ::1 | opt-out ::1 --remove", "::1 may be probed again", "opt_outs", []),
        ("opt-out ::1 --remove", "::1 was not on the list", "opt_outs", []),
        ("opt-out --list", "none", "opt_outs", []),
        ("opt-out ::1 --note [b]mail | opt-out --list", "for ever  [b]mail", "", None),
        ("cap", "no cap over all workers to one /24 or /48", "network_pps", 0),
        ("cap --network 10", "at most 10 packets a second to one /24 or /48", "network_pps", 10),
        ("cap --rate 5000 | cap --network 1", "at most 5,000 packets a second for one campaign", "rate_pps", 5000),
        ("cap --rate 5 | cap --rate 0", "no cap over all workers for one campaign", "rate_pps", 0),
        ("worker revoke pi-1", "pi-1 gets no work any more", "revoked", ["pi-1"]),
        ("worker revoke pi-1 | worker revoke pi-1", "pi-1 was revoked already", "revoked", ["pi-1"]),
        ("worker revoke pi-1 | worker revoke pi-1 --undo", "pi-1 gets work again", "revoked", []),
        ("worker revoke pi-1 --undo", "pi-1 was not revoked", "revoked", []),
    ],
)
async def test_a_command_says_what_it_did_and_the_overlay_is_so(
    hoploom: Hoploom, words: str, told: str, field: str, value: object
) -> None:
    said = [await hoploom(*each.split()) for each in words.split(" | ")]
    assert all((code, err) == (0, "") for code, _, err in said)
    assert told in said[-1][1]
    code, out, _ = await hoploom("opt-out", "--list", "--json")
    assert code == 0 and (not field or json.loads(out)[field] == value)


async def test_one_campaign_alone_may_be_paused_and_stays_so(hoploom: Hoploom, fake_consul: FakeConsul) -> None:
    code, _, err = await hoploom("pause", "demo")
    assert code == 2 and "there is no campaign 'demo'" in err
    # Its presence is all that is asked.
    campaign = {"v": 1, "id": "demo", "number": 2_000_000_000, "measurement": 2_000_000_001, "name": "demo",
                "sets": {}, "rate_pps": 0, "allow_private": True, "contact": "", "probe": {},
                "content_sha256": "0" * 64, "created_at_us": 1}
    await fake_consul.kv_put("hoploom/campaigns/demo", json.dumps(campaign).encode())
    code, out, _ = await hoploom("pause", "demo")
    assert code == 0 and "`hoploom resume demo` goes on" in out
    _, out, _ = await hoploom("resume")
    assert "paused by name, and still: demo" in out
    await hoploom("pause")
    _, out, _ = await hoploom("resume", "demo")
    assert "demo goes on" in out and "everything is paused still" in out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("pause ../x", "campaign"),
        ("opt-out", "name one BLOCK"),
        ("opt-out ::1 --list", "name one BLOCK"),
        ("opt-out 10.0.0.1/8", "write 10.0.0.0/8"),
        ("opt-out ::1 --until tomorrow", "no day such as 2027-01-31"),
        ("opt-out ::1 --until 2020-01-01", "its last day is 2020-01-01"),
        ("cap --rate -1", "rate_pps"),
        ("worker revoke a/b", "worker"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_exit_code_2(hoploom: Hoploom, words: str, reason: str) -> None:
    code, out, err = await hoploom(*words.split())
    assert (code, out) == (2, "") and reason in err and len(err.splitlines()) == 1


async def test_a_mesh_that_does_not_answer_is_exit_code_1(hoploom: Hoploom, fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    code, out, err = await hoploom("pause")
    assert (code, out) == (1, "") and "503" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("words", ["pause", "resume", "opt-out ::1", "opt-out --list", "cap", "worker revoke x"])
def test_without_a_mesh_the_way_out_is_named(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words.split()) == 2
    assert "hoploom up" in capsys.readouterr().err


@pytest.mark.parametrize("home", ["dc0"])
async def test_what_the_home_datacenter_has_said_is_taken_back_there_alone(hoploom: Hoploom) -> None:
    for before in ("resume", "pause"):
        await hoploom(before)
        code, out, _ = await hoploom("resume")
        assert code == 0 and "paused still, by the home datacenter: resume it there" in out
    _, out, _ = await hoploom("opt-out", "::1", "--remove")
    assert "opted out still, by the home datacenter" in out
    _, out, _ = await hoploom("opt-out", "::2")
    _, out, _ = await hoploom("opt-out", "::2", "--remove")
    assert "::2 may be probed again" in out
