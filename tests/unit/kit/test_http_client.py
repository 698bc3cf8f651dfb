"""The HTTP client: what an answer is, what becomes of everything else."""

import asyncio
import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hoploom.kit import http_client, logs
from hoploom.kit.errors import Unavailable, Unreached
from hoploom.kit.http_client import Answer, HttpClient, impatient_socket


async def _status(request: web.Request) -> web.Response:
    document = '{"detail": "because"}' if "problem" in request.query else "plain reason"
    headers = {"Retry-After": request.query.get("after", "7")}
    return web.Response(status=int(request.match_info["status"]), text=document, headers=headers)


async def _echo(request: web.Request) -> web.Response:
    return web.json_response({"request_id": request.headers.get("X-Request-Id"), "body": await request.text()})


async def _silent(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"some")
    if "on" in request.query:
        await asyncio.Event().wait()
    return response


async def _streamed(client: HttpClient, url: str, silent_s: float = 30) -> bytes:
    async with aclosing(client.stream(url, silent_s=silent_s, headers={"X-Request-Id": "r"})) as stream:
        return b"".join([each async for each in stream])


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.add_routes([web.get("/status/{status}", _status), web.post("/echo", _echo), web.get("/echo", _echo)])
    app.add_routes([web.get("/silent", _silent), web.get("/cut", _cut), web.get("/stream", _stream)])
    running = TestServer(app, shutdown_timeout=0.01)
    async with running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient()
    yield made
    await made.close()


@pytest.mark.parametrize("status", [200, 204, 307, 404, 422, 429, 500])
async def test_a_status_of_the_service_is_an_answer(status: int, server: TestServer, client: HttpClient) -> None:
    answer = await client.request("GET", server.make_url(f"/status/{status}"))
    assert answer.status == status
    assert answer.ok is (status < 300)
    assert answer.headers["retry-after"] == "7", "names of headers have no case"


AWAY = [
    (502, "7", 7.0),
    (503, "1000", 60.0),
    (504, "Sat, 21 Nov 2026 00:00:00 GMT", 1.0),
    (507, "nan", 0.1),
]


@pytest.mark.parametrize(("status", "after", "retry_after_s"), AWAY)
async def test_a_service_that_is_away_says_when_to_ask_again(
    status: int, after: str, retry_after_s: float, server: TestServer, client: HttpClient
) -> None:
    url = server.make_url(f"/status/{status}").with_query({"problem": "1", "after": after})
    with pytest.raises(Unavailable, match=f"answered {status}: because") as caught:
        await client.request("GET", url)
    assert caught.value.retry_after_s == retry_after_s


async def test_a_refused_port_is_not_reached(client: HttpClient) -> None:
    with pytest.raises(Unreached, match="got no answer"):
        await client.request("POST", f"http://127.0.0.1:{unused_port()}/", data=b"order")


@pytest.fixture
def counting() -> Iterator[tuple[int, list[bytes]]]:
    """A port and what has come to it: whoever answers there lets go of each connection after the first bytes."""
    came, listening = list[bytes](), socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = listening.accept()
                with taken:
                    came.append(taken.recv(1 << 16))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1], came
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


async def test_where_a_byte_may_have_arrived_it_is_not_called_unreached(
    counting: tuple[int, list[bytes]], client: HttpClient
) -> None:
    port, came = counting
    with pytest.raises(Unavailable) as caught:
        await client.request("POST", f"http://127.0.0.1:{port}/", data=b"order")
    assert type(caught.value) is Unavailable
    assert came
    assert b"POST / " in came[0]


async def test_without_a_handshake_of_tls_nothing_of_the_request_has_left(
    counting: tuple[int, list[bytes]], client: HttpClient
) -> None:
    port, came = counting
    with pytest.raises(Unreached):
        await client.request("POST", f"https://127.0.0.1:{port}/", data=b"order")
    assert came
    assert b"POST" not in b"".join(came)


async def test_where_nobody_takes_the_connection_in_time_it_is_not_reached(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "CONNECT_TIMEOUT_S", 0.2)
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # The queue of who is not taken holds one more than it says.
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(Unreached):
            await client.request("POST", f"http://127.0.0.1:{full.getsockname()[1]}/", data=b"order")


@pytest.mark.parametrize("path", ["/silent", "/cut"])
async def test_no_whole_answer_in_time_is_unavailable(path: str, server: TestServer, client: HttpClient) -> None:
    with pytest.raises(Unavailable, match="got no answer"):
        await client.request("GET", server.make_url(path), timeout_s=0.05)


async def test_a_malformed_address_is_unavailable(client: HttpClient) -> None:
    with pytest.raises(Unavailable):
        await client.request("GET", "http://")


async def test_the_request_id_travels_on(server: TestServer, client: HttpClient) -> None:
    token = logs.request_id.set("r-1")
    try:
        answer = await client.request("POST", server.make_url("/echo"), data=b"x", headers={"A": "b"})
    finally:
        logs.request_id.reset(token)
    assert answer.json() == {"request_id": "r-1", "body": "x"}
    assert (await client.request("GET", server.make_url("/echo"))).json()["request_id"] is None


async def test_closed_twice_is_closed(client: HttpClient, server: TestServer) -> None:
    await client.request("GET", server.make_url("/echo"))
    await client.close()
    await client.close()


def test_what_is_no_json_is_not_our_service() -> None:
    with pytest.raises(Unavailable, match="no JSON"):
        Answer(200, b"<html>").json()


REASONS = [(b'{"detail": "because"}', "because"), (b"plain", "plain"), (b"", "status 400"), (b"[1]", "[1]")]


@pytest.mark.parametrize(("body", "reason"), REASONS)
def test_the_reason_of_a_refusal(body: bytes, reason: str) -> None:
    assert Answer(400, body).reason() == reason


PROBLEM = {"Content-Type": "application/problem+json; charset=utf-8"}


@pytest.mark.parametrize(
    ("answer", "is_elsewhere"),
    [
        (Answer(404, b"404 page not found"), True),
        (Answer(404, b'{"detail": "POST /hops: Not Found"}', PROBLEM), True),
        (Answer(404, b'{"detail": "GET /api/v1/x: Not Found"}', PROBLEM), True),
        (Answer(405, b'{"detail": "POST /hops: Method Not Allowed"}', PROBLEM), True),
        (Answer(404, b'{"detail": "there is no campaign x"}', PROBLEM), False),
        (Answer(422, b'{"detail": "no address"}', PROBLEM), False),
        (Answer(200, b"{}"), False),
    ],
)
def test_whoever_has_no_such_path_is_told_from_a_service_that_objects(answer: Answer, is_elsewhere: bool) -> None:
    assert answer.is_elsewhere is is_elsewhere


async def test_a_stream_is_given_as_it_comes_until_its_end(server: TestServer, client: HttpClient) -> None:
    assert await _streamed(client, str(server.make_url("/stream"))) == b"some"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/stream?on=1", "broke off"), ("/cut", "broke off"), ("/status/403?problem=1", "answered 403: because")],
    ids=["silence", "a cut", "a refusal"],
)
async def test_a_stream_that_is_none_is_unavailable(
    path: str, reason: str, server: TestServer, client: HttpClient
) -> None:
    with pytest.raises(Unavailable, match=reason):
        await _streamed(client, str(server.make_url(path)), 0.05)


def authority(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody else has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now, number = datetime.datetime.now(datetime.UTC), x509.random_serial_number()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), number, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


async def test_only_a_named_authority_is_trusted(tmp_path: Path) -> None:
    certificate, key = await asyncio.to_thread(authority, tmp_path)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/echo", _echo)
    server = TestServer(app, scheme="https", host="localhost", shutdown_timeout=0.01)
    await server.start_server(ssl=served)
    async with server:
        url = server.make_url("/echo")
        known, unknown = HttpClient(str(certificate)), HttpClient()
        assert (await known.request("GET", url)).ok
        with pytest.raises(Unavailable, match="certificate"):
            await unknown.request("GET", url)
        await known.close()
        await unknown.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such time-out")
async def test_what_is_worth_nothing_later_is_given_up_by_the_system_too() -> None:
    """A request that timed out while the line was cut must not arrive when it is mended."""
    with impatient_socket(5.0, (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))) as made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5000
    async with TestServer(web.Application()) as server:
        impatient = HttpClient(unacked_s=5.0)
        try:
            assert (await impatient.request("GET", str(server.make_url("/")))).status == 404
        finally:
            await impatient.close()
