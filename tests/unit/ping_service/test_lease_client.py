"""What the worker makes of every answer of the input and output services."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hoploom.kit.balance import ServiceClient
from hoploom.kit.errors import BadRequest, Forbidden, Unavailable, Unprocessable
from hoploom.kit.http_client import Answer
from hoploom.ping_service import holding, lease_client
from hoploom.ping_service.identity import Identity
from hoploom.ping_service.lease_client import LeaseClient, LeaseEnded, Renewal
from hoploom.targets import plan
from hoploom.targets.notation import parse_block
from hoploom.targets.target_set import TargetSet, digest, from_document
from hoploom.wire.lease import LeaseRequest
from hoploom.wire.overlay import OverlayDocument
from unit.ping_service.stations import lease

PROBLEM = {"Content-Type": "application/problem+json"}
REQUEST = LeaseRequest(request_id="r", worker="w", group="g", rate_pps=0, families=(4,))
HELD = holding.granted((), lease(rate_pps=9), 0.0)[0]


def answer(status: int, document: object = None, detail: str = "no") -> Answer:
    if status >= 400:
        return Answer(status, json.dumps({"detail": detail}).encode(), PROBLEM)
    return Answer(status, b"" if document is None else json.dumps(document).encode(), {})


class Fabio(ServiceClient):
    """Gives these answers one after another, the last one for ever."""

    def __init__(self, *answers: Answer | Unavailable) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        self.asked.append((method, path, options))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Unavailable):
            raise found
        return found


def client(*answers: Answer | Unavailable) -> tuple[LeaseClient, Fabio]:
    fabio = Fabio(*answers)
    return LeaseClient(fabio, Identity("w", "secret"), "w"), fabio


async def test_a_lease_or_none_is_the_answer_to_a_request() -> None:
    asked, fabio = client(answer(200, {"v": 1, "lease": lease().to_json()}), answer(204))
    assert await asked.ask(REQUEST) == lease()
    assert await asked.ask(REQUEST) is None
    method, path, options = fabio.asked[0]
    assert (method, path, options["json"]["request_id"]) == ("POST", "/leases", "r")
    assert options["headers"]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (answer(403), Forbidden),
        (answer(422), BadRequest),
        (answer(404, detail="POST /leases is not served here"), Unavailable),
        (Answer(404, b"no route", {}), Unavailable),
        (answer(405), Unavailable),
        (Unavailable("fabio is away"), Unavailable),
    ],
)
async def test_a_request_that_is_refused_differs_from_one_that_nobody_serves(
    found: Answer | Unavailable, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client(found)[0].ask(REQUEST)


@pytest.mark.parametrize(
    ("document", "expected"),
    [({"v": 1, "ttl_s": 20, "rate_pps": 5}, Renewal(20, 5)), ({"v": 1}, Renewal(30, 9)), (None, Renewal(30, 9))],
)
async def test_a_renewal_says_how_long_and_how_fast(document: object, expected: Renewal) -> None:
    asked, fabio = client(answer(200, document if document else {}))
    assert await asked.renew(HELD) == expected
    assert fabio.asked[0][1] == f"/leases/{HELD.id}/renew"
    assert fabio.asked[0][2]["json"]["stored_upto"] == HELD.stored_upto


@pytest.mark.parametrize("status", [403, 404, 409, 410])
@pytest.mark.parametrize(
    "say",
    [
        lambda each: each.renew(HELD),
        lambda each: each.done(HELD),
        lambda each: each.give_back(HELD, "paused"),
    ],
)
async def test_a_lease_that_is_over_is_told_from_trouble(say: Callable[[LeaseClient], Any], status: int) -> None:
    with pytest.raises(LeaseEnded) as caught:
        await say(client(answer(status, detail="there is no lease of that id"))[0])
    assert caught.value.status == status
    with pytest.raises(Unavailable):
        await say(client(answer(500))[0])


@pytest.mark.parametrize(("status", "expected"), [(200, OverlayDocument(version=4)), (304, None)])
async def test_orders_are_read_or_confirmed(status: int, expected: OverlayDocument | None) -> None:
    asked, fabio = client(answer(status, {"v": 1, "overlay": OverlayDocument(version=4).to_json()}))
    assert await asked.orders(3) == expected
    assert fabio.asked[0][1].startswith("/api/v1/overlay?known=3&wait_s=")


async def test_orders_that_nobody_knows_are_said_to_be_unavailable() -> None:
    with pytest.raises(Unavailable, match="500"):
        await client(answer(500))[0].orders(-1)


@pytest.mark.parametrize("document", [None, [], {}, {"v": 1}, {"v": 1, "lease": None, "overlay": 5}, "text"])
async def test_an_answer_of_somebody_else_is_an_error_and_no_end_of_the_worker(document: object) -> None:
    asked, _ = client(answer(200, document))
    for call in (asked.ask(REQUEST), asked.orders(0), asked.address_set("0" * 64)):
        with pytest.raises((Unavailable, BadRequest)):
            await call


async def test_a_set_is_fetched_once_and_must_be_what_its_name_says() -> None:
    made = plan.make("demo", [parse_block("127.0.0.0/28")], [], plan.Wishes(allow_private=True)).sets[4].to_document()
    asked, fabio = client(answer(200, made))
    assert (await asked.address_set(digest(made))).n == 16
    assert (await asked.address_set(digest(made))).n == 16
    assert len(fabio.asked) == 1
    with pytest.raises(Unavailable, match="not what its name says"):
        await asked.address_set("0" * 64)
    with pytest.raises(Unavailable, match="refused"):
        await client(answer(404))[0].address_set("0" * 64)


@pytest.mark.parametrize("document", [{}, {"v": 1}, {"family": 4, "v": 1, "order_version": 1, "seed": "00"}])
async def test_a_set_of_the_right_name_that_is_none_is_told_from_trouble(document: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable):
        await client(answer(200, document))[0].address_set(digest(document))


async def test_a_set_of_what_is_no_number_is_refused() -> None:
    with pytest.raises(Unprocessable):
        await client(answer(200, {"n": float("nan")}))[0].address_set("0" * 64)


async def test_an_answer_nested_without_end_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        await client(Answer(200, b"[" * 100_000, {}))[0].address_set("0" * 64)


BATCH = "c0ffee00-0000-4000-8000-000000000000"


async def test_a_batch_that_is_stored_was_sent_as_it_is_under_its_id() -> None:
    asked, fabio = client(answer(200, {"v": 1, "batch": BATCH}))
    await asked.submit(BATCH, b"body")
    method, path, options = fabio.asked[0]
    assert (method, path, options["data"]) == ("POST", "/results", b"body")
    assert options["headers"]["Idempotency-Key"] == BATCH and "Bearer" in options["headers"]["Authorization"]


@pytest.mark.parametrize(
    "found",
    [
        Unavailable("away"),
        *[answer(status) for status in (301, 401, 403, 404, 405, 409, 415, 429, 500)],
        Answer(422, b"<html>", {"Content-Type": "text/html"}),
        Answer(409, b'{"title": "Other content"}', {}),
        Answer(413, b"too large for this proxy", {}),
        answer(200, {"v": 1, "batch": "another"}),
        answer(200, {}),
        Answer(200, b"<html>Sign in to this network", {}),
        answer(204),
    ],
    ids=str,
)
async def test_a_batch_waits_where_nobody_has_stored_it_and_nobody_refuses_it(found: Answer | Unavailable) -> None:
    with pytest.raises(Unavailable):
        await client(found)[0].submit(BATCH, b"body")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_batch_that_the_output_refuses_as_such_is_refused_for_good(status: int) -> None:
    with pytest.raises(BadRequest, match=rf"^row 3 is wrong \({status}\)$"):
        await client(answer(status, detail="row 3 is wrong"))[0].submit(BATCH, b"body")


async def test_a_batch_whose_id_another_has_is_refused_for_good_and_one_that_is_being_stored_is_not() -> None:
    for title, error in (("Other content", BadRequest), ("Conflict", Unavailable)):
        found = Answer(409, json.dumps({"title": title, "detail": "it conflicts"}).encode(), PROBLEM)
        with pytest.raises(error, match=r"it conflicts \(409\)"):
            await client(found)[0].submit(BATCH, b"body")


async def test_a_larger_batch_has_longer_to_arrive() -> None:
    asked, fabio = client(answer(200, {"v": 1, "batch": BATCH}))
    await asked.submit(BATCH, b"body")
    await asked.submit(BATCH, bytes(2**20))
    small, large = (options["timeout_s"] for _, _, options in fabio.asked)
    assert small == pytest.approx(30, abs=1) and large > 60


async def test_a_large_set_is_laid_out_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def note(document: object) -> TargetSet:
        seen.append(threading.get_ident())
        return from_document(document)

    monkeypatch.setattr(lease_client, "from_document", note)
    made = plan.make("demo", [parse_block("127.0.0.0/28")], [], plan.Wishes(allow_private=True)).sets[4].to_document()
    await client(answer(200, made))[0].address_set(digest(made))
    assert seen and seen[0] != threading.get_ident()


@pytest.mark.parametrize(("status", "renewals"), [(401, 1), (403, 0), (404, 0)])
async def test_who_is_not_let_in_has_its_credential_renewed(status: int, renewals: int) -> None:
    class Noted(Identity):
        renewals = 0

        def renew_soon(self) -> None:
            self.renewals += 1

    identity = Noted("w", "old")
    asked = LeaseClient(Fabio(answer(status)), identity, "w")
    with pytest.raises((BadRequest, Unavailable)):
        await asked.ask(REQUEST)
    assert identity.renewals == renewals
