"""The guard: who a caller is comes from what it shows, and who is revoked does not come in."""

import hmac
from collections.abc import Callable

import pytest
from aiohttp.test_utils import make_mocked_request

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import BadRequest, Forbidden, Unauthorized, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.trust.credential import issue
from hoploom.trust.guard import Caller, Guard
from hoploom.trust.key_set import KeySet
from hoploom.trust.keys import Signer
from hoploom.trust.roll import Roll
from unit.trust.issuing import NOW_S, bearer, credential, publish

SHARED = {"Authorization": "Bearer shared-secret"}
REVOKED = "pi-stolen"


def is_revoked(name: str) -> bool:
    return name == REVOKED


def unknown(name: str) -> bool:
    raise Unavailable(f"whether {name} is revoked is not known yet")


@pytest.fixture
async def guard() -> Guard:
    consul = FakeConsul()
    await publish(consul)
    return Guard("shared-secret", KeySet(consul, lambda: NOW_S * 10**6), is_revoked)


async def asked(guard: Guard, headers: dict[str, str]) -> Caller:
    request = make_mocked_request("POST", "/leases", headers=headers)
    return await guard.caller(request)


async def test_the_mesh_s_own_token_has_no_name_and_may_speak_for_any(guard: Guard) -> None:
    caller = await asked(guard, SHARED)
    caller.must_be("pi-1")
    caller.must_be_the_mesh()
    assert caller.name == ""
    with pytest.raises(Forbidden, match="has no name"):
        caller.must_be_enrolled()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_an_enrolled_worker_speaks_for_itself_alone(guard: Guard, scheme: str) -> None:
    caller = await asked(guard, {"Authorization": bearer()["Authorization"].replace("Bearer", scheme)})
    caller.must_be("pi-1")
    assert (caller.name, caller.must_be_enrolled().number) == ("pi-1", 2_000_000_000)
    for other in ("pi-2", "", "PI-1"):
        with pytest.raises(Forbidden, match="that of pi-1"):
            caller.must_be(other)
    with pytest.raises(Forbidden, match="not for the worker pi-1"):
        caller.must_be_the_mesh()


REFUSED: list[tuple[str, dict[str, str], type[BadRequest], str]] = [
    ("nothing", {}, Unauthorized, "send `Authorization"),
    ("a wrong token", {"Authorization": "Bearer guessed"}, Unauthorized, "send `Authorization"),
    ("an empty token", {"Authorization": "Bearer "}, Unauthorized, "send `Authorization"),
    ("another scheme", {"Authorization": f"Basic {bearer()['Authorization'][7:]}"}, Unauthorized, "send `Auth"),
    ("a credential of nobody's", {"Authorization": f"Bearer {issue(Signer.new(), credential())}"}, Unauthorized,
     "signature is wrong"),
    ("an expired one", bearer(expires_s=NOW_S - 61), Unauthorized, "expired"),
    ("a scheme alone", {"Authorization": "Bearer hw1."}, Unauthorized, "credential"),
    ("a revoked worker's", bearer(REVOKED), Forbidden, "pi-stolen is revoked"),
]


@pytest.mark.parametrize(
    ("headers", "error", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_anything_else_is_refused(
    guard: Guard, headers: dict[str, str], error: type[BadRequest], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await asked(guard, headers)


async def test_no_worker_comes_in_before_it_is_known_who_is_revoked() -> None:
    consul = FakeConsul()
    await publish(consul)
    guard = Guard("shared-secret", KeySet(consul, lambda: NOW_S * 10**6), unknown)
    with pytest.raises(Unavailable, match="not known yet"):
        await asked(guard, bearer())
    assert (await asked(guard, SHARED)).name == "", "the mesh's own workers do not wait for it"


async def test_an_instance_without_the_mesh_s_token_refuses_it_and_takes_credentials() -> None:
    consul = FakeConsul()
    await publish(consul)
    guard = Guard("", KeySet(consul, lambda: NOW_S * 10**6), is_revoked)
    assert (await asked(guard, bearer())).name == "pi-1"
    with pytest.raises(Forbidden):
        await asked(guard, SHARED)


async def test_the_mesh_s_token_is_compared_in_constant_time(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real: Callable[[bytes, bytes], bool] = hmac.compare_digest

    def noted(sent: bytes, known: bytes) -> bool:
        compared.append((sent, known))
        return real(sent, known)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    await asked(guard, SHARED)
    assert compared == [(b"shared-secret", b"shared-secret")]


async def test_a_worker_that_was_removed_is_let_in_no_more() -> None:
    consul, roll = FakeConsul(), Roll()
    await publish(consul)
    guard = Guard("shared-secret", KeySet(consul, lambda: NOW_S * 10**6), is_revoked, roll)
    roll.learn([KvEntry("hoploom/workers/pi-1", b"{}", 7)])
    assert (await asked(guard, bearer())).name == "pi-1"
    roll.learn([])
    with pytest.raises(Forbidden, match="removed from the mesh"):
        await asked(guard, bearer())
    assert (await asked(guard, bearer("pi-2"))).name == "pi-2"
