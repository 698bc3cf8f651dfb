"""`hoploom dyfi` against a manager that stands where Fabio would."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from hoploom.cli import main, status
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.dyfi.record import KEY, Record, encoded
from hoploom.manager.settings import Settings

STOPPED = Record(claimed_us=1, why="first", missing=["a.dy.fi"], failures=1, answers={"a.dy.fi": "badauth"},
                 stopped="badauth for a.dy.fi: user or password is wrong")  # fmt: skip
Said = tuple[int, str, str]
Hoploom = Callable[..., Coroutine[None, None, Said]]


@pytest.fixture
async def hoploom(
    on_mesh: OnMesh, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Hoploom]:
    for name, text in (("password", "secret"), ("operator", "chief"), ("wrong", "nobody")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = Settings(dyfi_hosts="a.dy.fi", dyfi_user="me", dyfi_password_file=str(tmp_path / "password"),
                        operator_token_file=str(tmp_path / "operator"))  # fmt: skip
    async with TestServer(on_mesh(make_app(settings))) as server:

        async def run(verb: str, *words: str, token: str = "operator") -> Said:
            where = ("--url", str(server.make_url("/")), "--operator-token-file", str(tmp_path / token))
            code = await asyncio.to_thread(main.main, ["dyfi", verb, *where, *words])
            said = capsys.readouterr()
            return code, " ".join(said.out.split()), said.err

        yield run


async def test_names_that_were_never_told_are_shown(hoploom: Hoploom) -> None:
    code, out, _ = await hoploom("show")
    assert code == 0 and "a.dy.fi: not told yet" in out


async def test_a_stop_is_shown_with_its_reason_and_resumed_once(hoploom: Hoploom, fake_consul: FakeConsul) -> None:
    await fake_consul.kv_put(KEY, encoded(STOPPED))
    code, out, _ = await hoploom("show")
    assert code == 1 and "user or password is wrong" in out and "a.dy.fi badauth" in out
    assert "called again within some minutes" in (await hoploom("resume"))[1]
    assert "nothing was stopped" in (await hoploom("resume"))[1]
    code, out, _ = await hoploom("show", "--json")
    assert (code, json.loads(out)["stopped"]) == (0, "")


async def test_a_wrong_token_resumes_nothing_and_is_a_sentence(hoploom: Hoploom, fake_consul: FakeConsul) -> None:
    await fake_consul.kv_put(KEY, encoded(STOPPED))
    code, out, err = await hoploom("resume", token="wrong")
    assert (code, out) == (2, "") and "refuses it" in err and "Traceback" not in err


@pytest.mark.parametrize(("kept", "lines"), [(None, []), ({"line": "a.dy.fi is told"}, ["a.dy.fi is told"])])
def test_status_has_a_line_where_names_are_kept(kept: dict[str, str] | None, lines: list[str]) -> None:
    found: dict[str, Any] = {name: [] for name in ("leaders", "owners", "collected", "campaigns")}
    found |= {"overlay": None, "dyfi": kept}
    assert [each.partition(" ")[2].strip() for each in status._coordination(found)] == lines
