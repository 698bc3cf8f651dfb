"""What a manager is told of links: those of stored batches, or that nothing is new."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from hoploom.kit.errors import BadRequest
from hoploom.kit.http_client import Answer
from hoploom.output_service.news import News
from hoploom.output_service.rollups import path_handlers
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.output_service.rollups.naming import Naming
from hoploom.output_service.rollups.paths import Paths
from hoploom.output_service.rollups.rolling import Rolling
from hoploom.output_service.store import Store
from hoploom.wire.addresses import texts
from hoploom.wire.paths import ROUTE, Topology, unpack
from unit.wire.traces import traced

CAMPAIGN = 2_000_000_777
Client = TestClient[web.Request, web.Application]


async def unknown(path: str) -> Answer:
    """An input service that knows no campaign."""
    problem = b'{"detail": "there is no such campaign"}'
    return Answer(404, problem, {"Content-Type": "application/problem+json"})


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    """An output with the sums of paths alone."""
    app = web.Application()
    app[ROLLING] = Rolling(store, News(), Naming(unknown, lambda: 0.0), [Paths()])
    app.add_routes(path_handlers.routes())
    async with TestClient(TestServer(app)) as made:
        yield made
    app[ROLLING].close()


async def links(client: Client, query: str = "") -> tuple[str, Topology]:
    answer = await client.get(f"{ROUTE}{query}")
    assert answer.status == 200
    return answer.headers["ETag"], unpack(await answer.read())


async def test_links_of_stored_batches_are_told_and_then_that_nothing_is_new(store: Store, client: Client) -> None:
    await store.append(traced(0, 6, campaign_number=CAMPAIGN))
    await client.app[ROLLING].step()
    tag, found = await links(client, f"?campaign={CAMPAIGN}")
    ends = set(zip(texts(found.links["near"]), texts(found.links["far"]), found.links["gap"].tolist(), strict=True))
    assert found.workers == ("pi-7",) and ("11.0.0.1", "11.0.0.3", 1) in ends and ("11.0.0.3", "10.0.0.0", 0) in ends
    assert ("", "11.0.0.1", 0) in ends
    again = await client.get(f"{ROUTE}?campaign={CAMPAIGN}", headers={"If-None-Match": tag})
    assert again.status == 304 and await again.read() == b""
    await store.append(traced(1, 6, campaign_number=CAMPAIGN))
    await client.app[ROLLING].step()
    newer, more = await links(client, f"?campaign={CAMPAIGN}")
    assert newer != tag and len(more.links) > len(found.links)
    assert len((await links(client))[1].links) == len(more.links)
    assert len((await links(client, "?campaign=1"))[1].links) == 0


@pytest.mark.parametrize("campaign", ["x", "-1", "1'", "9" * 30])
async def test_what_is_no_number_is_refused(campaign: str) -> None:
    with pytest.raises(BadRequest, match="number"):
        await path_handlers.get_links(make_mocked_request("GET", f"{ROUTE}?campaign={campaign}"))
