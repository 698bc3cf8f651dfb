"""Route commands against the real Fabio: what is refused here freezes its table, and a table on paper is its table."""

import asyncio
import random
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from engine_processes import ConsulAgent, FabioRouter, ask
from hoploom import engines
from hoploom.cli import main
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError
from hoploom.kit.fabio_api import Router
from hoploom.kit.http_client import HttpClient
from hoploom.routing import commands, editions, table
from hoploom.routing.overrides import Overrides
from hoploom.routing.weights import Weights
from waiting import until

T = TypeVar("T")
OTHER = "fabio/config/zz-other"
OWN = (fabio_api.SERVICE, "fabio-metrics")
"""What a Fabio enters of itself."""
# Each costs the whole table: read, and refused.
REFUSED = [
    "route weight orders /orders weight 0,1",
    "route weight orders",
    "route weight orders /orders weight 1e999",
    "route weight /orders weight 0.1",
    "orders /orders 0.1",
    'route del orders tags "a" /orders',
    "route add orders /orders",
    'route add orders /orders http://127.0.0.1:1/ opts "strip=/x" tags "a"',
    "route add orders /orders http://127.0.0.1:port/",
    "route add orders /or[ders http://127.0.0.1:1/",
    "route add orders /orders %zz",
    "route add orders /orders :80",
]
# And these where nobody is meant.
FOR_NOBODY = [
    'route weight orders /orders weight 0.1 tags "9.9"',
    "route weight stock /orders weight 0.1",
    "route weight orders /none weight 0.1",
    'route weight orders ORDERS.example/ weight 0.1',
]  # fmt: skip
TAKEN = [
    "",
    "# a remark\n// another\n\n",
    "route\tweight  orders /orders weight 0x1p-2",
    'route weight orders /orders weight 1_0e-2 tags "1.4.1"',
    'route weight orders /orders weight 0 tags "1.4.1"',
    'route weight orders /orders weight -1 tags "1.4.1"',
    'route weight orders /orders weight 0.00001 tags "1.4.1"',
    'route weight orders /orders weight 1 tags "1.4.0"',
    'route weight /orders weight 0.3 tags "1.4.1"',
    'route weight orders /orders weight 0.9 tags "1.4.1"\nroute weight orders /orders weight 0.6 tags "1.4.0"',
    'route del orders tags "1.4.1"',
    "route del orders tags 1.4.1",
    'route del tags "1.4.1"',
    "route del orders /orders",
    "route del orders /orders http://127.0.0.1:8001/",
    "route del none /none http://127.0.0.1:8001/",
    'route add orders /orders http://127.0.0.1:9000/ weight 0.25 tags "x, y" opts "strip=/orders"',
    'route add more Example.ORG/Path http://127.0.0.1:9001/ tags ""',
    "route add tcp :3306 tcp://127.0.0.1:3306",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ConsulAgent, FabioRouter]]:
    found = engines.ensure(["consul", "fabio"], report=lambda line: None)
    folder = tmp_path_factory.mktemp("routing")
    consul = ConsulAgent(found["consul"].path, folder / "consul")
    fabio = FabioRouter(found["fabio"].path, folder / "fabio", "one", consul)
    try:
        consul.start()
        for at, version in enumerate(("1.4.0", "1.4.0", "1.4.0", "1.4.1")):
            register(consul, f"orders-{at}", 8000 + at, version)
        fabio.start()
        until("the instances' routes", lambda: len(fabio.targets("orders")) == 4, 10)
        yield consul, fabio
    finally:
        fabio.stop()
        consul.stop()


def register(consul: ConsulAgent, name: str, port: int, *tags: str) -> None:
    record = {"ID": name, "Name": "orders", "Address": "127.0.0.1", "Port": port,
              "Tags": ["urlprefix-/orders strip=/orders", *tags],
              "Check": {"TTL": "10m", "Status": "passing"}}  # fmt: skip
    assert ask("PUT", f"{consul.url}/v1/agent/service/register", record) is not None


def put(consul: ConsulAgent, text: str, key: str = OTHER) -> None:
    request = urllib.request.Request(f"{consul.url}/v1/kv/{key}", text.encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def real(fabio: FabioRouter) -> list[fabio_api.RouteEntry]:
    return [fabio_api._entry(each) for each in ask("GET", f"{fabio.admin_url}/api/routes") or ()]


def as_seen(entries: Sequence[fabio_api.RouteEntry]) -> list[tuple[object, ...]]:
    """What tests entered of a table, comparable: Fabio gives options in any order, and its own checks come and go."""
    return sorted(
        (each.service, each.src, each.dst, each.tags, sorted(each.opts.split()), round(each.weight, 9))
        for each in entries
        if each.service not in (editions.SERVICE, *OWN)
    )


def in_force(consul: ConsulAgent, fabio: FabioRouter, text: str) -> list[fabio_api.RouteEntry]:
    """The real table once a text is carried out, which is seen by a mark behind it."""
    put(consul, editions.marked(text) or "# nothing")
    wanted = editions.edition(text)
    until(f"the table of {text!r}", lambda: editions.shown(real(fabio)) == wanted, 5)
    return real(fabio)


def of_consul(consul: ConsulAgent, fabio: FabioRouter, ask_for: Callable[[Weights], Awaitable[T]]) -> T:
    async def run() -> T:
        api, http = ConsulApi(consul.url), HttpClient()

        async def routers() -> list[Router]:
            return [Router("one", f"{fabio.admin_url}/api/routes")]

        try:
            return await ask_for(Weights(api, http, Overrides(api), routers))
        finally:
            await api.close()
            await http.close()

    return asyncio.run(run())


def on_paper(consul: ConsulAgent, fabio: FabioRouter, text: str) -> list[tuple[object, ...]]:
    passing = of_consul(consul, fabio, lambda weights: weights.passing())
    return as_seen(table.effective(passing, text))


@pytest.mark.parametrize("text", TAKEN)
def test_a_table_on_paper_is_the_table_that_fabio_makes(world: tuple[ConsulAgent, FabioRouter], text: str) -> None:
    consul, fabio = world
    assert commands.refused(text) == []
    assert on_paper(consul, fabio, text) == as_seen(in_force(consul, fabio, text))


def _line(chance: random.Random) -> str:
    port, tag, weight = chance.randrange(8000, 8006), chance.choice(["1.4.0", "1.4.1"]), chance.uniform(0, 1.2)
    return chance.choice(
        [
            f'route weight orders /orders weight {weight:.3f} tags "{tag}"',
            f"route weight orders /orders weight {weight / 2:.3f}",
            f"route add orders /orders http://127.0.0.1:{port}/ weight {chance.choice([0, 0.2, 0.7])}",
            f"route del orders /orders http://127.0.0.1:{port}/",
        ]
    )


@pytest.mark.parametrize("seed", range(12))
def test_any_commands_make_the_same_table_on_paper(world: tuple[ConsulAgent, FabioRouter], seed: int) -> None:
    consul, fabio = world
    chance = random.Random(seed)
    lines = [_line(chance) for _ in range(chance.randint(1, 6))]
    # Never without anybody, so that no weight is for nobody.
    text = "\n".join(['route add orders /orders http://127.0.0.1:9000/ tags "1.4.0,1.4.1"', *lines])
    assert on_paper(consul, fabio, text) == as_seen(in_force(consul, fabio, text)), seed


@pytest.mark.parametrize("text", [*REFUSED, *FOR_NOBODY])
def test_what_is_refused_here_freezes_the_whole_table_there(world: tuple[ConsulAgent, FabioRouter], text: str) -> None:
    consul, fabio = world
    in_force(consul, fabio, "")
    passing = of_consul(consul, fabio, lambda weights: weights.passing())
    with pytest.raises(table.Refused):
        table.effective(passing, text)
    assert bool(commands.refused(text)) == (text in REFUSED)
    # A good key behind the bad one: Fabio reads it, and does not take it.
    good = 'route weight orders /orders weight 0.5 tags "1.4.1"'
    for each, key in ((text, OTHER), (good, f"{OTHER}-good")):
        # Read before: Fabio may have refused it when the write returns.
        log = fabio_log(fabio)
        put(consul, each, key)
        until("Fabio's refusal", lambda log=log: "[WARN]" in fabio_log(fabio)[len(log) :], 5)  # type: ignore[misc]
    assert {each.weight for each in real(fabio) if each.service == "orders"} == {0.25}
    put(consul, "", f"{OTHER}-good")


def fabio_log(fabio: FabioRouter) -> str:
    return fabio.log.read_text(encoding="utf-8", errors="replace")


def test_a_share_is_set_moved_and_taken_back_and_nothing_leaves_them_listed(
    world: tuple[ConsulAgent, FabioRouter],
) -> None:
    consul, fabio = world
    in_force(consul, fabio, "")

    async def course(weights: Weights) -> list[float]:
        seen = []
        for share in (0.1, 0.5, 1.0, 0.0):
            shown = await weights.share("orders", "1.4.1", share)
            assert shown.routers == ("one",)
            assert len(fabio.targets("orders")) == 4
            seen.append(sum(each.weight for each in real(fabio) if "1.4.1" in each.tags))
        return seen

    assert of_consul(consul, fabio, course) == pytest.approx([0.1, 0.5, 1.0, 0.0])
    of_consul(consul, fabio, lambda weights: weights.clear("orders"))
    assert {each.weight for each in real(fabio) if each.service == "orders"} == {0.25}


def test_a_share_waits_for_who_is_to_come_and_freezes_nothing_when_they_go(
    world: tuple[ConsulAgent, FabioRouter],
) -> None:
    consul, fabio = world
    in_force(consul, fabio, "")
    of_consul(consul, fabio, lambda weights: weights.share("orders", "1.5.0", 0.2))
    register(consul, "canary", 8009, "1.5.0")
    until("the canary", lambda: "127.0.0.1:8009" in fabio.targets("orders"), 5)
    assert next(each.weight for each in real(fabio) if "1.5.0" in each.tags) == pytest.approx(0.2)
    assert ask("PUT", f"{consul.url}/v1/agent/service/deregister/canary") is not None
    until("its end", lambda: "127.0.0.1:8009" not in fabio.targets("orders"), 5)
    of_consul(consul, fabio, lambda weights: weights.clear("orders"))


def test_who_would_break_the_table_is_told_so_and_nothing_is_written(
    world: tuple[ConsulAgent, FabioRouter], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    consul, fabio = world
    in_force(consul, fabio, "")
    where = ["--consul", consul.url, "--fabio", fabio.admin_url]
    for words, said in [
        (["orders", "1.4.1", "1.5"], "from 0 to 1"),
        (["orders", "1.4.1", "much"], "from 0 to 1"),
        (["nobody", "1.4.1", "0.1"], "no instance of nobody"),
        (["orders", 'a"b', "0.1"], "is no tag"),
        (["orders", "1.4.1", "0.1", "--src", "/else"], "is not routed from /else"),
    ]:
        assert main.main(["route", "weight", *words, *where]) == 2
        captured = capsys.readouterr()
        assert said in captured.err
        assert captured.err.count("\n") == 1
    put(consul, 'route weight orders /orders weight 0.9 tags "1.4.1"')
    assert main.main(["route", "weight", "orders", "1.4.0", "0.9", *where]) == 2
    assert "another key" in capsys.readouterr().err
    put(consul, "route nonsense")
    assert main.main(["route", "weight", "orders", "1.4.1", "0.1", *where]) == 2
    assert OTHER in capsys.readouterr().err
    assert main.main(["route", "lint", *where]) == 1
    put(consul, "")
    assert ask("GET", f"{consul.url}/v1/kv/fabio/config/hoploom?raw") in (None, {})
    file = tmp_path / "routes"
    file.write_text('route del orders tags "1.4.1"\n', encoding="ascii")
    assert main.main(["route", "lint", str(file), "--key", "mine", *where]) == 0
    assert "25 % -> not listed" in capsys.readouterr().out
    assert main.main(["route", "show", "orders", *where]) == 0
    assert "75 %" in capsys.readouterr().out


def test_an_overtaken_write_changes_nothing(world: tuple[ConsulAgent, FabioRouter]) -> None:
    consul, _ = world

    async def race() -> None:
        api = ConsulApi(consul.url)
        ours = Overrides(api)
        before = await ours.read()
        assert await ours.write("route del nobody", before.index)
        assert not await ours.write("route del somebody", before.index)
        assert (await ours.read()).text.strip() == "route del nobody"
        with pytest.raises(ConfigError, match="is refused"):
            await ours.write("route nonsense", (await ours.read()).index)
        assert await ours.write("", (await ours.read()).index)
        await api.close()

    asyncio.run(race())
