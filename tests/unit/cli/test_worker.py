"""`hoploom worker`: both sides of it, against a manager that stands where Fabio would."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Never

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom.cli import main
from hoploom.cli.workers import own
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.local import processes, tokens
from hoploom.local.places import Places
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.ping_service.identity_folder import IdentityFolder
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY as OVERLAY
from hoploom.wire.overlay_record import packed
from waiting import eventually

Said = tuple[int, str, str]


def this_process() -> processes.Process:
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return processes.Process(os.getpid(), started)


class Hoploom:
    """The command, as an operator and as a worker's owner say it."""

    def __init__(self, url: str, tmp_path: Path, said: Callable[[], tuple[str, str]]) -> None:
        self.url, self.tmp_path, self._said = url, tmp_path, said
        self.folder = tmp_path / "identity"

    async def __call__(self, *words: str) -> Said:
        code = await asyncio.to_thread(main.main, ("worker", *words))
        return code, *self._said()

    async def good(self, *words: str) -> str:
        code, out, err = await self(*words)
        assert (code, err) == (0, ""), err
        return out

    async def invited(self, name: str = "pi-attic", *wishes: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.good("invite", name, "--json", *wishes))
        return found

    async def join(self, token: str, *flags: str) -> Said:
        (self.tmp_path / "token").write_text(f"{token}\n", encoding="utf-8")
        return await self(
            "join", self.url, "--token-file", str(self.tmp_path / "token"), "--identity-dir", str(self.folder),
            *flags,
        )


@pytest.fixture
async def hoploom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_mesh: OnMesh, fake_consul: FakeConsul,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Hoploom]:  # fmt: skip
    """This process passes for the mesh's Consul."""
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(own, "PATIENCE_S", 0.2)
    places = Places.of("demo", os.environ)
    places.make()
    tokens.ensure(places)
    await fake_consul.kv_put(OVERLAY, packed(OverlayDocument(version=1)))
    app = on_mesh(make_app(Settings(operator_token_file=str(places.tokens / "operator"))), background=True)
    async with TestClient(TestServer(app)) as client:

        async def signs() -> bool:
            return (await client.post("/api/v1/workers/challenge")).status == 200

        await eventually("the manager can sign", signs)
        places.write({"ports": {"fabio_proxy": client.port}, "processes": {"consul": this_process().as_dict()}})
        yield Hoploom(f"http://127.0.0.1:{client.port}", tmp_path, capsys.readouterr)


async def test_an_invitation_is_a_token_and_one_command(hoploom: Hoploom) -> None:
    out = await hoploom.good("invite", "pi-attic", "--place", "Tampere, FI", "--max-rate", "200")
    assert f"curl -fsS {hoploom.url}/join | sudo sh" in out and "UTC" in out
    assert f"hoploom worker join {hoploom.url}" in out
    assert "that address is this machine's alone" in out


async def test_an_empty_list_says_how_to_begin(hoploom: Hoploom) -> None:
    assert "hoploom worker invite NAME" in await hoploom.good("ls")


async def test_what_is_wished_is_what_is_listed_and_shown(hoploom: Hoploom) -> None:
    found = await hoploom.invited("pi-attic", "--place", "Tampere, [b]FI", "--at", "61.5,23.75", "--max-rate", "200")
    assert "invited" in await hoploom.good("ls")
    assert "has not joined yet" in (await hoploom("show", "pi-attic"))[2]
    assert (await hoploom.join(found["token"]))[0] == 0
    line = next(each for each in (await hoploom.good("ls")).splitlines() if each.startswith("pi-attic"))
    assert "not heard" in line and "Tampere, [b]FI" in line and "200" in line and "invited" not in line
    shown = await hoploom.good("show", "pi-attic")
    assert "(61.5, 23.75)" in shown and "at most 200 packets a second" in shown
    assert json.loads(await hoploom.good("show", "pi-attic", "--json"))["number"] >= 2_000_000_000


async def test_a_machine_joins_leaves_and_may_join_anew(hoploom: Hoploom) -> None:
    code, out, _ = await hoploom.join((await hoploom.invited())["token"])
    assert code == 0 and "joined" in out and "worker pi-attic, number 20000000" in out and "plain http" in out
    assert (await hoploom.join("0000-0000-0000-0000"))[0] == 2, "it has joined already"
    out = await hoploom.good("leave", "--identity-dir", str(hoploom.folder))
    assert "pi-attic is no worker of" in out and not list(hoploom.folder.iterdir())
    assert "pi-attic" not in await hoploom.good("ls")
    assert (await hoploom.join((await hoploom.invited())["token"]))[0] == 0


async def test_a_copy_of_another_workers_disk_joins_as_one_of_its_own(hoploom: Hoploom) -> None:
    await hoploom.join((await hoploom.invited())["token"])
    copied = hoploom.folder.joinpath("key").read_bytes()
    code, _, err = await hoploom.join("0000-0000-0000-0000", "--copied")
    assert code == 2 and "not known here" in err
    assert hoploom.folder.joinpath("key").read_bytes() == copied, "what is refused changes nothing"
    code, out, _ = await hoploom.join((await hoploom.invited("pi-cellar"))["token"], "--copied")
    assert code == 0 and "worker pi-cellar" in out
    assert hoploom.folder.joinpath("key").read_bytes() != copied
    assert {"pi-attic", "pi-cellar"} <= {each.split()[0] for each in (await hoploom.good("ls")).splitlines() if each}


async def test_a_removed_worker_may_leave_too(hoploom: Hoploom) -> None:
    await hoploom.join((await hoploom.invited())["token"])
    assert "nothing is kept of it" in await hoploom.good("rm", "pi-attic")
    assert (await hoploom("rm", "pi-attic"))[0] == 2
    assert "was no worker of" in await hoploom.good("leave", "--identity-dir", str(hoploom.folder))
    assert not list(hoploom.folder.iterdir())


async def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_token(hoploom: Hoploom) -> None:
    token = (await hoploom.invited())["token"]
    await hoploom.join(token)
    # As if the answer had never come.
    (hoploom.folder / "enrolment.json").unlink()
    assert (await hoploom.join(token))[0] == 0


async def test_another_machine_gets_nothing_for_a_used_token(hoploom: Hoploom) -> None:
    token = (await hoploom.invited())["token"]
    await hoploom.join(token)
    hoploom.folder = hoploom.tmp_path / "another"
    code, _, err = await hoploom.join(token)
    assert code == 2 and "not known here, used up or expired" in err and len(err.splitlines()) == 1
    assert IdentityFolder(hoploom.folder).read() is None


async def test_a_mesh_anywhere_is_named_by_its_address_and_a_token(
    hoploom: Hoploom, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file = str(Places.of("demo", os.environ).tokens / "operator")
    monkeypatch.setenv("HOPLOOM_STATE", str(hoploom.tmp_path / "nothing here"))
    where = ("--url", f"{hoploom.url}/", "--operator-token-file", token_file)
    found = await hoploom.invited("pi-attic", *where)
    assert found["url"] == hoploom.url
    assert "pi-attic" in await hoploom.good("ls", *where)
    code, _, err = await hoploom("ls", "--url", hoploom.url)
    assert code == 2 and "--operator-token-file" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("invite Pi", "lower-case letters, digits and dashes"),
        (f"invite {'a' * 64}", "1 to 63"),
        ("invite pi --at north", "LAT,LON"),
        ("invite pi --at 91,0", "degrees"),
        ("invite pi --at nan,0", "degrees"),
        ("invite pi --max-rate -1", "max_rate_pps"),
        ("invite pi --valid-h 0", "--valid-h is hours"),
        ("invite pi --valid-h nan", "--valid-h is hours"),
        ("ls --url ftp://x --operator-token-file /nowhere", "https://map.example.org"),
        ("join http://127.0.0.1:9 --token-file /dev/null", "no token was given"),
        ("show nobody", "no worker nobody"),
        ("show ../overview", "no worker is called"),
        ("rm nobody", "no worker nobody"),
        ("run nobody", "no worker here is called nobody"),
        ("run", "name one worker, or say --all"),
        ("run pi --all", "name one worker, or say --all"),
        ("run all", "say --all for all of them"),
        ("set pi rate=x", "rate=N"),
        ("set pi pace=5", "rate=N"),
        ("set pi", "NAME rate=N"),
        ("set --all rate=99999999", "at most"),
        ("join ftp://x", "https://map.example.org"),
        ("join http://127.0.0.1:9 --token-file /nowhere", "cannot read the token file"),
        ("leave", "has not joined"),
        ("start", "has not joined"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_exit_code_2(
    hoploom: Hoploom, monkeypatch: pytest.MonkeyPatch, words: str, reason: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(hoploom.tmp_path))
    code, out, err = await hoploom(*words.split())
    assert (code, out) == (2, "") and reason in err and len(err.splitlines()) == 1


async def test_workers_are_told_to_look_for_work_and_how_fast_to_send(hoploom: Hoploom) -> None:
    await hoploom.join((await hoploom.invited())["token"])
    assert "pi-attic: look for work now" in await hoploom.good("run", "pi-attic")
    assert "all workers: look for work now" in await hoploom.good("run", "--all")
    assert "pi-attic: at most 1,500 packets a second" in await hoploom.good("set", "pi-attic", "rate=1500")
    assert "pi-attic: as fast as its owner and campaigns allow" in await hoploom.good("set", "pi-attic", "rate=0")
    told = json.loads(await hoploom.good("set", "--all", "rate=9", "--json"))
    assert told == {"v": 1, "run": 1, "settings": {"rate_pps": 9}, "worker": "all"}


async def test_a_token_that_was_mistyped_is_said_before_anybody_is_asked(hoploom: Hoploom) -> None:
    code, _, err = await hoploom.join("hello")
    assert code == 2 and "16 letters and digits" in err
    assert not hoploom.folder.exists()


async def test_a_mesh_that_does_not_answer_is_exit_code_1_and_the_key_is_kept(
    hoploom: Hoploom, fake_consul: FakeConsul
) -> None:
    token = (await hoploom.invited())["token"]
    fake_consul.away = True
    code, _, err = await hoploom.join(token)
    assert code == 1 and len(err.splitlines()) == 1 and "same token may be tried again" in err
    fake_consul.away = False
    assert (await hoploom.join(token))[0] == 0


async def test_start_becomes_the_worker_of_the_mesh_that_was_joined(
    hoploom: Hoploom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hoploom.join((await hoploom.invited())["token"])
    became: list[list[str]] = []

    def execv(_: str, words: list[str]) -> Never:
        became.append(words)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(SystemExit):
        await asyncio.to_thread(main.main, ("worker", "start", "--identity-dir", str(hoploom.folder)))
    options = ["--mesh-url", hoploom.url, "--identity-dir", str(hoploom.folder)]
    assert became == [[sys.executable, "-m", "hoploom.ping_service", *options]]


def test_every_verb_has_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("invite", "ls", "show", "revoke", "rm", "run", "set", "join", "start", "leave"):
        with pytest.raises(SystemExit) as ended:
            main.main(("worker", verb, "--help"))
        assert ended.value.code == 0 and f"hoploom worker {verb}" in capsys.readouterr().out
