"""`hoploom campaign`, against an input instance that stands where Fabio would."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from hoploom.cli import main
from hoploom.input_service import handlers
from hoploom.input_service.app import PARTS, make_app
from hoploom.input_service.settings import Settings
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.local import processes, tokens
from hoploom.local.places import Places
from hoploom.wire.campaign_request import CampaignRequest
from waiting import eventually

Said = tuple[int, str, str]
Hoploom = Callable[..., Coroutine[Any, Any, Said]]


def this_process() -> processes.Process:
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return processes.Process(os.getpid(), started)


@pytest.fixture
async def hoploom(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Hoploom]:  # fmt: skip
    """The command, on a mesh with one campaign; this process passes for the mesh's Consul."""
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    places = Places.of("demo", os.environ)
    places.make()
    tokens.ensure(places)
    app = on_mesh(make_app(Settings(operator_token_file=str(places.tokens / "operator"))), background=True)

    async def run(*words: str) -> Said:
        code = await asyncio.to_thread(main.main, ("campaign", *words))
        return code, *capsys.readouterr()

    async with TestServer(app) as server:
        await eventually("the overlay is known", lambda: app[PARTS].overlay.current is not None)
        places.write({"ports": {"fabio_proxy": server.port}, "processes": {"consul": this_process().as_dict()}})
        wanted = CampaignRequest(id="demo", name="[b]weekly[/]", blocks=("127.0.0.0/24",), allow_private=True)
        await app[handlers.CAMPAIGNS].create(wanted)
        yield run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ls", "[b]weekly[/]  ping  waiting  0 of 256 (0 %)"),
        ("show demo", "256, ping, 1 rounds"),
        ("show demo", "none yet: no worker has asked for it"),
        ("pause demo", "demo: no worker probes it 5 seconds from now (`hoploom resume demo` goes on)"),
        ("pause demo | ls", "paused"),
        ("pause demo | resume demo", "demo goes on where it stopped"),
        ("stop demo", "demo, for good: no worker probes it 5 seconds from now, its results stay"),
        ("stop demo | ls", "stopped"),
        ("stop demo | show demo", "stopped: 0 of 256 (0 %) done; stopped by operator, "),
        ("stop demo | stop demo", "demo was stopped already, by operator, "),
    ],
)
async def test_a_verb_says_what_it_did(hoploom: Hoploom, words: str, told: str) -> None:
    said = [await hoploom(*each.split()) for each in words.split(" | ")]
    assert all((code, err) == (0, "") for code, _, err in said), said
    assert told in said[-1][1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("show none", "there is no campaign 'none'"),
        ("stop none", "there is no campaign 'none'"),
        ("stop ../overlay", "is no campaign's id: `hoploom campaign ls` shows them"),
        ("pause Demo", "is no campaign's id"),
        ("stop demo | resume demo", "was stopped by operator, for good"),
        ("ls --url http://127.0.0.1:1", "--url needs the operators' token"),
    ],
)
async def test_a_slip_is_one_sentence(hoploom: Hoploom, words: str, reason: str) -> None:
    said = [await hoploom(*each.split()) for each in words.split(" | ")]
    code, out, err = said[-1]
    assert (code, out) == (2, "") and reason in err and len(err.splitlines()) == 1


async def test_as_json_it_is_what_the_mesh_says(hoploom: Hoploom) -> None:
    assert json.loads((await hoploom("ls", "--json"))[1])["campaigns"][0]["campaign"]["id"] == "demo"
    assert json.loads((await hoploom("show", "demo", "--json"))[1])["campaign"]["id"] == "demo"
    assert json.loads((await hoploom("stop", "demo", "--json"))[1])["changed"] is True
