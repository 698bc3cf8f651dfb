"""`hoploom user` and `hoploom ui`, against a manager that stands where Fabio would."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.cli import main
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.local import processes, tokens
from hoploom.local.places import Places
from hoploom.manager.app import make_app
from hoploom.manager.people.desk import DESK
from hoploom.manager.settings import Settings
from waiting import eventually

GOOD = "correct horse battery staple"
Said = tuple[int, str, str]


def this_process() -> processes.Process:
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return processes.Process(os.getpid(), started)


class Hoploom:
    """The command, and the manager that it reaches."""

    def __init__(self, app: web.Application, url: str, said: Callable[[], tuple[str, str]]) -> None:
        self.app, self.url, self._said = app, url, said

    async def __call__(self, *words: str) -> Said:
        code = await asyncio.to_thread(main.main, words)
        return code, *self._said()

    async def good(self, *words: str) -> str:
        code, out, err = await self(*words)
        assert (code, err) == (0, ""), err
        return out

    async def told(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.good("user", *words, "--json"))
        return found

    async def with_password(self, name: str, role: str = "viewer") -> None:
        found = await self.told("invite", name, "--role", role)
        await self.app[DESK].choose_password(found["key"], GOOD)


@pytest.fixture
async def hoploom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_mesh: OnMesh, fake_consul: FakeConsul,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Hoploom]:  # fmt: skip
    """This process passes for the mesh's Consul."""
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    places = Places.of("demo", os.environ)
    places.make()
    tokens.ensure(places)
    settings = Settings(operator_token_file=str(places.tokens / "operator"), development=True)
    app = on_mesh(make_app(settings), background=True)
    async with TestClient(TestServer(app)) as client:
        ports = dict.fromkeys(("fabio_proxy", "fabio_ui", "consul_http", "nomad_http"), client.port)
        places.write({"ports": ports, "processes": {"consul": this_process().as_dict()}})
        yield Hoploom(app, f"http://127.0.0.1:{client.port}", capsys.readouterr)


async def test_an_empty_mesh_says_how_the_first_admin_is_made(hoploom: Hoploom) -> None:
    assert "hoploom user invite NAME --role admin" in await hoploom.good("user", "ls")


async def test_an_invitation_is_a_link_that_is_shown_once(hoploom: Hoploom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    out = await hoploom.good("user", "invite", "anna", "--role", "admin")
    assert f"{hoploom.url}/enter#" in out and "anna (admin), once, until" in out and "UTC" in out
    key = out.partition("/enter#")[2].split()[0]
    listed = await hoploom.good("user", "ls")
    assert "anna" in listed and "invited" in listed and "may choose a password until" in listed
    assert key not in listed and key not in caplog.text and "anna as admin" in caplog.text


async def test_a_person_is_made_changed_kept_out_and_forgotten(hoploom: Hoploom) -> None:
    await hoploom.with_password("root", "admin")
    await hoploom.with_password("anna")
    line = next(each for each in (await hoploom.good("user", "ls")).splitlines() if each.startswith("anna"))
    assert line.split()[:3] == ["anna", "viewer", "active"]
    assert "anna is operator" in await hoploom.good("user", "role", "anna", "operator")
    assert "cannot sign in" in await hoploom.good("user", "disable", "anna")
    line = next(each for each in (await hoploom.good("user", "ls")).splitlines() if each.startswith("anna"))
    assert line.split()[:3] == ["anna", "operator", "disabled"]
    assert "may sign in again" in await hoploom.good("user", "enable", "anna")
    assert "all sessions of anna end" in await hoploom.good("user", "sign-out", "anna")
    assert "anna is no user any more" in await hoploom.good("user", "rm", "anna")
    assert "anna" not in await hoploom.good("user", "ls")


@pytest.mark.parametrize("words", ["rm root", "disable root", "role root viewer"])
async def test_the_last_admin_stays(hoploom: Hoploom, words: str) -> None:
    await hoploom.with_password("root", "admin")
    code, out, err = await hoploom("user", *words.split())
    assert (code, out) == (2, "") and "the only admin who can sign in is root: make another one first" in err
    assert (await hoploom.told("ls"))["users"][0]["role"] == "admin"


async def test_no_answer_carries_a_hash(hoploom: Hoploom) -> None:
    await hoploom.with_password("anna")
    assert "argon2" not in json.dumps([await hoploom.told("ls"), await hoploom.told("role", "anna", "operator")])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("invite Anna", "lower-case letters, digits, dots and dashes"),
        ("invite ../x", "lower-case"),
        ("invite anna --valid-h 0", "--valid-h is hours"),
        ("invite anna --valid-h nan", "--valid-h is hours"),
        ("role nobody viewer", "there is no user nobody"),
        ("disable nobody", "there is no user nobody"),
        ("rm nobody", "there is no user nobody, and none is invited"),
        ("sign-out ../overview", "lower-case"),
        ("ls --url http://127.0.0.1:9", "--operator-token-file"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_exit_code_2(hoploom: Hoploom, words: str, reason: str) -> None:
    code, out, err = await hoploom("user", *words.split())
    assert (code, out) == (2, "") and reason in err and len(err.splitlines()) == 1


async def test_ui_is_a_link_for_the_owner_that_works_for_a_minute(hoploom: Hoploom) -> None:
    address = (await hoploom.good("ui", "--print")).strip()
    assert address.startswith(f"{hoploom.url}/enter#")
    desk = hoploom.app[DESK]
    key = address.partition("#")[2]
    door = await desk.behind(key)
    assert (door.user, door.role.word, door.purpose) == ("owner", "admin", "sign-in")
    assert door.until_us - door.made_us == 60_000_000
    assert (await desk.enter(key)).name == "owner"
    await eventually("the owner is listed", lambda: "owner" in desk.store.users())
    assert "comes in by links alone" in await hoploom.good("user", "ls")
