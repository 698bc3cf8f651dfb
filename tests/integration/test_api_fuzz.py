"""Whatever comes to a call of the HTTP API is answered as the OpenAPI document says, and never by 500.

A manager, an input and an output on loopback, real but for Consul, get requests that hypothesis makes of that document:
right and wrong parameters, bodies and tokens. The same ones each time; `HOPLOOM_FUZZ=2000` takes other and more ones.
"""

import asyncio
import http.client
import json
import os
import string
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.kit import testing
from hoploom.kit.fake_consul import FakeConsul
from hoploom.output_service.handlers import STORE
from hoploom.wire.api import TABLES
from hoploom.wire.api.describing import FORM, JSON, document
from http_world import MESH, OPERATOR, World, http_world
from unit.wire.batches import make
from unit.wire.traces import traced

EXAMPLES = int(os.environ.get("HOPLOOM_FUZZ", "2"))
SERVICES = ("input", "output", "manager")
WAITS = frozenset({"wait", "wait_s"})
"""An answer may wait as long as these say."""

ENDLESS = frozenset({"/live", "/push"})
"""Streams without an end, which have tests of their own."""

DOCUMENT = document(TABLES, "1")
CAMPAIGN = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/28"], "allow_private": True, "per_prefix": "24:all"}
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
_WORD = st.sampled_from(["demo", "2000000002", "0", "-1", "127.0.0.0/28", "ping", "json", "all", "x" * 300, "1e9", "٣"])
_VALUE = st.one_of(_WORD, _TEXT, st.integers(-1, 2**70).map(str))
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)
_OF_TYPE: Mapping[str, st.SearchStrategy[Any]] = {
    "string": _VALUE, "integer": st.one_of(st.integers(0, 100), st.integers(-(2**70), 2**70)), "boolean": st.booleans(),
    "number": st.one_of(st.floats(allow_nan=False), st.integers()), "object": st.dictionaries(_TEXT, _JSON, max_size=3),
    "array": st.lists(st.one_of(_VALUE, _JSON), max_size=3),
}  # fmt: skip


_HEADERS = st.sampled_from([
    {}, {"Accept": "text/html"}, {"Idempotency-Key": "k"}, {"Content-Encoding": "gzip"}, {"X-Forwarded-For": "<b>"},
    {"Cookie": "__Host-hoploom=x"},
])  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One call of one service."""

    service: str
    method: str
    path: str
    said: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


OPERATIONS = [
    Operation(service, method.upper(), path, said)
    for path, item in DOCUMENT["paths"].items()
    for method, said in item.items()
    for service in said["tags"]
    if service in SERVICES and path not in ENDLESS
]


@dataclass(frozen=True)
class Asked:
    """A request."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None


@st.composite
def requests(draw: st.DrawFn, operation: Operation) -> Asked:
    """What may come to a call."""
    path, query = operation.path, dict[str, str]()
    for each in operation.said.get("parameters", ()):
        if each["in"] == "path":
            # Such a segment is no segment: it is another path.
            value = draw(_VALUE.filter(lambda text: text not in ("", ".", "..")))
            path = path.replace(f"{{{each['name']}}}", quote(value, safe=""))
        elif each["name"] in WAITS:
            query[each["name"]] = draw(st.sampled_from(["0", "x"]))
        elif draw(st.booleans()):
            query[each["name"]] = draw(_VALUE)
    if draw(st.integers(0, 9)) == 0:
        query[draw(_TEXT)] = draw(_TEXT)
    url = path + (f"?{urlencode(query)}" if query else "")
    media, body = draw(_body(operation)) if "requestBody" in operation.said else ("", None)
    headers = {"Content-Type": media} if media else {}
    token = draw(st.sampled_from(["", OPERATOR, OPERATOR, MESH, "hlt_guess", "hw1.e30.c2ln", "guess"]))
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return Asked(url, headers | draw(_HEADERS), body)


@st.composite
def _body(draw: st.DrawFn, operation: Operation) -> tuple[str, bytes]:
    """A media type and what is sent as one; near what is wanted more often than not."""
    content = operation.said["requestBody"]["content"]
    media = draw(st.sampled_from([*content, JSON]))
    schema = content.get(media, {}).get("schema", {})
    fields = schema.get("properties", {})
    wish = {name: draw(_OF_TYPE.get(of.get("type", ""), _JSON)) for name, of in fields.items()
            if name in schema.get("required", ()) or draw(st.booleans())}  # fmt: skip
    if "v" in fields:
        wish["v"] = 1
    if media == FORM:
        return media, urlencode({name: str(value) for name, value in wish.items()}).encode()
    if draw(st.integers(0, 3)) == 0:
        return media, draw(st.one_of(st.binary(max_size=40), _JSON.map(lambda any_: json.dumps(any_).encode())))
    return media, json.dumps(wish).encode()


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The three services, in a thread of their own."""
    started: Future[World] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        consul = FakeConsul()
        put = testing.on_mesh.__wrapped__(consul)  # type: ignore[attr-defined]
        async with AsyncExitStack() as stack:
            try:
                world = await stack.enter_async_context(http_world(tmp_path_factory.mktemp("world"), consul, put))
                await _fill(world)
                started.set_result(world)
            except BaseException as error:
                started.set_exception(error)
                raise
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield started.result(60)
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    loop.close()


async def _fill(world: World) -> None:
    """A campaign with results, so that there is something to find."""
    status, answer = await world.ask("POST", "input", "/api/v1/campaigns", OPERATOR, json=CAMPAIGN)
    assert status == 201, answer
    numbers = {"campaign": "demo", "campaign_number": answer["campaign"]["number"],
               "measurement": answer["campaign"]["measurement"]}  # fmt: skip
    await world.apps["output"][STORE].append(make(0, 20, **numbers))
    await world.apps["output"][STORE].append(traced(1, 5, **numbers))


def answered(world: World, operation: Operation, asked: Asked) -> tuple[int, str, bytes]:
    """Status, media type and body."""
    where = urlsplit(world.urls[operation.service])
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    try:
        connection.request(operation.method, asked.url, asked.body, dict(asked.headers))
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, (answer.getheader("Content-Type") or "").partition(";")[0], body
    finally:
        connection.close()


def described(said: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
    """What the document says of a status; None where it says nothing."""
    found = said["responses"].get(str(status)) or said["responses"].get(f"{status // 100}XX")
    if found and "$ref" in found:
        found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found  # type: ignore[no-any-return]


def fault(operation: Operation, status: int, media: str, body: bytes) -> str:
    """What is wrong with an answer; empty for nothing."""
    found = described(operation.said, status)
    if status == 500 or found is None:
        return f"{status} is not described"
    wanted = found.get("content", {})
    if body and media not in wanted:
        return f"{status} comes as {media}, and should as {', '.join(wanted) or 'nothing'}"
    if wanted and not body and operation.method != "HEAD" and status != 200:
        return f"{status} says nothing"
    return ""


# It means the services, which use chance in a thread of their own.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_answer_is_described(world: World, operation: Operation) -> None:
    @settings(max_examples=EXAMPLES, derandomize="HOPLOOM_FUZZ" not in os.environ, database=None, deadline=None)
    @given(requests(operation))
    def ask(asked: Asked) -> None:
        status, media, body = answered(world, operation, asked)
        assert fault(operation, status, media, body) == "", (asked, body[:300])

    ask()


@pytest.mark.parametrize(
    ("status", "media", "body"),
    [(500, "application/problem+json", b"{}"), (418, "text/plain", b"x"), (200, "text/html", b"x"), (409, "", b"")],
)
def test_an_answer_that_is_not_described_is_found(status: int, media: str, body: bytes) -> None:
    operation = next(each for each in OPERATIONS if each.path == "/api/v1/campaigns" and each.method == "GET")
    assert fault(operation, status, media, body)


def test_names_of_paths_are_plain() -> None:
    assert not set("".join(each.path for each in OPERATIONS)) - set(string.ascii_letters + string.digits + "/{}_.-")
