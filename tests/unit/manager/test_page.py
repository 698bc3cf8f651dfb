"""The manager's page: what it shows, and what it shows when a part is away."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import EDGE, ExternalNode
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from locks import lock, unlock
from people_made import signed_in

CAMPAIGN = {
    "campaign": {"id": "demo", "name": "<b>demo</b>", "number": 2_000_000_000, "targets": 10, "probe": {"count": 1}},
    "groups": {"local": {"done": 4, "handed_out": 10, "reissued": 0, "finished": False, "round": 0, "rounds": 1,
                         "rate_pps": 12.0, "targets_per_s": 12.0, "seconds_left": 100.0}},
}
RESULT = {"address": "127.0.0.9", "outcome": "answered", "rtt_avg_us": 1500, "worker": "w", "campaign": "demo",
          "at_us": 1}
BATCH = {"batch": "b", "group": "local", "round": 0, "family": 4, "start": 0, "stop": 4, "rows": 4, "answered": 3,
         "lost": 1, "unreachable": 0, "failed": 0}
TRACED = {
    "kind": "trace", "address": "127.0.0.10", "outcome": "reached", "distance": 3, "worker": "w", "campaign": "demo",
    "at_us": 2, "hops": [{"rtt_us": 900}, {"rtt_us": None}, {"rtt_us": 2700}],
}  # fmt: skip
Put = Callable[[web.Application], web.Application]
Page = TestClient[web.Request, web.Application]


def service(answers: dict[str, Any]) -> web.Application:
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path)
        return web.json_response(found) if found is not None else web.Response(status=404)

    app.router.add_get("/{path:.*}", answer)
    return app


@pytest.fixture
def results() -> list[dict[str, Any]]:
    """What every output tells, of whatever kind it is asked for."""
    return [RESULT]


@pytest.fixture
async def page(on_mesh: Put, fake_consul: FakeConsul, results: list[dict[str, Any]]) -> AsyncIterator[Page]:
    slots = {"slots": [{"slot": 0, "owner": "input-1"}] * 64, "unowned": 0}
    campaigns = {"/api/v1/campaigns": {"campaigns": [CAMPAIGN]}, "/api/v1/campaigns/demo": CAMPAIGN}
    inputs = {"/api/v1/slots": slots, **campaigns}
    outputs = {
        "/api/v1/results": {"results": results},
        "/api/v1/output/campaigns/2000000000/batches": {"batches": [BATCH]},
    }
    async with TestServer(service(inputs)) as first, TestServer(service(outputs)) as second:
        fake_consul.add_instance("input", "127.0.0.1", first.port or 0)
        fake_consul.add_instance("output", "127.0.0.1", second.port or 0)
        app, shown = make_app(Settings(fabio_addr="http://127.0.0.1:1")), await signed_in(fake_consul)
        async with TestClient(TestServer(on_mesh(app)), headers=shown) as client:
            yield client


async def home(page: Page, path: str = "/") -> str:
    """A page after a look, as somebody sees it who has waited for the next one."""
    assert (await page.get("/api/v1/overview")).status == 200
    return await (await page.get(path)).text()


async def test_pings_and_traceroutes_stand_side_by_side_newest_first(page: Page, results: list[dict[str, Any]]) -> None:
    """Also where an output of the version before tells of pings without a kind, whatever is asked."""
    results.append(TRACED)
    found = (await (await page.get("/api/v1/overview")).json())["results"]
    assert [(each["address"], each["kind"], each["rtt_us"]) for each in found] == [
        ("127.0.0.10", "trace", 2700),
        ("127.0.0.9", "ping", 1500),
    ]
    text = await home(page)
    assert "reached, 3 hops away" in text and "2.700 ms" in text and "1.500 ms" in text


@pytest.mark.parametrize(("outcome", "hops"), [("gap", [{"rtt_us": 900}]), ("reached", [])])
async def test_a_path_without_an_answer_of_its_target_has_no_time(
    page: Page, results: list[dict[str, Any]], outcome: str, hops: list[dict[str, Any]]
) -> None:
    results[:] = [{**TRACED, "outcome": outcome, "distance": None, "hops": hops}]
    [found] = (await (await page.get("/api/v1/overview")).json())["results"]
    assert (found["rtt_us"], found["hops"]) == (None, len(hops))
    assert "away" not in (await home(page)).partition("Latest results")[2]


async def test_the_page_shows_instances_campaigns_and_results(page: Page) -> None:
    text = await home(page)
    answer = await page.get("/")
    assert all(part in text for part in ("Every instance is passing", "127.0.0.9", "1.500 ms", "local", "input-"))
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_the_page_shows_leaders_and_owners_and_what_is_left(page: Page, fake_consul: FakeConsul) -> None:
    session = await fake_consul.session_create({"TTL": "10s"})
    said = b'{"v":1,"instance":"manager-1","url":"","at_us":1000000}'
    await lock(fake_consul, "hoploom/roles/manager/.lock", said, session)
    text = await home(page, "/mesh")
    assert all(part in text for part in ("manager-1", "1970-01-01 00:00:01", "64 of 64"))
    assert "2 min" in await home(page)
    await unlock(fake_consul, "hoploom/roles/manager/.lock", b"", session)
    found = await (await page.get("/api/v1/overview")).json()
    assert "nobody leads manager" in found["problems"]


@pytest.mark.parametrize(
    ("overlay", "said", "unsaid"),
    [
        (None, "Pause all probing", "opt-outs"),
        ({"paused": False, "paused_campaigns": [], "opt_outs": 0}, "opt-outs 0", "Paused:"),
        ({"paused": True, "paused_campaigns": ["demo"], "opt_outs": 0}, "Probing is paused</strong> everywhere", ">x<"),
        ({"paused": False, "paused_campaigns": ["a", "b"], "opt_outs": 0}, 'campaigns/b">b</a>', "everywhere"),
        ({"paused": False, "paused_campaigns": [], "opt_outs": 1200}, "opt-outs 1,200", "paused</strong>"),
    ],
    ids=["nobody tells", "nothing", "everything", "two campaigns", "opt-outs"],
)
async def test_what_is_paused_and_opted_out_stands_on_the_page(
    on_mesh: Put, fake_consul: FakeConsul, overlay: object, said: str, unsaid: str
) -> None:
    answers = {"/api/v1/campaigns": {"campaigns": []}, "/api/v1/overlay/summary": overlay}
    async with TestServer(service(answers)) as an_input:
        fake_consul.add_instance("input", "127.0.0.1", an_input.port or 0)
        app, shown = make_app(Settings(fabio_addr="http://127.0.0.1:1")), await signed_in(fake_consul)
        async with TestClient(TestServer(on_mesh(app)), headers=shown) as client:
            text = await home(client)
            assert (await (await client.get("/api/v1/overview")).json())["overlay"] == overlay
    assert said in text and unsaid not in text


async def test_names_of_others_are_inert(page: Page) -> None:
    text = await home(page)
    assert "<b>demo</b>" not in text
    assert "&lt;b&gt;demo&lt;/b&gt;" in text


async def test_a_critical_instance_is_a_problem_and_comes_first(page: Page, fake_consul: FakeConsul) -> None:
    await fake_consul.register({"ID": "output-1", "Name": "output", "Address": "127.0.0.1", "Port": 1,
                                "Checks": [{"Name": "ready", "CheckID": "c"}]})
    fake_consul.set_check("output-1", "ready", "critical", "not ready: disk full")
    found = await (await page.get("/api/v1/overview")).json()
    assert found["problems"] == ["output-1 is critical: not ready: disk full"]
    assert found["instances"][0]["id"] == "output-1"


async def test_a_worker_elsewhere_has_no_address_to_call(page: Page, fake_consul: FakeConsul) -> None:
    meta = {EDGE: "true", "worker": "pi", "version": "0.1.0"}
    node = ExternalNode("edge-pi", "ping", "ping-pi", ("0.1.0",), meta, "critical", "silent: no ad of it")
    await fake_consul.kv_txn(external_nodes.entered(node))
    found = await (await page.get("/api/v1/overview")).json()
    [row] = [each for each in found["instances"] if each["service"] == "ping"]
    assert (row["where"], row["node"], row["version"], row["worker"]) == ("elsewhere", "edge-pi", "0.1.0", "pi")
    assert "ping-pi is critical: silent: no ad of it" in found["problems"]


async def test_the_page_stands_while_consul_is_away(page: Page, fake_consul: FakeConsul) -> None:
    await home(page)
    fake_consul.away = True
    found = await (await page.get("/api/v1/overview")).json()
    assert "Consul is away" in found["problems"][0]
    assert found["campaigns"] and found["results"], "asked from the last known list"
    assert found["instances"], "the last that is known"
    assert "shown below: as of" in await home(page)


async def test_a_summary_adds_up_and_an_unknown_campaign_is_not_found(page: Page) -> None:
    found = await (await page.get("/api/v1/summary/demo")).json()
    expected = {"targets": 4, "answered": 3, "lost": 1, "unreachable": 0, "failed": 0, "duplicates": 0,
                "suspect": 0, "hops": 0}
    assert found["summary"] == {"local": expected}
    missing = await page.get("/api/v1/summary/nosuch")
    assert (missing.status, missing.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("name", ["demo%2Fshards", "demo%3Fx=1", "Demo", "..%2Fslots"])
async def test_what_is_no_id_of_a_campaign_is_not_found(page: Page, name: str) -> None:
    assert (await page.get(f"/api/v1/summary/{name}")).status == 404


@pytest.mark.parametrize("broken", ["/api/v1/campaigns", "/api/v1/campaigns/demo", "/api/v1/results", "batches"])
async def test_a_service_that_refuses_is_named_and_breaks_no_page(
    on_mesh: Put, fake_consul: FakeConsul, broken: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith(broken):
            return web.json_response({"detail": "a bug"}, status=500)
        everything = {"campaigns": [], **CAMPAIGN, "results": [], "batches": [], "slots": [], "unowned": 0}
        return web.json_response(everything)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as other:
        for name in ("input", "output"):
            fake_consul.add_instance(name, "127.0.0.1", other.port or 0)
        app, shown = make_app(Settings(fabio_addr="http://127.0.0.1:1")), await signed_in(fake_consul)
        async with TestClient(TestServer(on_mesh(app)), headers=shown) as client:
            assert (await client.get("/api/v1/overview")).status == 200
            summary = await client.get("/api/v1/summary/demo")
    refused = broken in ("/api/v1/campaigns/demo", "batches")
    assert summary.status == (503 if refused else 200)


async def test_the_page_stands_while_consul_is_away_from_the_beginning(page: Page, fake_consul: FakeConsul) -> None:
    # So that who asks is known.
    assert (await page.get("/api/v1/summary/nosuch")).status == 404
    fake_consul.away = True
    assert (await page.get("/api/v1/overview")).status == 200


async def test_a_summary_is_of_all_pages_of_all_outputs(on_mesh: Put, fake_consul: FakeConsul) -> None:
    """One output has three pages, one has two whose end comes sooner, and one is of the version before."""

    def output(ends: list[int], *, pages: bool = True) -> web.Application:
        async def batches(request: web.Request) -> web.Response:
            after = int(request.query.get("after", "0"))
            ahead = [end for end in ends if end > after][: 2 if pages else None]
            found = [{**BATCH, "batch": f"{ends}{end}", "start": end, "stop": end + 4, "seq": end} for end in ahead]
            more = {"next": ahead[-1] if len(ahead) == 2 else None} if pages else {}
            return web.json_response({"batches": found, **more})

        app = web.Application()
        app.router.add_get("/api/v1/output/campaigns/2000000000/batches", batches)
        return app

    inputs = service({"/api/v1/campaigns/demo": CAMPAIGN})
    outputs = [output([4, 8, 12, 16, 20]), output([104, 108, 112]), output([1000, 1004, 1008], pages=False)]
    async with contextlib.AsyncExitStack() as stack:
        for name, app in [("input", inputs), *(("output", each) for each in outputs)]:
            server = await stack.enter_async_context(TestServer(app))
            fake_consul.add_instance(name, "127.0.0.1", server.port or 0)
        manager = on_mesh(make_app(Settings(fabio_addr="http://127.0.0.1:1")))
        client = await stack.enter_async_context(TestClient(TestServer(manager), headers=await signed_in(fake_consul)))
        summary = (await (await client.get("/api/v1/summary/demo")).json())["summary"]["local"]
    assert (summary["targets"], summary["duplicates"]) == (4 * 11, 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/leases", 503),
        ("GET", "/api/v1/campaigns/demo", 503),
        ("GET", "/dumps", 503),
        ("GET", "/nothing", 404),
        ("GET", "/health", 200),
    ],
)
async def test_a_path_of_a_service_that_is_away_is_no_unknown_one(
    page: Page, method: str, path: str, status: int
) -> None:
    async with page.request(method, path) as answer:
        assert answer.status == status
        assert ("Retry-After" in answer.headers) == (status == 503)
