"""The audit over outputs that answer, refuse, lie and disappear."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from hoploom.input_service import stores
from hoploom.input_service.audit import Audit, missing
from hoploom.input_service.stores import STORES
from hoploom.kit import metrics
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.targets.ranges import Range, merge
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.probe import Probe

PATIENCE_S = 1800.0
CAMPAIGN = Campaign(
    id="demo",
    number=2_000_000_001,
    measurement=2_000_000_002,
    name="demo",
    sets={4: FamilySet(sha256="ab" * 32, size=1000)},
    rate_pps=100,
    allow_private=False,
    contact="",
    probe=Probe(),
    content_sha256="cd" * 32,
    created_at_us=0,
)


@dataclass
class Output:
    """An output that says what it is told to say."""

    store: str
    ranges: Sequence[Range] = ()
    status: int = 200
    document: Any = None
    asked: list[dict[str, str]] = field(default_factory=list)
    server: TestServer | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({"number": request.match_info["number"], **request.query})
        document = {"v": 1, "store": self.store, "ranges": list(self.ranges)}
        return web.json_response(self.document or document, status=self.status)

    async def start(self, consul: FakeConsul) -> None:
        app = web.Application()
        app.router.add_get("/api/v1/output/campaigns/{number}/coverage", self.answer)
        self.server = TestServer(app)
        await self.server.start_server()
        record: dict[str, Any] = {"Name": "output", "Address": str(self.server.host), "Port": self.server.port}
        meta = {"store": self.store}
        await consul.register({**record, "ID": f"output-{self.store}", "Meta": meta, "Checks": []})
        await consul.kv_put(f"{STORES}{self.store}", b"{}")

    async def leave(self, consul: FakeConsul) -> None:
        """Its instance is gone; its store is still in the list."""
        assert self.server is not None
        await consul.deregister(f"output-{self.store}")
        await self.server.close()


@dataclass
class Clock:
    """The machine's clock, as the test moves it."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stores, "boottime_s", made)
    return made


@pytest.fixture
async def two(fake_consul: FakeConsul) -> AsyncIterator[tuple[Output, Output]]:
    found = Output("one", [(0, 4)]), Output("two", [(5, 9), (20, 29)])
    async with AsyncExitStack() as stack:
        for each in found:
            await each.start(fake_consul)
            assert each.server is not None
            stack.push_async_callback(each.server.close)
        yield found


@pytest.fixture
async def audit(fake_consul: FakeConsul, clock: Clock) -> AsyncIterator[Audit]:
    mesh = Mesh("input")
    mesh.consul = fake_consul
    yield Audit(mesh, PATIENCE_S)
    await mesh.close()


async def lacking(audit: Audit, *done: Range) -> list[Range]:
    return await audit.missing(CAMPAIGN, 3, "all", 4, list(done))


def counted(name: str, label: str = "") -> float:
    lines = metrics.page("", "", "").decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and label in line)


async def test_the_ranges_of_all_outputs_count_together(audit: Audit, two: tuple[Output, Output]) -> None:
    clean, again = counted("hoploom_input_audits_total", "clean"), counted("hoploom_input_positions_reopened_total")
    assert await lacking(audit, (0, 9)) == []
    assert await lacking(audit, (2, 12), (18, 25)) == [(10, 12), (18, 19)]
    assert counted("hoploom_input_audits_total", "clean") == clean + 1
    assert counted("hoploom_input_positions_reopened_total") == again + 5
    wanted = {"number": "2000000001", "revision": "ab" * 32, "round": "3", "group": "all", "family": "4"}
    assert two[0].asked[0] == two[1].asked[0] == wanted


async def test_a_store_that_is_away_postpones_until_it_is_taken_for_lost(
    audit: Audit, two: tuple[Output, Output], clock: Clock, fake_consul: FakeConsul
) -> None:
    await two[0].leave(fake_consul)
    for passed_s in (0.0, PATIENCE_S):
        clock.now_s = 1000.0 + passed_s
        with pytest.raises(Unavailable, match="store one is away; after 1800 s"):
            await lacking(audit, (0, 9))
    clock.now_s += 1.0
    assert await lacking(audit, (0, 9)) == [(0, 4)]
    assert [entry.key for entry in await fake_consul.kv_list(STORES)] == [f"{STORES}two"]


async def test_a_store_that_came_back_has_its_whole_patience_again(
    audit: Audit, two: tuple[Output, Output], clock: Clock, fake_consul: FakeConsul
) -> None:
    await two[0].leave(fake_consul)
    with pytest.raises(Unavailable):
        await lacking(audit, (0, 9))
    clock.now_s += PATIENCE_S
    await two[0].start(fake_consul)
    assert await lacking(audit, (0, 9)) == []
    await two[0].leave(fake_consul)
    clock.now_s += PATIENCE_S
    with pytest.raises(Unavailable):
        await lacking(audit, (0, 9))


async def test_a_store_that_answers_and_is_not_listed_is_entered(
    audit: Audit, two: tuple[Output, Output], fake_consul: FakeConsul
) -> None:
    await fake_consul.kv_delete(f"{STORES}two")
    await lacking(audit, (0, 9))
    assert [entry.key for entry in await fake_consul.kv_list(STORES)] == [f"{STORES}one", f"{STORES}two"]


def _refuses(output: Output) -> None:
    output.status, output.document = 400, {"detail": "no such thing"}


def _is_full(output: Output) -> None:
    output.status = 503


def _is_another_service(output: Output) -> None:
    output.document = {"hello": "world"}


def _lacks_ranges(output: Output) -> None:
    output.document = {"v": 1, "store": "one"}


def _has_words_for_ranges(output: Output) -> None:
    output.document = {"v": 1, "store": "one", "ranges": [["a", "b"]]}


@pytest.mark.parametrize(
    "fault", [_refuses, _is_full, _is_another_service, _lacks_ranges, _has_words_for_ranges], ids=lambda f: f.__name__
)
async def test_an_output_that_gives_no_answer_postpones(
    audit: Audit, two: tuple[Output, Output], fault: Callable[[Output], None]
) -> None:
    fault(two[0])
    before = counted("hoploom_input_audits_total", "postponed")
    with pytest.raises(Unavailable):
        await lacking(audit, (0, 9))
    assert counted("hoploom_input_audits_total", "postponed") == before + 1


async def test_an_output_that_is_passing_and_never_answers_stays_in_the_list(
    audit: Audit, two: tuple[Output, Output], clock: Clock, fake_consul: FakeConsul
) -> None:
    _refuses(two[0])
    with pytest.raises(Unavailable, match="no such thing"):
        await lacking(audit, (0, 9))
    await fake_consul.kv_delete(f"{STORES}one")
    clock.now_s += PATIENCE_S + 1.0
    assert await lacking(audit, (0, 9)) == [(0, 4)]


async def test_nothing_is_clean_while_no_output_is_known(audit: Audit) -> None:
    with pytest.raises(Unavailable, match="no output instance"):
        await lacking(audit, (0, 9))


async def test_nothing_is_clean_while_consul_is_away(
    audit: Audit, two: tuple[Output, Output], fake_consul: FakeConsul
) -> None:
    assert await lacking(audit, (0, 9)) == []
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await lacking(audit, (0, 9))


_SETS = st.frozensets(st.integers(0, 40))


@given(_SETS, _SETS)
def test_missing_is_the_difference_of_sets(done: frozenset[int], stored: frozenset[int]) -> None:
    found = missing(merge((each, each) for each in done), merge((each, each) for each in stored))
    assert {each for first, last in found for each in range(first, last + 1)} == done - stored
