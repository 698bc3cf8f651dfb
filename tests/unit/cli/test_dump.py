"""`hoploom dump` against real output instances: through what stands where Fabio would, by address, and all of them."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.cli import main
from hoploom.kit.testing import OnMesh
from hoploom.local import processes, tokens
from hoploom.local.places import Places
from hoploom.output_service import sending
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from unit.wire.batches import make

Said = tuple[int, str, str]
Hoploom = Callable[..., Coroutine[Any, Any, Said]]


@pytest.fixture
async def outputs(tmp_path: Path, on_mesh: OnMesh) -> AsyncIterator[list[TestServer]]:
    """Two instances; the first has three batches, the second one."""
    async with AsyncExitStack() as stack:
        servers: list[TestServer] = []
        for name, batches in (("a", range(3)), ("b", range(5, 6))):
            app = on_mesh(make_app(Settings(db_dir=tmp_path / name)))
            servers.append(TestServer(app))
            await stack.enter_async_context(servers[-1])
            for number in batches:
                await app[STORE].append(make(number))
        yield servers


@pytest.fixture
async def hoploom(
    outputs: list[TestServer],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Hoploom]:
    """The command in an empty folder; the first instance passes for Fabio, this process for the mesh's Consul."""
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    places = Places.of("demo", os.environ)
    places.make()
    tokens.ensure(places)

    async def health(_: web.Request) -> web.Response:
        found = [{"Service": {"Address": "127.0.0.1", "Port": each.port, "Meta": {"store": store_of(each).uuid}}}
                 for each in outputs]
        return web.json_response(found)

    async def run(*words: str) -> Said:
        code = await asyncio.to_thread(main.main, words)
        return code, *capsys.readouterr()

    consul = web.Application()
    consul.router.add_get("/v1/health/service/output", health)
    async with TestServer(consul) as agent:
        ports = {"fabio_proxy": outputs[0].port, "consul_http": agent.port}
        places.write({"ports": ports, "processes": {"consul": this_process().as_dict()}})
        yield run


def this_process() -> processes.Process:
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return processes.Process(os.getpid(), started)


def store_of(server: TestServer) -> Store:
    return server.app[STORE]


def seqs(path: Path | str) -> list[int]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [int(str(seq)) for (seq,) in connection.execute("SELECT seq FROM batches ORDER BY seq")]
    connection.close()
    return found


def there(folder: str = ".") -> list[Path]:
    return sorted(Path(folder).iterdir())


def unpack(packed: str, target: str) -> None:
    Path(target).write_bytes(zstandard.decompress(Path(packed).read_bytes()))


async def test_a_dump_gets_the_name_of_what_is_in_it_and_says_how_to_go_on(
    hoploom: Hoploom, outputs: list[TestServer]
) -> None:
    uuid = store_of(outputs[0]).uuid
    code, out, _ = await hoploom("dump")
    assert (code, seqs(f"{uuid}-1-3.db")) == (0, [1, 2, 3])
    assert f"next --since {uuid}:3" in out
    assert (await hoploom("dump", "--since", f"{uuid}:2", "-o", "new.db"))[0] == 0
    assert seqs("new.db") == [3]
    code, out, _ = await hoploom("dump", "--since", f"{uuid}:3")
    assert code == 0 and "nothing after 3" in out
    assert [each.name for each in there()] == [f"{uuid}-1-3.db", "new.db"]


async def test_one_instance_is_asked_by_its_address_and_may_compress(
    hoploom: Hoploom, outputs: list[TestServer], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "state")
    assert (await hoploom("dump", "--address", str(outputs[1].make_url("/")), "--compress", "-o", "b.db.zst"))[0] == 0
    unpack("b.db.zst", "b.db")
    assert seqs("b.db") == [1]


async def test_all_instances_come_into_a_folder_and_then_only_what_is_new(
    hoploom: Hoploom, outputs: list[TestServer]
) -> None:
    assert (await hoploom("dump", "--all", "all"))[0] == 0
    await store_of(outputs[1]).append(make(9))
    assert (await hoploom("dump", "--all", "all"))[0] == 0
    one, two = (store_of(each).uuid for each in outputs)
    assert {each.name: seqs(each) for each in there("all")} == {
        f"{one}-1-3.db": [1, 2, 3], f"{two}-1-1.db": [1], f"{two}-2-2.db": [2]
    }


async def test_an_instance_that_is_away_costs_the_others_nothing(hoploom: Hoploom, outputs: list[TestServer]) -> None:
    await asyncio.to_thread(store_of(outputs[0]).close)
    store_of(outputs[0]).path.unlink()
    code, _, err = await hoploom("dump", "--all", "all")
    assert code == 1 and "away" in err
    assert [seqs(each) for each in there("all")] == [[1]]


WRONG = {
    "since is no store": (("--since", "7"), "refuses it: since is the UUID"),
    "since is later than the store": (("--since", "{uuid}:9"), "this store has come to 3 only"),
    "all and since": (("--all", "x", "--since", "{uuid}:1"), "no --since"),
    "there is no room for the file": (("-o", "/dev/null/x.db"), "cannot be kept"),
}


@pytest.mark.parametrize("words, why", WRONG.values(), ids=WRONG)
async def test_refused_in_a_sentence_is(
    hoploom: Hoploom, outputs: list[TestServer], words: tuple[str, ...], why: str
) -> None:
    code, _, err = await hoploom("dump", *(word.format(uuid=store_of(outputs[0]).uuid) for word in words))
    assert code == 2 and why in err and err.count("\n") == 1
    assert there() == []


async def test_what_broke_off_or_is_not_what_was_announced_leaves_no_file(
    hoploom: Hoploom, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sending.send

    async def less(request: web.Request, response: web.StreamResponse, file: Any, size_bytes: int) -> None:
        file.seek(1)
        await send(request, response, file, size_bytes - 1)

    monkeypatch.setattr(sending, "send", less)
    code, _, err = await hoploom("dump", "-o", "x.db")
    assert code == 1 and "checksum" in err
    assert there() == []
